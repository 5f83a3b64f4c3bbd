#include "policy/policy.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "base/encoding.h"

namespace signet::policy {
namespace {

const SystemTime kMonday = from_rfc3339("2024-01-01T12:00:00Z").value();

std::shared_ptr<const Policy> parse(const std::string& text) {
    auto policy = Policy::parse(text, "policy.yaml");
    if (!policy) throw std::runtime_error(policy.error().message);
    return *policy;
}

Query ask(std::vector<std::string> principals, std::string_view permission, std::string_view key = "",
          std::optional<std::string_view> algorithm = "") {
    return {.principals = std::move(principals),
            .permission = permission,
            .key = key,
            .algorithm = algorithm,
            .now = kMonday};
}

constexpr auto kPolicy = R"(
principals:
  ops: { users: [0], groups: [5] }
  gateway: { certificates: ["sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"], sans: ["dns:*.pay.example"] }
  batch: { api_keys: ["sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"] }
rules:
  - name: no-root-key
    deny: ["*"]
    permissions: ["keys.*"]
    keys: ["root.*"]
  - name: no-rsa
    deny: [gateway]
    permissions: [keys.sign]
    algorithms: [RS256]
  - name: documents
    allow: [gateway, ops]
    permissions: [keys.sign]
    keys: ["document.*"]
    algorithms: [ES256, RS256]
    rate: 5/1s
    quorum: 2
  - name: operators
    allow: [ops]
    permissions: ["*"]
  - name: lists
    allow: ["*"]
    permissions: [keys.list]
  - name: open
    allow: [public]
    permissions: [ca.crl]
)";

TEST(PolicyTest, IdentifiesByEachEvidence) {
    const auto policy = parse(kPolicy);
    const auto names = [&](const Evidence& evidence) { return policy->identify(evidence); };
    using Names = std::vector<std::string>;
    Evidence evidence;
    EXPECT_EQ(names(evidence), Names{});
    evidence.uid = 0;
    EXPECT_EQ(names(evidence), Names{"ops"});
    evidence.uid = 1;
    EXPECT_EQ(names(evidence), Names{});
    evidence.gids = {3, 5};
    EXPECT_EQ(names(evidence), Names{"ops"});
    evidence = {};
    evidence.certificate_fingerprint = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    EXPECT_EQ(names(evidence), Names{"gateway"});
    evidence = {};
    evidence.certificate_sans = {"uri:x", "dns:a.pay.example"};
    EXPECT_EQ(names(evidence), Names{"gateway"});
    evidence = {};
    evidence.api_key = sha256(as_bytes("test"));
    EXPECT_EQ(names(evidence), Names{"batch"});
    evidence.uid = 0;
    EXPECT_EQ(names(evidence), (Names{"ops", "batch"}));
    evidence.api_key->at(31) ^= 1;
    EXPECT_EQ(names(evidence), Names{"ops"});
}

TEST(PolicyTest, TheFirstMatchDecides) {
    const auto policy = parse(kPolicy);
    auto decision = policy->evaluate(ask({"gateway"}, "keys.sign", "document.a", "ES256"));
    EXPECT_TRUE(decision.allowed);
    EXPECT_EQ(decision.rule->name, "documents");
    EXPECT_EQ(decision.principal, "gateway");
    EXPECT_EQ(decision.why(), "rule 'documents' (policy.yaml:15) allows it");
    decision = policy->evaluate(ask({"gateway"}, "keys.sign", "document.a", "RS256"));
    EXPECT_FALSE(decision.allowed);
    EXPECT_EQ(decision.why(), "rule 'no-rsa' (policy.yaml:11) denies it");
    EXPECT_FALSE(policy->evaluate(ask({"ops"}, "keys.sign", "root.ca", "ES256")).allowed);
    EXPECT_TRUE(policy->evaluate(ask({"ops"}, "keys.destroy", "document.a")).allowed);
}

TEST(PolicyTest, NothingIsAllowedByDefault) {
    const auto policy = parse(kPolicy);
    const auto decision = policy->evaluate(ask({"batch"}, "keys.sign", "document.a", "ES256"));
    EXPECT_FALSE(decision.allowed);
    EXPECT_EQ(decision.rule, nullptr);
    EXPECT_EQ(decision.principal, "batch");
    EXPECT_EQ(decision.why(), "no rule of policy.yaml allows it");
    EXPECT_FALSE(policy->evaluate(ask({}, "keys.list")).allowed);
    EXPECT_FALSE(policy->evaluate(ask({"ops"}, "no.such.permission")).allowed);
    EXPECT_FALSE(policy->evaluate(ask({"somebody"}, "keys.list")).allowed);
    EXPECT_FALSE(parse("rules: []")->evaluate(ask({"public"}, "health.ready")).allowed);
}

TEST(PolicyTest, AKeyThatIsNotKnownYetIsDecidedProvisionally) {
    const auto policy = parse(R"(
principals: { ops: { users: [0] }, dev: { users: [1] } }
rules:
  - { name: no-root, deny: [ops], permissions: [keys.create], keys: ["root.*"] }
  - { name: documents, allow: [ops], permissions: [keys.create], keys: ["document.*", "root.*"] }
)");
    auto query = ask({"ops"}, "keys.create");
    query.key.reset();
    EXPECT_TRUE(policy->evaluate(query).allowed);
    EXPECT_NE(explain(*policy, query).find("the key is not known yet"), std::string::npos);
    for (const auto& [key, allowed] : std::map<std::string, bool>{
             {"document.a", true}, {"root.a", false}, {"other", false}, {"", false}}) {
        query.key = key;
        EXPECT_EQ(policy->evaluate(query).allowed, allowed) << key;
    }
    query.principals = {"dev"};
    query.key.reset();
    EXPECT_FALSE(policy->evaluate(query).allowed)
        << "no rule can ever allow it: final before the body is read";
}

TEST(PolicyTest, StarIsNotPublic) {
    const auto policy = parse(kPolicy);
    EXPECT_TRUE(policy->evaluate(ask({"batch"}, "keys.list")).allowed);
    EXPECT_FALSE(policy->evaluate(ask({"public"}, "keys.list")).allowed);
    EXPECT_TRUE(policy->evaluate(ask({"public"}, "ca.crl")).allowed);
}

TEST(PolicyTest, ARuleWithKeysNeedsAKey) {
    const auto policy = parse(kPolicy);
    EXPECT_FALSE(policy->evaluate(ask({"gateway"}, "keys.sign", "", "ES256")).allowed);
}

TEST(PolicyTest, AnUnknownAlgorithmAllowsForNowAndRefusesForGood) {
    const auto policy = parse(kPolicy);
    EXPECT_TRUE(policy->evaluate(ask({"gateway"}, "keys.sign", "document.a", std::nullopt)).allowed);
    EXPECT_FALSE(policy->evaluate(ask({"gateway"}, "keys.sign", "other", std::nullopt)).allowed);
    EXPECT_FALSE(policy->evaluate(ask({"gateway"}, "keys.sign", "document.a", "PS256")).allowed);
    EXPECT_FALSE(policy->evaluate(ask({"gateway"}, "keys.sign", "document.a", "")).allowed);
}

TEST(PolicyTest, TimeWindows) {
    const auto policy = parse(
        "principals: { a: { users: [0] } }\nrules:\n  - { name: r, allow: [a], permissions: [keys.sign], "
        "window: { days: [mon-fri], from: \"08:00\", to: \"18:00\" } }");
    auto query = ask({"a"}, "keys.sign");
    EXPECT_TRUE(policy->evaluate(query).allowed);
    query.now += std::chrono::hours(6);
    EXPECT_FALSE(policy->evaluate(query).allowed);
}

TEST(PolicyTest, ExplainWalksThroughEveryRule) {
    const auto policy = parse(kPolicy);
    const auto text = explain(*policy, ask({"gateway"}, "keys.sign", "document.a", "ES256"));
    for (const std::string line :
         {"policy.yaml:7: rule 'no-root-key' (deny): no match: it is about the keys root.*",
          "policy.yaml:11: rule 'no-rsa' (deny): no match: it is about the algorithms RS256",
          "policy.yaml:15: rule 'documents' (allow): matches 'gateway' and decides",
          "policy.yaml:22: rule 'operators' (allow): no match: it is about the principals ops",
          "policy.yaml:25: rule 'lists' (allow): no match: it is about the permissions keys.list",
          "allowed: rule 'documents' (policy.yaml:15) allows it; rate: 5 in 1000 ms; approvals needed: 2"})
        EXPECT_NE(text.find(line + "\n"), std::string::npos) << line << "\n---\n" << text;
    EXPECT_NE(explain(*policy, ask({"gateway"}, "keys.sign", "document.a", std::nullopt)).find("passed over"),
              std::string::npos);
    EXPECT_NE(explain(*policy, ask({"ops"}, "keys.list")).find("would match, but an earlier rule decided"),
              std::string::npos);
    EXPECT_NE(explain(*policy, ask({}, "keys.lost")).find("nearest is keys.list"), std::string::npos);
    EXPECT_NE(explain(*policy, ask({"batch"}, "keys.sign")).find("refused: no rule of policy.yaml allows it"),
              std::string::npos);
}

TEST(PolicyTest, Differences) {
    const auto before = parse(kPolicy);
    EXPECT_TRUE(differences(*before, *parse(kPolicy)).empty());
    EXPECT_TRUE(differences(*before, *parse("\n\n" + std::string(kPolicy))).empty())
        << "lines moved, nothing else";
    std::string changed = kPolicy;
    changed.replace(changed.find("rate: 5/1s"), 10, "rate: 6/1s");
    changed.replace(changed.find("groups: [5]"), 11, "groups: [6]");
    changed.replace(changed.find("name: lists"), 11, "name: listz");
    const auto found = differences(*before, *parse(changed));
    EXPECT_EQ(found, (std::vector<std::string>{"changed: principal 'ops' (policy.yaml:3)",
                                               "removed: allow rule 'lists' (policy.yaml:25)",
                                               "changed: allow rule 'documents' (policy.yaml:15)",
                                               "added: allow rule 'listz' (policy.yaml:25)"}));
    const auto rule = [](const std::string& name) {
        return "  - { name: " + name + ", allow: [\"*\"], permissions: [keys.sign] }\n";
    };
    const auto order =
        differences(*parse("rules:\n" + rule("a") + rule("b")), *parse("rules:\n" + rule("b") + rule("a")));
    ASSERT_EQ(order.size(), 1U);
    EXPECT_NE(order[0].find("another order from 'b'"), std::string::npos);
}

// The rules of policy.h, spelt out over the rules' texts.
const Rule* reference(const Policy& policy, const Query& query, std::string& principal) {
    const auto glob = [](auto self, std::string_view pattern, std::string_view text) -> bool {
        if (pattern.empty()) return text.empty();
        if (pattern[0] == '*')
            return self(self, pattern.substr(1), text) ||
                   (!text.empty() && self(self, pattern, text.substr(1)));
        return !text.empty() && pattern[0] == text[0] && self(self, pattern.substr(1), text.substr(1));
    };
    for (const auto& rule : policy.rules()) {
        bool named = false;
        for (const auto& name : query.principals) {
            bool known = false;
            for (const auto& defined : policy.principals())
                known |= defined.name == name;
            for (const auto& of_rule : rule.principals)
                if ((of_rule == name && (known || name == "public")) || (of_rule == "*" && known)) {
                    if (!named) principal = name;
                    named = true;
                }
        }
        bool permitted = false;
        for (const auto& pattern : rule.permissions)
            permitted |= pattern == "*" || pattern == query.permission ||
                         (pattern.ends_with(".*") &&
                          query.permission.starts_with(pattern.substr(0, pattern.size() - 1)));
        bool key = rule.keys.empty();
        for (const auto& pattern : rule.keys)
            key |= query.key ? glob(glob, pattern, *query.key) : rule.allow;
        bool algorithm = rule.algorithms.empty();
        if (!query.algorithm) algorithm |= rule.allow;
        for (const auto& name : rule.algorithms)
            algorithm |= query.algorithm && *query.algorithm == name;
        if (named && permitted && key && algorithm && (!rule.window || rule.window->contains(query.now)))
            return &rule;
    }
    return nullptr;
}

TEST(PolicyTest, AgreesWithTheReference) {
    std::mt19937 random(7);
    const auto pick = [&](const std::vector<std::string>& from) { return from[random() % from.size()]; };
    const auto list = [&](const std::vector<std::string>& from) {
        std::string out = "[";
        for (std::size_t n = 1 + random() % 2; n > 0; --n)
            out += "\"" + pick(from) + "\"" + (n > 1 ? ", " : "");
        return out + "]";
    };
    const std::vector<std::string> principals{"a", "b", "c", "public"};
    const std::vector<std::string> keys{"x.a", "x.b", "y", ""};
    const std::vector<std::string> known{"keys.sign", "keys.list", "ca.issue", "audit.read"};
    int decided = 0;
    int allowed = 0;
    int finals = 0;
    for (int round = 0; round < 400; ++round) {
        std::string text =
            "principals: { a: { users: [1] }, b: { users: [2] }, c: { users: [3] } }\nrules:\n";
        for (int r = 0; r < 6; ++r) {
            const bool deny = random() % 3 == 0;
            text += "  - { name: r" + std::to_string(r) + ", " + (deny ? "deny: " : "allow: ") +
                    list({"a", "b", "c", "*"}) +
                    ", permissions: " + list({"keys.sign", "keys.*", "ca.issue", "*", "audit.read"});
            if (random() % 2 == 0) text += ", keys: " + list({"x.*", "*", "y", "x.a", "*b"});
            if (random() % 2 == 0) text += ", algorithms: " + list({"ES256", "RS256"});
            if (random() % 4 == 0) text += ", window: { days: [mon], from: \"10:00\", to: \"14:00\" }";
            text += " }\n";
        }
        const auto policy = parse(text);
        for (int q = 0; q < 50; ++q) {
            const auto permission = pick(known);
            const auto key = pick(keys);
            auto query = ask({pick(principals), pick(principals)}, permission, key, std::nullopt);
            query.key.reset();
            query.now += std::chrono::hours(random() % 48);
            std::string principal;
            const auto check = [&] {
                const auto decision = policy->evaluate(query);
                const auto* const expected = reference(*policy, query, principal);
                EXPECT_EQ(decision.rule, expected) << text << explain(*policy, query);
                if (expected != nullptr) {
                    EXPECT_EQ(decision.principal, principal);
                    EXPECT_EQ(decision.allowed, expected->allow);
                    ++decided;
                    allowed += decision.allowed ? 1 : 0;
                }
                return decision.allowed;
            };
            const bool without_key = check();
            query.key = key;
            const bool provisional = check();
            // A refusal before the key is known is final.
            EXPECT_TRUE(without_key || !provisional) << text;
            for (const std::string_view algorithm : {"ES256", "RS256", "PS256", ""}) {
                query.algorithm = algorithm;
                const bool final = check();
                // A refusal before the algorithm is known is final.
                EXPECT_TRUE(provisional || !final) << text;
                finals += final ? 1 : 0;
            }
            if (HasFailure()) return;
        }
    }
    EXPECT_GT(decided, 10'000);
    EXPECT_GT(allowed, 5000);
    EXPECT_LT(allowed, decided);
    EXPECT_GT(finals, 1000);
}

}  // namespace
}  // namespace signet::policy
