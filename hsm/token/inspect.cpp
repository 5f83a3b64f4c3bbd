// What a module says of its tokens to somebody who does not log in.
#include <cstdlib>

#include "hsm/pkcs11/mechanisms.h"
#include "hsm/pkcs11/token.h"
#include "hsm/token/commands.h"

namespace signet::token {
namespace {

std::string json_text(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') out += '\\';
        out += byte < 0x20 || byte > 0x7e ? '?' : c;
    }
    return out + "\"";
}

std::string flag(std::string_view name, bool value) {
    return "," + json_text(name) + ":" + (value ? "true" : "false");
}

Result<std::string> describe(const InspectOptions& options) {
    // SoftHSM finds its configuration through the environment alone.
    if (!options.module_config.empty() && setenv("SOFTHSM2_CONF", options.module_config.c_str(), 1) != 0)
        return fail(ErrorCode::internal, "cannot set SOFTHSM2_CONF");
    SIGNET_ASSIGN(const auto module, pkcs11::Module::load(options.module, options.module_parameters));
    SIGNET_ASSIGN(const auto tokens, pkcs11::list_tokens(*module));
    std::string out;
    for (const auto& token : tokens) {
        out += (out.empty() ? "{" : ",{") + json_text("label") + ":" + json_text(token.label) + "," +
               json_text("serial") + ":" + json_text(token.serial) + "," + json_text("manufacturer") + ":" +
               json_text(token.manufacturer) + "," + json_text("model") + ":" + json_text(token.model);
        out += flag("initialised", (token.flags & CKF_TOKEN_INITIALIZED) != 0);
        out += flag("pin_set", (token.flags & CKF_USER_PIN_INITIALIZED) != 0);
        out += flag("pin_final_try", (token.flags & CKF_USER_PIN_FINAL_TRY) != 0);
        out += flag("pin_locked", (token.flags & CKF_USER_PIN_LOCKED) != 0);
        out += flag("write_protected", (token.flags & CKF_WRITE_PROTECTED) != 0);
        const auto mechanisms = pkcs11::list_mechanisms(*module, token.slot);
        if (!mechanisms)
            return std::unexpected(pkcs11::to_error(mechanisms.error(), "listing the token's mechanisms"));
        out += "," + json_text("mechanisms") + ":[";
        bool first = true;
        for (const auto mechanism : *mechanisms) {
            out += (first ? "" : ",") + json_text(pkcs11::mechanism_name(mechanism));
            first = false;
        }
        out += "]}";
    }
    return "{\"tokens\":[" + out + "]}";
}

}  // namespace

Result<std::string> describe_tokens(const InspectOptions& options) {
    return describe(options);
}

}  // namespace signet::token
