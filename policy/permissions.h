// The stable list of permissions: what a policy may name and a route may ask for.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace signet::policy {

struct Permission {
    std::string_view name;         // dotted, lower case: "keys.sign"; never renamed once released
    std::string_view description;  // one line, for `signetctl policy permissions`
    // A rule about it may demand a quorum: what it permits is done by native routes alone, which use the approvals up in
    // the transaction of the work itself. The clients of documented foreign protocols would not understand the 202.
    bool quorum = false;
};

// Ordered by name. A family adds its permissions to the table in permissions.cpp.
std::span<const Permission> permissions();
// The place in `permissions()`.
std::optional<std::size_t> permission_index(std::string_view name);
// "keys.sign", "keys.*" (every permission that begins with "keys.") or "*".
bool permission_matches(std::string_view pattern, std::string_view permission);
// The known name with the fewest edits to `name`.
std::string_view nearest_permission(std::string_view name);

}  // namespace signet::policy
