#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <sstream>

#include "base/digest.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/random.h"
#include "base/secret.h"
#include "daemon/ctl/context.h"
#include "policy/permissions.h"
#include "policy/policy.h"

namespace signet::ctl {
namespace {

namespace json = boost::json;

Result<std::filesystem::path> policy_file(Context& context, const Arguments& arguments) {
    if (arguments.has("FILE")) return std::filesystem::path(arguments.text("FILE"));
    SIGNET_ASSIGN(const auto* config, context.config());
    return config->policy;
}

json::array array_of(const std::vector<std::string>& lines) {
    json::array array;
    for (const auto& line : lines)
        array.emplace_back(line);
    return array;
}

Outcome check(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto file, policy_file(context, arguments));
    SIGNET_ASSIGN(const auto policy, policy::Policy::load(file));
    context.out().line(file.string() + ": ok, " + std::to_string(policy->principals().size()) +
                       " principals, " + std::to_string(policy->rules().size()) + " rules");
    context.out().document(json::object{{"file", file.string()},
                                        {"principals", policy->principals().size()},
                                        {"rules", policy->rules().size()}});
    return ExitCode::ok;
}

// The names that --principal and --user give, as a connection would prove them.
Result<std::vector<std::string>> principals(const policy::Policy& policy, const Arguments& arguments) {
    auto names = arguments.all("--principal");
    for (const auto& name : names) {
        const bool known =
            name == policy::kPublicPrincipal ||
            std::ranges::any_of(policy.principals(), [&](const auto& one) { return one.name == name; });
        if (!known)
            return fail(ErrorCode::not_found, policy.file() + " defines no principal '" + name +
                                                  "'; `signetctl policy check` shows how many it defines");
    }
    if (arguments.has("--user")) {
        const auto user = arguments.text("--user");
        const passwd* entry = getpwnam(user.c_str());  // NOLINT(concurrency-mt-unsafe): one thread
        if (entry == nullptr) return fail(ErrorCode::not_found, "this system has no user '" + user + "'");
        std::vector<gid_t> groups(64);
        int count = static_cast<int>(groups.size());
        if (getgrouplist(user.c_str(), entry->pw_gid, groups.data(), &count) < 0) {
            groups.resize(static_cast<std::size_t>(count));
            (void)getgrouplist(user.c_str(), entry->pw_gid, groups.data(), &count);
        }
        policy::Evidence evidence;
        evidence.uid = entry->pw_uid;
        evidence.gids.assign(groups.begin(), groups.begin() + count);
        const auto proven = policy.identify(evidence);
        if (proven.empty())
            return fail(ErrorCode::permission_denied, "'" + user + "' is no principal of " + policy.file() +
                                                          ": every request of that user gets 401");
        names.insert(names.end(), proven.begin(), proven.end());
    }
    if (names.empty())
        return fail(ErrorCode::invalid_argument, "say who asks: --principal NAME or --user NAME");
    return names;
}

Outcome explain(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto file, policy_file(context, arguments));
    SIGNET_ASSIGN(const auto policy, policy::Policy::load(file));
    policy::Query query;
    SIGNET_ASSIGN(query.principals, principals(*policy, arguments));
    const auto permission = arguments.text("--permission");
    if (!policy::permission_index(permission))
        return fail(ErrorCode::invalid_argument,
                    "there is no permission '" + permission + "'; did you mean '" +
                        std::string(policy::nearest_permission(permission)) + "'?");
    const auto key = arguments.text("--key");
    const auto algorithm = arguments.text("--algorithm");
    query.permission = permission;
    query.key = key;
    if (arguments.has("--algorithm")) query.algorithm = algorithm;
    query.now = SystemClock().now();
    if (arguments.has("--at")) {
        const auto at = from_rfc3339(arguments.text("--at"));
        if (!at) return fail(ErrorCode::invalid_argument, "--at takes a time such as 2026-01-31T09:30:00Z");
        query.now = *at;
    }
    const auto decision = policy->evaluate(query);
    std::vector<std::string> steps;
    std::istringstream text(policy::explain(*policy, query));
    for (std::string step; std::getline(text, step);)
        steps.push_back(step);
    for (const auto& step : steps)
        context.out().line(step);
    json::object document{{"allowed", decision.allowed},
                          {"principal", decision.principal},
                          {"why", decision.why()},
                          {"steps", array_of(steps)}};
    if (decision.rule != nullptr) {
        document["rule"] = decision.rule->name;
        document["line"] = decision.rule->line;
    }
    context.out().document(document);
    return decision.allowed ? ExitCode::ok : ExitCode::refused;
}

