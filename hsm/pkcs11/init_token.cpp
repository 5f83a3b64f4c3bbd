#include "hsm/pkcs11/init_token.h"

#include <algorithm>
#include <array>

#include "hsm/pkcs11/session.h"
#include "hsm/pkcs11/token.h"

namespace signet::pkcs11 {
namespace {

constexpr std::size_t kLabelSize = 32;  // CK_TOKEN_INFO's label, padded with blanks

Result<TokenDescription> labelled(const Module& module, const std::string& label) {
    SIGNET_ASSIGN(const auto tokens, list_tokens(module));
    for (const auto& token : tokens) {
        if ((token.flags & CKF_TOKEN_INITIALIZED) != 0 && token.label == label) return token;
    }
    return fail(ErrorCode::not_found, "there is no token '" + label + "'");
}

}  // namespace

Result<InitialisedToken> init_token(const Module& module, const std::string& label, const Secret& so_pin,
                                    const Secret& user_pin) {
    if (label.empty() || label.size() > kLabelSize || label.ends_with(' ')) {
        return fail(ErrorCode::invalid_argument,
                    "a token's label has 1 to 32 bytes and does not end in a blank");
    }
    if (labelled(module, label)) {
        return fail(
            ErrorCode::already_exists,
            "a token '" + label + "' exists already; choose another label, or remove that token first");
    }
    SIGNET_ASSIGN(const auto tokens, list_tokens(module));
    const auto free = std::ranges::find_if(
        tokens, [](const TokenDescription& token) { return (token.flags & CKF_TOKEN_INITIALIZED) == 0; });
    if (free == tokens.end()) {
        return fail(ErrorCode::token_full, "no slot of " + module.name() + " is free for a new token");
    }

    std::array<unsigned char, kLabelSize> padded{};
    padded.fill(' ');
    std::ranges::copy(label, padded.begin());
    const auto what = "initialising the token '" + label + "'";
    const auto failed = [&what](const Failure& failure) { return std::unexpected(to_error(failure, what)); };
    if (auto done = SIGNET_P11(module, C_InitToken, free->slot, const_cast<unsigned char*>(so_pin.data()),
                               so_pin.size(), padded.data());
        !done) {
        return failed(done.error());
    }

    auto session = Session::open(module, free->slot, Access::read_write);
    if (!session) return failed(session.error());
    if (auto done = session->login(CKU_SO, so_pin); !done) return failed(done.error());
    if (auto done = session->init_pin(user_pin); !done) return failed(done.error());
    // Nobody stays logged in as the security officer.
    if (auto done = SIGNET_P11(module, C_Logout, session->handle()); !done) return failed(done.error());

    auto token = describe_token(module, free->slot);
    if (!token) return failed(token.error());
    return InitialisedToken{token->label, token->serial};
}

Status change_pin(const Module& module, const std::string& label, const std::string& serial,
                  const Secret& old_pin, const Secret& new_pin) {
    SIGNET_ASSIGN(const auto token, find_token(module, label, serial));
    const auto what = "changing the PIN of the token '" + token.label + "'";
    auto session = Session::open(module, token.slot, Access::read_write);
    if (!session) return std::unexpected(to_error(session.error(), what));
    SIGNET_TRY(log_in(*session, token, old_pin));
    if (auto done = session->set_pin(old_pin, new_pin); !done) {
        return std::unexpected(to_error(done.error(), what));
    }
    return {};
}

Status change_so_pin(const Module& module, const std::string& label, const std::string& serial,
                     const Secret& old_pin, const Secret& new_pin) {
    SIGNET_ASSIGN(const auto token, find_token(module, label, serial));
    if ((token.flags & (CKF_SO_PIN_LOCKED | CKF_SO_PIN_FINAL_TRY)) != 0)
        return fail(ErrorCode::token_pin, "the security officer's PIN of '" + token.label +
                                              "' is locked or at its last try; it is not tried");
    const auto what = "changing the security officer's PIN of the token '" + token.label + "'";
    const auto failed = [&what](const Failure& failure) { return std::unexpected(to_error(failure, what)); };
    auto session = Session::open(module, token.slot, Access::read_write);
    if (!session) return failed(session.error());
    if (auto done = session->login(CKU_SO, old_pin); !done) return failed(done.error());
    if (auto done = session->set_pin(old_pin, new_pin); !done) return failed(done.error());
    if (auto done = SIGNET_P11(module, C_Logout, session->handle()); !done) return failed(done.error());
    return {};
}

}  // namespace signet::pkcs11
