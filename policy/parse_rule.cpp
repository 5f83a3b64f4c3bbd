#include "policy/parse_rule.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <span>

#include "base/edit_distance.h"
#include "policy/parse_principal.h"
#include "policy/permissions.h"
#include "policy/policy.h"

namespace signet::policy {
namespace {

using Names = std::set<std::string, std::less<>>;

// JOSE names (RFC 7518 sections 3.1 and 4.1, RFC 8037) of what keys are used with; families add theirs.
constexpr auto kAlgorithms =
    std::to_array<std::string_view>({"ES256", "ES384", "EdDSA", "HS256", "HS384", "HS512", "PS256", "PS384",
                                     "PS512", "RS256", "RS384", "RS512", "RSA-OAEP", "RSA-OAEP-256"});
constexpr auto kKeyTypes =
    std::to_array<std::string_view>({"rsa-2048", "rsa-3072", "rsa-4096", "ec-p256", "ec-p384", "ed25519"});
constexpr auto kDays = std::to_array<std::string_view>({"mon", "tue", "wed", "thu", "fri", "sat", "sun"});
constexpr std::uint32_t kMaxQuorum = 20;

std::string_view nearest(std::string_view name, const auto& known) {
    return *std::ranges::min_element(known, {},
                                     [&](std::string_view other) { return edit_distance(name, other); });
}

std::string join(std::span<const std::string_view> names) {
    std::string out;
    for (const auto name : names)
        out += (out.empty() ? "" : ", ") + std::string(name);
    return out;
}

// A list of texts that is not empty, or one text.
Result<std::vector<yaml::Node>> texts_of(const yaml::Node& node) {
    if (node.is_scalar()) return std::vector<yaml::Node>{node};
    SIGNET_ASSIGN(auto items, node.items());
    if (items.empty()) return node.error("expected at least one; leave the key out if it does not matter");
    return items;
}

using Check = std::function<Status(const yaml::Node& item, const std::string& text)>;

Result<std::vector<std::string>> checked_texts(const yaml::Node& node, const Check& check) {
    SIGNET_ASSIGN(const auto items, texts_of(node));
    std::vector<std::string> out;
    for (const auto& item : items) {
        SIGNET_ASSIGN(auto text, item.text(256));
        SIGNET_TRY(check(item, text));
        out.push_back(std::move(text));
    }
    return out;
}

Status check_permission(const yaml::Node& item, const std::string& text) {
    const auto known = permissions();
    if (std::ranges::any_of(
            known, [&](const auto& permission) { return permission_matches(text, permission.name); }))
        return {};
    return item.error("unknown permission '" + text + "'; did you mean '" +
                      std::string(nearest_permission(text)) + "'?");
}

Status check_key(const yaml::Node& item, const std::string& text) {
    const auto accepted = [](char c) { return c > ' ' && c < 0x7F; };
    if (text.empty() || !std::ranges::all_of(text, accepted))
        return item.error("expected a pattern over key labels such as document.*, without spaces");
    return {};
}

auto check_one_of(std::span<const std::string_view> known) {
    return [known](const yaml::Node& item, const std::string& text) -> Status {
        if (std::ranges::find(known, text) != known.end()) return {};
        return item.error("unknown '" + text + "'; did you mean '" + std::string(nearest(text, known)) +
                          "'? expected one of " + join(known));
    };
}

Result<Rate> parse_rate(const yaml::Node& node) {
    const auto refuse = [&] {
        return node.error("expected a number of requests and a time, such as 500/1s or 10000/1h");
    };
    SIGNET_ASSIGN(const auto text, node.text(64));
    const char* const end = text.data() + text.size();
    Rate rate;
    const auto count = std::from_chars(text.data(), end, rate.count);
    if (count.ec != std::errc{} || count.ptr == end || *count.ptr != '/' || rate.count == 0 ||
        rate.count > 1'000'000'000)
        return refuse();
    std::int64_t number = 0;
    const auto time = std::from_chars(count.ptr + 1, end, number);
    if (time.ec != std::errc{} || number <= 0) return refuse();
    const std::string_view unit(time.ptr, end);
    std::int64_t factor = 0;
    if (unit == "ms") factor = 1;
    if (unit == "s") factor = 1000;
    if (unit == "m") factor = 60'000;
    if (unit == "h") factor = 3'600'000;
    if (unit == "d") factor = 86'400'000;
    constexpr std::int64_t kLongest = std::int64_t{366} * 86'400'000;
    if (factor == 0 || number > kLongest / factor) return refuse();
    rate.per = std::chrono::milliseconds{number * factor};
    // The limiter counts in whole nanoseconds a request.
    if (rate.per.count() * 1'000'000 < rate.count) return refuse();
    return rate;
}

Result<std::uint8_t> parse_days(const yaml::Node& node) {
    SIGNET_ASSIGN(const auto items, texts_of(node));
    std::uint8_t days = 0;
    for (const auto& item : items) {
        SIGNET_ASSIGN(const auto text, item.text(16));
        const auto dash = text.find('-');
        const auto first = std::ranges::find(kDays, std::string_view(text).substr(0, dash));
        const auto last = dash == std::string::npos
                              ? first
                              : std::ranges::find(kDays, std::string_view(text).substr(dash + 1));
        if (first == kDays.end() || last == kDays.end())
            return item.error("expected a day or a range of days such as mon-fri; days are " + join(kDays));
        for (auto day = first;; day = day + 1 == kDays.end() ? kDays.begin() : day + 1) {
            days = static_cast<std::uint8_t>(days | 1U << (day - kDays.begin()));
            if (day == last) break;
        }
    }
    return days;
}

// HH:MM, from 00:00 to 24:00.
Result<std::chrono::minutes> parse_time_of_day(const yaml::Node& node) {
    SIGNET_ASSIGN(const auto text, node.text(16));
    const auto digit = [&](std::size_t i) { return text[i] >= '0' && text[i] <= '9' ? text[i] - '0' : 1000; };
    if (text.size() == 5 && text[2] == ':') {
        const int hours = digit(0) * 10 + digit(1);
        const int minutes = digit(3) * 10 + digit(4);
        if (minutes < 60 && (hours < 24 || (hours == 24 && minutes == 0)))
            return std::chrono::minutes{hours * 60 + minutes};
    }
    return node.error("expected a time of day in UTC such as \"08:00\", up to \"24:00\"");
}

Result<TimeWindow> parse_window(const yaml::Node& node) {
    SIGNET_TRY(node.only({"days", "from", "to"}));
    TimeWindow window;
    if (const auto days = node.optional("days")) {
        SIGNET_ASSIGN(window.days, parse_days(*days));
    }
    if (const auto from = node.optional("from")) {
        SIGNET_ASSIGN(window.from, parse_time_of_day(*from));
    }
    if (const auto to = node.optional("to")) {
        SIGNET_ASSIGN(window.to, parse_time_of_day(*to));
    }
    if (window.from == window.to || window.from == std::chrono::hours{24} ||
        window.to == std::chrono::minutes{0})
        return node.error(
            "expected a window that is open for a while: `from` before 24:00, `to` after 00:00, and "
            "different");
    return window;
}

Status parse_subject(const yaml::Node& node, CsrConstraints& csr) {
    if (node.is_scalar()) {
        SIGNET_TRY(node.one_of({"any"}));
        csr.any_subject = true;
        return {};
    }
    SIGNET_TRY(node.only({"CN", "O", "OU", "C", "L", "ST", "serialNumber"}));
    SIGNET_ASSIGN(const auto entries, node.entries());
    for (const auto& [attribute, pattern] : entries) {
        SIGNET_ASSIGN(auto text, pattern.text(256));
        csr.subject.emplace(attribute, std::move(text));
    }
    return {};
}

Result<CsrConstraints> parse_csr(const yaml::Node& node) {
    SIGNET_TRY(node.only({"subject", "sans", "key_types", "max_validity", "profiles"}));
    CsrConstraints csr;
    SIGNET_ASSIGN(const auto subject, node.required("subject"));
    SIGNET_TRY(parse_subject(subject, csr));
    if (const auto sans = node.optional("sans")) {
        SIGNET_ASSIGN(
            csr.sans, checked_texts(*sans, [](const yaml::Node& item, const std::string& text) -> Status {
                if (text.find(':') == std::string::npos)
                    return item.error("expected a pattern over alternative names such as dns:*.example");
                return {};
            }));
    }
    if (const auto types = node.optional("key_types")) {
        SIGNET_ASSIGN(csr.key_types, checked_texts(*types, check_one_of(kKeyTypes)));
    }
    if (const auto validity = node.optional("max_validity")) {
        SIGNET_ASSIGN(const auto time, validity->duration());
        if (time < std::chrono::seconds{1}) return validity->error("expected at least 1s");
        csr.max_validity = std::chrono::floor<std::chrono::seconds>(time);
    }
    if (const auto profiles = node.optional("profiles")) {
        SIGNET_ASSIGN(csr.profiles,
                      checked_texts(*profiles, [](const yaml::Node& item, const std::string& text) -> Status {
                          if (!is_name(text)) return item.error("expected the name of a certificate profile");
                          return {};
                      }));
    }
    return csr;
}

Status parse_principals_of(const yaml::Node& node, const Names& principals, Rule& rule) {
    const bool allow = node.has("allow");
    if (allow == node.has("deny"))
        return node.error("expected either allow: [principals] or deny: [principals]");
    rule.allow = allow;
    SIGNET_ASSIGN(const auto list, node.required(allow ? "allow" : "deny"));
    SIGNET_ASSIGN(rule.principals,
                  checked_texts(list, [&](const yaml::Node& item, const std::string& text) -> Status {
                      if (text == "*" || text == kPublicPrincipal || principals.contains(text)) return {};
                      std::string what = "unknown principal '" + text + "'; define it under principals";
                      if (!principals.empty())
                          what += ", or did you mean '" + std::string(nearest(text, principals)) + "'?";
                      return item.error(what);
                  }));
    return {};
}

}  // namespace

Result<Rule> parse_rule(const yaml::Node& node, const Names& principals) {
    SIGNET_TRY(node.only(
        {"name", "allow", "deny", "permissions", "keys", "algorithms", "rate", "window", "quorum", "csr"}));
    Rule rule;
    rule.line = node.line();
    SIGNET_ASSIGN(const auto name, node.required("name"));
    SIGNET_ASSIGN(rule.name, name.text(64));
    if (!is_name(rule.name))
        return name.error("expected a rule's name of a-z, 0-9, '-', '_' and '.', 64 bytes at most");
    SIGNET_TRY(parse_principals_of(node, principals, rule));
    SIGNET_ASSIGN(const auto permission_list, node.required("permissions"));
    SIGNET_ASSIGN(rule.permissions, checked_texts(permission_list, check_permission));
    const bool names_public = std::ranges::find(rule.principals, kPublicPrincipal) != rule.principals.end();
    if (rule.allow && names_public &&
        std::ranges::any_of(rule.permissions, [](const auto& text) { return text.ends_with('*'); }))
        return permission_list.error(
            "expected each permission by its name where 'public' is allowed, and no '*'");
    if (const auto keys = node.optional("keys")) {
        SIGNET_ASSIGN(rule.keys, checked_texts(*keys, check_key));
    }
    if (const auto algorithms = node.optional("algorithms")) {
        SIGNET_ASSIGN(rule.algorithms, checked_texts(*algorithms, check_one_of(kAlgorithms)));
    }
    if (const auto window = node.optional("window")) {
        SIGNET_ASSIGN(rule.window, parse_window(*window));
    }
    for (const std::string_view limit : {"rate", "quorum", "csr"}) {
        const auto limit_node = node.optional(limit);
        if (!rule.allow && limit_node)
            return limit_node->error("a rule that denies has no limits; remove it");
    }
    if (const auto rate = node.optional("rate")) {
        SIGNET_ASSIGN(rule.rate, parse_rate(*rate));
    }
    if (const auto quorum = node.optional("quorum")) {
        SIGNET_ASSIGN(const auto number, quorum->integer(1, kMaxQuorum));
        rule.quorum = static_cast<std::uint32_t>(number);
        for (const auto& permission : permissions()) {
            const bool named = std::ranges::any_of(rule.permissions, [&](const std::string& pattern) {
                return permission_matches(pattern, permission.name);
            });
            if (named && !permission.quorum)
                return quorum->error(
                    "what '" + std::string(permission.name) +
                    "' permits cannot wait for approvals; name in this rule only permissions that "
                    "can (signetctl policy permissions marks them)");
        }
    }
    if (const auto csr = node.optional("csr")) {
        SIGNET_ASSIGN(rule.csr, parse_csr(*csr));
    }
    return rule;
}

}  // namespace signet::policy
