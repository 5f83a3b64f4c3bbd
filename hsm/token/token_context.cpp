#include "hsm/token/token_context.h"

#include <utility>

#include "base/log.h"

namespace signet::token {
namespace {

constexpr std::string_view kGone =
    "the token is gone; the token process starts again by itself, and requests work once the token is back";

// Return values with which modules report trouble below them, whatever it was.
bool says_nothing(CK_RV rv) {
    return rv == CKR_GENERAL_ERROR || rv == CKR_FUNCTION_FAILED || rv == CKR_DEVICE_ERROR ||
           rv == CKR_DEVICE_MEMORY || rv == CKR_HOST_MEMORY || pkcs11::is_stale_handle(rv);
}

}  // namespace

TokenContext::TokenContext(OperationsOptions options, std::unique_ptr<pkcs11::Module> module,
                           pkcs11::TokenDescription token, const pkcs11::Quirks& quirks,
                           pkcs11::Session session)
    : options_(std::move(options)),
      module_(std::move(module)),
      token_(std::move(token)),
      quirks_(quirks),
      storage_(options_.storage_directory),
      object_session_(std::move(session)),
      pool_(*module_, token_.slot) {}

Result<std::unique_ptr<TokenContext>> TokenContext::open(OperationsOptions options,
                                                         std::unique_ptr<pkcs11::Module> module,
                                                         const Secret& pin) {
    if (options.token_label.empty() && options.token_serial.empty()) {
        return fail(ErrorCode::invalid_argument, "the token needs a label or a serial to be found by");
    }
    auto quirks = pkcs11::quirks_of_manufacturer(module->manufacturer());
    if (!options.quirks.empty()) {
        SIGNET_ASSIGN(quirks, pkcs11::quirks_named(options.quirks));
    }
    SIGNET_ASSIGN(auto token, pkcs11::find_token(*module, options.token_label, options.token_serial));
    auto session = pkcs11::Session::open(*module, token.slot, pkcs11::Access::read_only);
    if (!session) {
        return std::unexpected(
            pkcs11::to_error(session.error(), "opening a session with the token '" + token.label + "'"));
    }
    if (options.before_login)
        SIGNET_TRY(
            options.before_login({.locks = quirks.pin_locks,
                                  .wrong_since_last_login = (token.flags & CKF_USER_PIN_COUNT_LOW) != 0}));
    SIGNET_TRY(pkcs11::log_in(*session, token, pin));
    if (options.after_login) options.after_login();
    return std::unique_ptr<TokenContext>(new TokenContext(std::move(options), std::move(module),
                                                          std::move(token), quirks, std::move(*session)));
}

Status TokenContext::ready(Deadline deadline) const {
    if (lost()) [[unlikely]]
        return fail(ErrorCode::token_unavailable, std::string(kGone));
    if (std::chrono::steady_clock::now() >= deadline.at) [[unlikely]] {
        return fail(ErrorCode::deadline_exceeded, "the request's time was over before the token was asked");
    }
    return {};
}

Error TokenContext::explain(const pkcs11::Failure& failure, std::string_view what) {
    auto error = pkcs11::to_error(failure, what);
    if (pkcs11::is_token_lost(failure.rv)) {
        mark_lost(error.detail);
        return error;
    }
    if (!says_nothing(failure.rv)) return error;

    const auto because = [&](ErrorCode code, std::string_view message) {
        return Error{.code = code,
                     .message = std::string(what) + " failed: " + std::string(message),
                     .detail = error.detail};
    };
    switch (storage_.diagnose()) {
        case StorageState::gone:
            mark_lost("its directory is gone");
            return because(ErrorCode::token_unavailable, kGone);
        case StorageState::read_only:
            // Reading goes on in such a token, so only what writes ever fails for this reason.
            return because(ErrorCode::token_read_only,
                           "the token's directory is read-only; make it writable to change keys");
        case StorageState::full:
            return because(ErrorCode::token_full,
                           "the disk under the token is full; make room, then try again");
        case StorageState::good:
            break;
    }
    if (auto alive = check_alive(); !alive) return because(ErrorCode::token_unavailable, kGone);
    return error;
}

Status TokenContext::check_alive() {
    if (lost()) return fail(ErrorCode::token_unavailable, std::string(kGone));
    // SoftHSM cannot describe its token once a login found token.object read-only, which is how it is kept; the
    // session below still tells whether the login lives.
    const auto token = pkcs11::describe_token(*module_, token_.slot);
    if (!token && token.error().rv != CKR_GENERAL_ERROR) {
        mark_lost(pkcs11::ckr_name(token.error().rv));
    } else if (token && token->serial != token_.serial) {
        mark_lost("another token is in its place");
    } else if (!storage_.present()) {
        mark_lost("its directory is gone");
    } else {
        const auto state = with_object_session([](pkcs11::Session& session) -> pkcs11::CkResult<CK_STATE> {
            CK_SESSION_INFO info{};
            SIGNET_TRY(SIGNET_P11(session.module(), C_GetSessionInfo, session.handle(), &info));
            return info.state;
        });
        if (!state) {
            mark_lost(pkcs11::ckr_name(state.error().rv));
        } else if (*state != CKS_RO_USER_FUNCTIONS && *state != CKS_RW_USER_FUNCTIONS) {
            mark_lost("its login has ended");
        }
    }
    if (lost()) return fail(ErrorCode::token_unavailable, std::string(kGone));
    return {};
}

void TokenContext::mark_lost(std::string_view why) {
    if (lost_.exchange(true)) return;
    log::error("token.lost", "the token is lost; this worker has to be replaced",
               {{"token", token_.label}, {"reason", std::string(why)}});
}

SessionObject::~SessionObject() {
    if (handle_ == CK_INVALID_HANDLE) return;
    // Directly, without opening a new session where the old one died: the object went with it.
    (void)context_->with_object_session([this](pkcs11::Session& session) -> pkcs11::CkStatus {
        (void)session.destroy(handle_);
        return {};
    });
}

}  // namespace signet::token
