// API users and their keys, without HTTP: made, given a key, revoked, each with its audit record.
#pragma once

#include <string>
#include <string_view>

#include "daemon/api/momo/context.h"
#include "daemon/service/caller.h"

namespace signet::api::momo {

// A host name or address, with or without a port, in lower case: "clinic.com", "clinic.com:8443", "[2001:db8::1]". Error:
// invalid_argument.
Result<std::string> read_callback_host(std::string_view text);

struct NewUser {
    std::string id;
    std::string merchant;
    std::string callback_host;
};
// `action` is the permission's name. Error: already_exists.
Result<sqlite::MomoUser> create_user(Context& context, const service::Caller& caller, std::string_view action,
                                     NewUser user);
// The key, to be shown once; an earlier one and its tokens end. Error: not_found.
Result<std::string> create_api_key(Context& context, const service::Caller& caller, std::string_view action,
                                   const std::string& user);
// Error: not_found.
Status revoke_user(Context& context, const service::Caller& caller, std::string_view action,
                   const std::string& user);
Status revoke_api_key(Context& context, const service::Caller& caller, std::string_view action,
                      const std::string& user);

// Error: not_found, also for a revoked one.
Result<sqlite::MomoUser> live_user(Context& context, std::string_view id);

}  // namespace signet::api::momo