Outcome diff(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto* config, context.config());
    SIGNET_ASSIGN(const auto before, policy::Policy::load(config->policy));
    SIGNET_ASSIGN(const auto after, policy::Policy::load(arguments.text("NEW")));
    const auto lines = policy::differences(*before, *after);
    for (const auto& line : lines)
        context.out().line(line);
    if (lines.empty()) context.out().line("no difference");
    context.out().document(json::object{{"differences", array_of(lines)}});
    return ExitCode::ok;
}

Outcome list_permissions(Context& context, const Arguments&) {
    std::vector<std::vector<std::string>> rows;
    json::array array;
    for (const auto& permission : policy::permissions()) {
        rows.push_back({std::string(permission.name), permission.quorum ? "yes" : "",
                        std::string(permission.description)});
        array.push_back(json::object{{"name", permission.name},
                                     {"quorum", permission.quorum},
                                     {"description", permission.description}});
    }
    context.out().table({"PERMISSION", "QUORUM", "ALLOWS TO"}, rows);
    context.out().document(json::object{{"permissions", array}});
    return ExitCode::ok;
}

// The key goes into a file of its own: on a terminal it would stay in the scroll-back.
Outcome new_api_key(Context& context, const Arguments& arguments) {
    const std::filesystem::path file = arguments.text("FILE");
    if (std::filesystem::exists(file))
        return fail(ErrorCode::already_exists, file.string() + " exists; name a new file for the key");
    auto bytes = random_bytes(32);
    auto key = to_base64url(bytes);
    wipe(bytes);
    const auto hash = to_hex(sha256(as_bytes(key)));
    key += '\n';
    const auto written = write_file_atomic(file, as_bytes(key), 0600);
    wipe(key);
    SIGNET_TRY(written);
    context.out().line("the key is in " + file.string() +
                       ": give it to its user, who sends it as `Authorization: Bearer …`");
    context.out().line("its SHA-256 goes into the policy, under the principal's `api_keys`:");
    context.out().line("  " + hash);
    context.out().document(json::object{{"file", file.string()}, {"sha256", hash}});
    return ExitCode::ok;
}

}  // namespace

std::vector<Command> policy_commands() {
    const Positional other{"FILE", Value::file, "a policy file (default: the configured one)", false};
    return {
        {"policy", "check", "read a policy file and say whether it is valid", {other}, {}, check},
        {"policy",
         "explain",
         "say which rule decides a request, with its line; exit code 3 when it is refused",
         {other},
         {{"--principal", "NAME", "who asks, by the policy's name; may be given more than once", Value::text,
           false, true},
          {"--user", "NAME", "who asks: a user of this system, as the Unix socket would see them"},
          {"--permission", "NAME", "what for, as `signetctl policy permissions` lists them", Value::text,
           true},
          {"--key", "LABEL", "of which key or resource", Value::key},
          {"--algorithm", "NAME", "with which algorithm (ES256, …)"},
          {"--at", "TIME", "when: 2026-01-31T09:30:00Z (default: now)"}},
         explain},
        {"policy",
         "diff",
         "what a new policy file would change",
         {{"NEW", Value::file, "the new policy file", true}},
         {},
         diff},
        {"policy", "permissions", "list every permission a rule can name", {}, {}, list_permissions},
        {"policy",
         "new-api-key",
         "make an API key: the key into a file, its hash for the policy",
         {{"FILE", Value::file, "where the key goes (mode 0600)", true}},
         {},
         new_api_key},
    };
}

}  // namespace signet::ctl
