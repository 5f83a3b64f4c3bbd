#include "policy/parse_principal.h"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/encoding.h"
#include "policy/compiled_policy.h"

namespace signet::policy {
namespace {

std::optional<std::uint32_t> as_number(std::string_view text) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    // The last value is what the kernel uses for "nobody in particular" (chown(2), setreuid(2)).
    if (error != std::errc{} || end != text.data() + text.size() || value == UINT32_MAX) return std::nullopt;
    return value;
}

// getpwnam_r and getgrnam_r with a buffer that grows; nullopt when there is no such entry or it cannot be
// looked up.
template <class Get, class Entry, class Id>
std::optional<std::uint32_t> look_up(const std::string& name, Get get, Id Entry::* id) {
    std::vector<char> buffer(1024);
    Entry entry{};
    Entry* found = nullptr;
    int error = 0;
    while ((error = get(name.c_str(), &entry, buffer.data(), buffer.size(), &found)) == ERANGE &&
           buffer.size() < (std::size_t{1} << 20))
        buffer.resize(buffer.size() * 2);
    if (error != 0 || found == nullptr) return std::nullopt;
    return entry.*id;
}

// Calls `add` with each text of the list under `key`.
template <class Add>
Status each(const yaml::Node& node, std::string_view key, Add add) {
    const auto list = node.optional(key);
    if (!list) return {};
    if (!list->is_list()) return list->error("expected a list");
    SIGNET_ASSIGN(const auto items, list->items());
    for (const auto& item : items) {
        SIGNET_ASSIGN(const auto text, item.text(1024));
        SIGNET_TRY(add(item, text));
    }
    return {};
}

// "sha256:" and 64 hex digits; `openssl x509 -fingerprint` puts colons between the bytes.
std::optional<Sha256> as_digest(std::string_view text) {
    constexpr std::string_view kPrefix = "sha256:";
    if (!text.starts_with(kPrefix)) return std::nullopt;
    text.remove_prefix(kPrefix.size());
    std::string digits;
    if (text.size() == 95) {
        for (std::size_t i = 0; i < text.size(); ++i) {
            if (i % 3 != 2)
                digits += text[i];
            else if (text[i] != ':')
                return std::nullopt;
        }
    } else {
        digits = text;
    }
    const auto bytes = from_hex(digits);
    if (!bytes || bytes->size() != std::tuple_size_v<Sha256>) return std::nullopt;
    Sha256 digest;
    std::ranges::copy(*bytes, digest.begin());
    return digest;
}

// "spki:" and the base64 of a DER SubjectPublicKeyInfo (RFC 5280 section 4.1), which is a SEQUENCE.
std::optional<Bytes> as_public_key(std::string_view text) {
    constexpr std::string_view kPrefix = "spki:";
    constexpr std::uint8_t kSequence = 0x30;
    if (!text.starts_with(kPrefix)) return std::nullopt;
    auto der = from_base64(text.substr(kPrefix.size()));
    if (!der || der->size() < 32 || der->front() != kSequence) return std::nullopt;
    return *std::move(der);
}

bool is_san(std::string_view text) {
    for (const std::string_view kind : {"dns:", "uri:", "email:"})
        if (text.starts_with(kind) && text.size() > kind.size()) return true;
    return false;
}

Result<Principal> parse_principal(const std::string& name, const yaml::Node& node) {
    if (!is_name(name))
        return node.error("expected a principal's name of a-z, 0-9, '-', '_' and '.', 64 bytes at most");
    if (name == kPublicPrincipal)
        return node.error(
            "'public' is whoever proves nothing on a listener that admits them; it cannot be defined");
    if (name == "system")
        return node.error("'system' is the daemon itself in the audit log; it cannot be defined");
    SIGNET_TRY(node.only({"users", "groups", "certificates", "sans", "api_keys", "approval_keys"}));
    Principal principal;
    principal.name = name;
    principal.line = node.line();
    SIGNET_TRY(each(node, "users", [&](const yaml::Node& item, const std::string& text) -> Status {
        auto uid = as_number(text);
        if (!uid) uid = look_up(text, getpwnam_r, &passwd::pw_uid);
        if (!uid)
            return item.error("there is no user '" + text +
                              "' on this machine; expected a user's name or number");
        principal.uids.push_back(*uid);
        return {};
    }));
    SIGNET_TRY(each(node, "groups", [&](const yaml::Node& item, const std::string& text) -> Status {
        auto gid = as_number(text);
        if (!gid) gid = look_up(text, getgrnam_r, &group::gr_gid);
        if (!gid)
            return item.error("there is no group '" + text +
                              "' on this machine; expected a group's name or number");
        principal.gids.push_back(*gid);
        return {};
    }));
    SIGNET_TRY(each(node, "certificates", [&](const yaml::Node& item, const std::string& text) -> Status {
        const auto digest = as_digest(text);
        if (!digest)
            return item.error(
                "expected the SHA-256 fingerprint of a client certificate: sha256:<64 hex digits>");
        principal.fingerprints.push_back(to_hex(*digest));
        return {};
    }));
    SIGNET_TRY(each(node, "sans", [&](const yaml::Node& item, const std::string& text) -> Status {
        if (!is_san(text))
            return item.error("expected an alternative name such as dns:pay.example, uri:… or email:…");
        principal.sans.push_back(text);
        return {};
    }));
    SIGNET_TRY(each(node, "api_keys", [&](const yaml::Node& item, const std::string& text) -> Status {
        const auto digest = as_digest(text);
        if (!digest)
            return item.error(
                "expected the SHA-256 of an API key, never the key itself: sha256:<64 hex digits>");
        principal.api_keys.push_back(*digest);
        return {};
    }));
    SIGNET_TRY(each(node, "approval_keys", [&](const yaml::Node& item, const std::string& text) -> Status {
        auto key = as_public_key(text);
        if (!key)
            return item.error(
                "expected a public key: spki:<base64 of its DER>; `signetctl approvals key FILE` writes it");
        principal.approval_keys.push_back(*std::move(key));
        return {};
    }));
    if (principal.uids.empty() && principal.gids.empty() && principal.fingerprints.empty() &&
        principal.sans.empty() && principal.api_keys.empty())
        return node.error("nobody can be '" + name +
                          "'; expected one of users, groups, certificates, sans, api_keys");
    return principal;
}

}  // namespace

bool is_name(std::string_view text) {
    if (text.empty() || text.size() > 64 || text[0] < 'a' || text[0] > 'z') return false;
    return std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    });
}

Result<std::vector<Principal>> parse_principals(const yaml::Node& node) {
    SIGNET_ASSIGN(const auto entries, node.entries());
    if (entries.size() >= kMaxPrincipals)
        return node.error("more than " + std::to_string(kMaxPrincipals - 1) + " principals");
    std::vector<Principal> principals;
    for (const auto& [name, entry] : entries) {
        SIGNET_ASSIGN(auto principal, parse_principal(name, entry));
        for (const auto& key : principal.approval_keys) {
            // One person with two names would be two approvals.
            for (const auto& other : principals) {
                if (std::ranges::find(other.approval_keys, key) != other.approval_keys.end())
                    return entry.error("the approval key of '" + name + "' is that of '" + other.name +
                                       "' too; a quorum counts people: give each principal keys of its own");
            }
        }
        principals.push_back(std::move(principal));
    }
    return principals;
}

}  // namespace signet::policy
