// Warm sessions: each thread finds the one it used last time, without a lock.
#pragma once

#include <p11-kit/pkcs11.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "hsm/pkcs11/ckr.h"
#include "hsm/pkcs11/module.h"
#include "hsm/pkcs11/session.h"

namespace signet::pkcs11 {

class SessionPool {
    // A cache line each, so that threads do not slow each other down by taking neighbouring places.
    struct alignas(64) Place {
        std::atomic<bool> taken = false;
        std::optional<Session> session;  // belongs to whoever set `taken`
    };

  public:
    // A session for as long as the lease lives.
    class Lease {
      public:
        Lease(Lease&& other) noexcept;
        Lease& operator=(Lease&&) = delete;
        Lease(const Lease&) = delete;
        ~Lease();

        Session& operator*() { return place_ != nullptr ? *place_->session : *own_; }
        Session* operator->() { return &**this; }
        // The session is closed with the lease instead of kept.
        void discard() { discard_ = true; }

      private:
        friend class SessionPool;
        Lease(SessionPool& pool, Place& place) : pool_(&pool), place_(&place) {}
        Lease(SessionPool& pool, Session session) : pool_(&pool), own_(std::move(session)) {}

        SessionPool* pool_;
        Place* place_ = nullptr;
        std::optional<Session> own_;  // when all places were taken
        bool discard_ = false;
    };

    SessionPool(const Module& module, CK_SLOT_ID slot) : module_(&module), slot_(slot) {}
    SessionPool(const SessionPool&) = delete;
    SessionPool& operator=(const SessionPool&) = delete;

    // Read-only sessions: they sign, and can make session objects. Fails when a new session is needed and the
    // token gives none.
    CkResult<Lease> lease();

    std::uint32_t open_sessions() const { return open_.load(std::memory_order_relaxed); }

  private:
    // More than the threads a worker has; a lease beyond that opens a session for itself.
    static constexpr std::size_t kPlaces = 32;

    CkResult<Session> open();

    const Module* module_;
    CK_SLOT_ID slot_;
    std::array<Place, kPlaces> places_;
    std::atomic<std::uint32_t> open_ = 0;
};

}  // namespace signet::pkcs11
