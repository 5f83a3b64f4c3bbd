#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "base/encoding.h"
#include "policy/policy.h"
#include "tests/support/process.h"

namespace signet::policy {
namespace {

constexpr auto kWhole = R"(
principals:
  operators: { users: [root, 1000], groups: [root, 27] }
  gateway:
    certificates: ["sha256:9F:86:D0:81:88:4C:7D:65:9A:2F:EA:A0:C5:5A:D0:15:A3:BF:4F:1B:2B:0B:82:2C:D1:5D:6C:15:B0:F0:0A:08"]
    sans: ["dns:pay.example"]
  batch: { api_keys: ["sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"] }
rules:
  - name: documents
    allow: [gateway]
    permissions: [keys.sign, keys.mac]
    keys: ["document.*"]
    algorithms: [ES256, RS256]
    rate: 500/1s
    window: { days: [mon, wed-fri], from: "08:00", to: "18:30" }
    quorum: 2
  - name: devices
    allow: batch
    permissions: ca.issue
    csr: { subject: {CN: "device-*"}, sans: ["dns:*.example"], key_types: [ec-p256], max_validity: 365d, profiles: [device] }
  - name: no-destroy
    deny: ["*", public]
    permissions: ["keys.*"]
)";

std::string refusal(const std::string& text) {
    const auto policy = Policy::parse(text, "p.yaml");
    if (policy) return "(accepted)";
    EXPECT_EQ(policy.error().code, ErrorCode::invalid_argument);
    return policy.error().message;
}

// A rule with `more` lines, among principals a and b.
std::string rule_with(const std::string& more, const std::string& principals = "allow: [a]",
                      const std::string& permissions = "permissions: [keys.sign]") {
    return "principals: { a: { users: [0] }, bee: { users: [1] } }\nrules:\n  - name: r\n    " + principals +
           "\n    " + permissions + "\n    " + more + "\n";
}

#define EXPECT_REFUSED(text, line, part)                                                     \
    do {                                                                                     \
        const auto message = refusal(text);                                                  \
        EXPECT_TRUE(message.starts_with("p.yaml:" + std::to_string(line) + ":")) << message; \
        EXPECT_NE(message.find(part), std::string::npos) << message;                         \
    } while (false)

TEST(PolicyParserTest, ReadsEverything) {
    const auto parsed = Policy::parse(kWhole, "policy.yaml");
    ASSERT_TRUE(parsed) << parsed.error().message;
    const auto& policy = **parsed;
    ASSERT_EQ(policy.principals().size(), 3U);
    const auto& operators = policy.principals()[0];
    EXPECT_EQ(operators.name, "operators");
    EXPECT_EQ(operators.line, 3);
    EXPECT_EQ(operators.uids, (std::vector<std::uint32_t>{0, 1000}));
    EXPECT_EQ(operators.gids, (std::vector<std::uint32_t>{0, 27}));
    const auto& gateway = policy.principals()[1];
    EXPECT_EQ(gateway.fingerprints[0], "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
    EXPECT_EQ(gateway.sans[0], "dns:pay.example");
    EXPECT_EQ(to_hex(policy.principals()[2].api_keys[0]), gateway.fingerprints[0]);

    ASSERT_EQ(policy.rules().size(), 3U);
    const auto& documents = policy.rules()[0];
    EXPECT_EQ(documents.name, "documents");
    EXPECT_EQ(documents.line, 9);
    EXPECT_TRUE(documents.allow);
    EXPECT_EQ(documents.permissions, (std::vector<std::string>{"keys.sign", "keys.mac"}));
    EXPECT_EQ(documents.keys, std::vector<std::string>{"document.*"});
    EXPECT_EQ(documents.algorithms, (std::vector<std::string>{"ES256", "RS256"}));
    EXPECT_EQ(documents.rate, (Rate{500, std::chrono::seconds(1)}));
    EXPECT_EQ(documents.window, (TimeWindow{0b0011101, std::chrono::hours(8),
                                            std::chrono::hours(18) + std::chrono::minutes(30)}));
    EXPECT_EQ(documents.quorum, 2U);
    EXPECT_FALSE(documents.csr);

    const auto& devices = policy.rules()[1];
    ASSERT_TRUE(devices.csr);
    EXPECT_EQ(devices.csr->subject.at("CN"), "device-*");
    EXPECT_EQ(devices.csr->sans, std::vector<std::string>{"dns:*.example"});
    EXPECT_EQ(devices.csr->max_validity, std::chrono::hours(24 * 365));
    EXPECT_FALSE(policy.rules()[2].allow);
}

TEST(PolicyParserTest, LoadsAFile) {
    const testing::TempDirectory directory;
    const auto path = directory / "policy.yaml";
    std::ofstream(path) << kWhole;
    const auto policy = Policy::load(path);
    ASSERT_TRUE(policy);
    EXPECT_EQ((*policy)->file(), path.string());
    EXPECT_EQ(Policy::load(directory / "none.yaml").error().code, ErrorCode::not_found);
}

TEST(PolicyParserTest, AnEmptyListOfRulesDeniesAll) {
    EXPECT_TRUE(Policy::parse("rules: []", "p.yaml"));
}

TEST(PolicyParserTest, RefusesUnknownKeys) {
    EXPECT_REFUSED("rulez: []", 1, "did you mean 'rules'?");
    EXPECT_REFUSED("principals: {}", 1, "'rules' is missing");
    EXPECT_REFUSED("principals:\n  a: { user: [0] }\nrules: []", 2, "did you mean 'users'?");
    EXPECT_REFUSED(rule_with("key: [x]"), 6, "did you mean 'keys'?");
    EXPECT_REFUSED(rule_with("window: { day: [mon] }"), 6, "did you mean 'days'?");
    EXPECT_REFUSED(rule_with("csr: { subject: any, key_type: [ec-p256] }"), 6, "did you mean 'key_types'?");
    EXPECT_REFUSED(rule_with("csr: { subject: { XY: a } }"), 6, "unknown key 'XY'");
}

TEST(PolicyParserTest, RefusesBadPrincipals) {
    EXPECT_REFUSED("principals:\n  public: { users: [0] }\nrules: []", 2, "cannot be defined");
    EXPECT_REFUSED("principals:\n  system: { users: [0] }\nrules: []", 2, "cannot be defined");
    EXPECT_REFUSED("principals:\n  A: { users: [0] }\nrules: []", 2, "name");
    EXPECT_REFUSED("principals:\n  a: {}\nrules: []", 2, "nobody can be 'a'");
    EXPECT_REFUSED("principals:\n  a:\n    users:\n      - no-such-user-here\nrules: []", 4,
                   "no user 'no-such-user-here'");
    EXPECT_REFUSED("principals:\n  a:\n    groups: [no-such-group-here]\nrules: []", 3, "no group");
    EXPECT_REFUSED("principals:\n  a: { users: [4294967295] }\nrules: []", 2, "no user");
    EXPECT_REFUSED("principals:\n  a: { users: 0 }\nrules: []", 2, "expected a list");
    EXPECT_REFUSED("principals:\n  a: { certificates: [\"sha256:00\"] }\nrules: []", 2, "64 hex digits");
    EXPECT_REFUSED("principals:\n  a: { api_keys: [\"my-key\"] }\nrules: []", 2, "never the key itself");
    EXPECT_REFUSED("principals:\n  a: { sans: [\"pay.example\"] }\nrules: []", 2, "dns:pay.example");
    EXPECT_REFUSED("principals:\n  a: { users: [0] }\n  a: { users: [1] }\nrules: []", 3, "twice");
}

TEST(PolicyParserTest, RefusesBadRules) {
    EXPECT_REFUSED(rule_with("", "allow: [be]"), 4, "did you mean 'bee'?");
    EXPECT_REFUSED(rule_with("", "permissions: [keys.sign]", "quorum: 1"), 3, "either allow");
    EXPECT_REFUSED(rule_with("deny: [a]"), 3, "either allow");
    EXPECT_REFUSED(rule_with("", "allow: []"), 4, "at least one");
    EXPECT_REFUSED(rule_with("", "allow: [a]", "permissions: [keys.sing]"), 5, "did you mean 'keys.sign'?");
    EXPECT_REFUSED(rule_with("", "allow: [a]", "permissions: [\"kex.*\"]"), 5, "unknown permission");
    EXPECT_REFUSED(rule_with("", "allow: [public]", "permissions: [\"ca.*\"]"), 5, "no '*'");
    EXPECT_REFUSED(rule_with("keys: [\"a b\"]"), 6, "pattern");
    EXPECT_REFUSED(rule_with("algorithms: [ES265]"), 6, "did you mean 'ES256'?");
    EXPECT_REFUSED(rule_with("quorum: 0"), 6, "from 1 to");
    // Not for what documented foreign protocols do, nor for what only reads.
    EXPECT_REFUSED(rule_with("quorum: 1", "allow: [a]", "permissions: [keys.sign, keys.list]"), 6,
                   "keys.list");
    EXPECT_REFUSED(rule_with("quorum: 1", "allow: [a]", "permissions: [\"*\"]"), 6, "cannot wait");
    EXPECT_REFUSED(rule_with("csr: { key_types: [ec-p256] }"), 6, "'subject' is missing");
    EXPECT_REFUSED(rule_with("csr: { subject: some }"), 6, "any");
    EXPECT_REFUSED(rule_with("csr: { subject: any, key_types: [ec-p257] }"), 6, "did you mean 'ec-p256'?");
    EXPECT_REFUSED(rule_with("csr: { subject: any, max_validity: 1 }"), 6, "duration");
    for (const std::string limit : {"rate: 1/1s", "quorum: 1", "csr: { subject: any }"})
        EXPECT_REFUSED(rule_with(limit, "deny: [a]"), 6, "no limits");
    EXPECT_REFUSED(
        "rules:\n  - name: r\n    allow: [\"*\"]\n    permissions: [keys.sign]\n"
        "  - name: r\n    allow: [\"*\"]\n    permissions: [keys.sign]",
        5, "stands at line 2");
    EXPECT_EQ(refusal(rule_with("", "allow: [public]", "permissions: [ca.crl]")), "(accepted)");
}

TEST(PolicyParserTest, RefusesBadRates) {
    for (const std::string rate :
         {"500", "/1s", "0/1s", "500/0s", "500/s", "500/1", "500/1x", "-1/1s", "500/1s ", "5 / 1s",
          "9999999999/1s", "1/400d", "1000000000/1ms", "500/1s/2"})
        EXPECT_REFUSED(rule_with("rate: \"" + rate + "\""), 6, "500/1s");
    for (const std::string rate : {"1/1ms", "500/1s", "10000/1h", "1/366d", "1000000000/1s"})
        EXPECT_EQ(refusal(rule_with("rate: " + rate)), "(accepted)") << rate;
}

TEST(PolicyParserTest, RefusesBadWindows) {
    for (const std::string time : {"8:00", "08:60", "24:01", "25:00", "0800", "08-00", "ab:cd", ""})
        EXPECT_REFUSED(rule_with("window: { from: \"" + time + "\" }"), 6, "time of day");
    for (const std::string window :
         {"{ from: \"08:00\", to: \"08:00\" }", "{ to: \"00:00\" }", "{ from: \"24:00\" }"})
        EXPECT_REFUSED(rule_with("window: " + window), 6, "open for a while");
    EXPECT_REFUSED(rule_with("window: { days: [monday] }"), 6, "mon, tue");
    EXPECT_REFUSED(rule_with("window: { days: [mon-] }"), 6, "mon, tue");
    EXPECT_EQ(refusal(rule_with("window: { days: sat-mon, from: \"22:00\", to: \"06:00\" }")), "(accepted)");
}

}  // namespace
}  // namespace signet::policy
