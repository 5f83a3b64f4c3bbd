// Finds what a request's path names, with the document's codes for everything that is wrong with it.
#pragma once

#include <string_view>

#include "daemon/api/paycontrol/context.h"
#include "hsm/frames/token_interface.h"

namespace signet::sqlite {
class Connection;
}

namespace signet::api::paycontrol {

// Codes: 203 there is none, 204 it is deleted.
Outcome<sqlite::PayControlSystem> find_system(sqlite::Connection& db, std::string_view system_id);
// Of the path's {system}; notes it in the event.
Outcome<sqlite::PayControlSystem> system_of(Call& call);

struct UserOf {
    sqlite::PayControlSystem system;
    sqlite::PayControlUser user;
    sqlite::PayControlKey key;  // the active one
};
enum class Need : std::uint8_t {
    present,   // not deleted
    unlocked,  // nor blocked
    usable     // and the key has not expired
};
// Codes: those of find_system; 208 there is none, or it is another system's; 209 deleted; 294 blocked; 245 no key; 295 expired.
Outcome<UserOf> find_user(sqlite::Connection& db, std::string_view system_id, std::string_view user_id,
                          Need need, SystemTime now);
// Of the path's {system} and {user}; notes them and the key in the event.
Outcome<UserOf> user_of(Call& call, Need need);

// Where a user's secrets are bound to: "paycontrol:<system>:<user>", and a system's "paycontrol:<system>".
std::string owner_of(std::string_view system_id, std::string_view user_id);
std::string owner_of(std::string_view system_id);
inline constexpr std::string_view kCodeKey = "paycontrol.user.k1";             // codes
inline constexpr std::string_view kRequestKey = "paycontrol.user.k2";          // request authentication
inline constexpr std::string_view kSystemCodeKey = "paycontrol.system.codes";  // common codes
inline constexpr std::string_view kSystemCredentialKey =
    "paycontrol.system.credentials";  // activation codes and passwords
inline constexpr std::string_view kSystemImitKey = "paycontrol.system.imit";  // gost_imit

// For token.mac and token.mac_verify. Code: 245.
Outcome<WrappedKey> user_secret(sqlite::Connection& db, const sqlite::PayControlUser& user,
                                const sqlite::PayControlKey& key, std::string_view key_class);
Outcome<WrappedKey> system_secret(sqlite::Connection& db, std::string_view system_id,
                                  std::string_view key_class);

}  // namespace signet::api::paycontrol
