#include "hsm/pkcs11/token.h"

#include <optional>

namespace signet::pkcs11 {

CkResult<TokenDescription> describe_token(const Module& module, CK_SLOT_ID slot) {
    CK_TOKEN_INFO info{};
    SIGNET_TRY(SIGNET_P11(module, C_GetTokenInfo, slot, &info));
    return TokenDescription{.slot = slot,
                            .label = unpadded(info.label, sizeof info.label),
                            .serial = unpadded(info.serialNumber, sizeof info.serialNumber),
                            .manufacturer = unpadded(info.manufacturerID, sizeof info.manufacturerID),
                            .model = unpadded(info.model, sizeof info.model),
                            .flags = info.flags};
}

Result<std::vector<TokenDescription>> list_tokens(const Module& module) {
    const auto failed = [&module](const Failure& failure) {
        return std::unexpected(to_error(failure, "listing the tokens of " + module.name()));
    };
    CK_ULONG count = 0;
    if (auto done = SIGNET_P11(module, C_GetSlotList, CK_BBOOL{CK_TRUE}, nullptr, &count); !done) {
        return failed(done.error());
    }
    std::vector<CK_SLOT_ID> slots(count);
    if (auto done = SIGNET_P11(module, C_GetSlotList, CK_BBOOL{CK_TRUE}, slots.data(), &count); !done) {
        return failed(done.error());
    }
    slots.resize(count);
    std::vector<TokenDescription> tokens;
    for (const auto slot : slots) {
        // A reader without a card, or one that fails, is not the token looked for.
        if (auto token = describe_token(module, slot)) tokens.push_back(std::move(*token));
    }
    return tokens;
}

Result<TokenDescription> find_token(const Module& module, std::string_view label, std::string_view serial) {
    const auto wanted = serial.empty() ? "labelled '" + std::string(label) + "'"
                                       : "with serial '" + std::string(serial) + "'";
    SIGNET_ASSIGN(const auto tokens, list_tokens(module));
    std::optional<TokenDescription> found;
    std::string others;
    for (const auto& token : tokens) {
        if ((token.flags & CKF_TOKEN_INITIALIZED) == 0) continue;
        const bool match =
            (label.empty() || token.label == label) && (serial.empty() || token.serial == serial);
        if (match && found) {
            return fail(ErrorCode::failed_precondition,
                        "several tokens " + wanted + " are present; name the token by its serial",
                        "serials " + found->serial + " and " + token.serial);
        }
        if (match) found = token;
        others += (others.empty() ? "'" : ", '") + token.label + "'";
    }
    if (found) return *std::move(found);
    return fail(ErrorCode::token_unavailable,
                "there is no token " + wanted + " in " + module.name() +
                    (others.empty() ? "; it has none at all: check its configuration, or initialise one"
                                    : "; it has " + others));
}

CkResult<std::vector<CK_MECHANISM_TYPE>> list_mechanisms(const Module& module, CK_SLOT_ID slot) {
    CK_ULONG count = 0;
    SIGNET_TRY(SIGNET_P11(module, C_GetMechanismList, slot, nullptr, &count));
    std::vector<CK_MECHANISM_TYPE> mechanisms(count);
    SIGNET_TRY(SIGNET_P11(module, C_GetMechanismList, slot, mechanisms.data(), &count));
    mechanisms.resize(count);
    return mechanisms;
}

Status log_in(Session& session, const TokenDescription& token, const Secret& pin) {
    const auto name = "token '" + token.label + "'";
    if ((token.flags & CKF_USER_PIN_LOCKED) != 0) {
        return fail(ErrorCode::token_pin,
                    "the PIN of " + name + " is locked; its security officer must set a new one",
                    "CKF_USER_PIN_LOCKED");
    }
    if ((token.flags & CKF_USER_PIN_FINAL_TRY) != 0) {
        return fail(ErrorCode::token_pin,
                    name +
                        " allows one last try of its PIN; log in by hand with the right PIN first, so that "
                        "the count starts anew",
                    "CKF_USER_PIN_FINAL_TRY");
    }
    if ((token.flags & CKF_USER_PIN_INITIALIZED) == 0) {
        return fail(ErrorCode::token_pin, name + " has no user PIN yet; initialise it",
                    "no CKF_USER_PIN_INITIALIZED");
    }
    if (auto done = session.login(CKU_USER, pin); !done && done.error().rv != CKR_USER_ALREADY_LOGGED_IN) {
        return std::unexpected(to_error(done.error(), "logging in to " + name));
    }
    return {};
}

}  // namespace signet::pkcs11
