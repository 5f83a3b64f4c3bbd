// What all parts of the token's operations share: the module, the logged-in token, its sessions, and the one place where
// a PKCS#11 failure becomes an error for the caller.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "hsm/frames/token_interface.h"
#include "hsm/pkcs11/module.h"
#include "hsm/pkcs11/quirks.h"
#include "hsm/pkcs11/session.h"
#include "hsm/pkcs11/session_pool.h"
#include "hsm/pkcs11/token.h"
#include "hsm/token/storage.h"
#include "hsm/token/token_operations.h"

namespace signet::token {

class TokenContext {
  public:
    static Result<std::unique_ptr<TokenContext>> open(OperationsOptions options,
                                                      std::unique_ptr<pkcs11::Module> module,
                                                      const Secret& pin);

    const OperationsOptions& options() const { return options_; }
    const pkcs11::Module& module() const { return *module_; }
    const pkcs11::TokenDescription& token() const { return token_; }
    const pkcs11::Quirks& quirks() const { return quirks_; }
    bool session_copies() const { return options_.session_copies.value_or(quirks_.session_copies); }
    std::uint32_t open_sessions() const { return pool_.open_sessions() + 1; }

    // Fails when the token is lost or the deadline has passed: said before anything is asked of the token.
    Status ready(Deadline deadline) const;

    // Runs `operation` in a warm session; once more in a new one when the token had closed it.
    template <class Operation>
    auto with_session(Operation operation) -> std::invoke_result_t<Operation, pkcs11::Session&> {
        for (int attempt = 0;; ++attempt) {
            auto lease = pool_.lease();
            if (!lease) return std::unexpected(lease.error());
            auto result = operation(**lease);
            if (result) [[likely]]
                return result;
            if (pkcs11::leaves_session_suspect(result.error().rv)) lease->discard();
            if (attempt > 0 || !pkcs11::is_stale_session(result.error().rv)) return result;
        }
    }

    // Runs `operation` in the session that owns the session objects, which die with it; one thread at a time.
    template <class Operation>
    auto with_object_session(Operation operation) -> std::invoke_result_t<Operation, pkcs11::Session&> {
        const std::lock_guard lock(object_session_mutex_);
        auto result = operation(*object_session_);
        if (!result && pkcs11::is_stale_session(result.error().rv)) {
            auto session = pkcs11::Session::open(*module_, token_.slot, pkcs11::Access::read_only);
            if (!session) return std::unexpected(session.error());
            object_session_ = std::move(*session);
            return operation(*object_session_);
        }
        return result;
    }

    // A session of its own that may change the token's objects.
    pkcs11::CkResult<pkcs11::Session> writable_session() const {
        return pkcs11::Session::open(*module_, token_.slot, pkcs11::Access::read_write);
    }

    // The error for the caller. Where the token only says that something failed, its storage is looked at; a token that
    // is gone is marked lost. `what` reads like "signing with device.ca/1".
    Error explain(const pkcs11::Failure& failure, std::string_view what);

    // After a change of objects that began at `since`, before it is acknowledged.
    Status sync_storage(std::filesystem::file_time_type since) const { return storage_.sync(since); }

    // Signs of life from the module, the session that holds the login, and the storage.
    Status check_alive();
    void mark_lost(std::string_view why);
    bool lost() const { return lost_.load(std::memory_order_relaxed); }

  private:
    TokenContext(OperationsOptions options, std::unique_ptr<pkcs11::Module> module,
                 pkcs11::TokenDescription token, const pkcs11::Quirks& quirks, pkcs11::Session session);

    OperationsOptions options_;
    std::unique_ptr<pkcs11::Module> module_;  // finalised after every session below is closed
    pkcs11::TokenDescription token_;
    pkcs11::Quirks quirks_;
    TokenStorage storage_;
    std::mutex object_session_mutex_;
    // Open as long as the context: with a process's last session the login would end (section 6.7.4).
    std::optional<pkcs11::Session> object_session_;
    pkcs11::SessionPool pool_;
    std::atomic<bool> lost_ = false;
};

// An object that lives in the token's memory only: an unwrapped key, or a copy of a token key.
class SessionObject {
  public:
    SessionObject(TokenContext& context, CK_OBJECT_HANDLE handle) : context_(&context), handle_(handle) {}
    SessionObject(SessionObject&& other) noexcept
        : context_(other.context_), handle_(std::exchange(other.handle_, CK_INVALID_HANDLE)) {}
    SessionObject& operator=(SessionObject&&) = delete;
    SessionObject(const SessionObject&) = delete;
    SessionObject& operator=(const SessionObject&) = delete;
    ~SessionObject();

    CK_OBJECT_HANDLE handle() const { return handle_; }

  private:
    TokenContext* context_;
    CK_OBJECT_HANDLE handle_;
};

}  // namespace signet::token
