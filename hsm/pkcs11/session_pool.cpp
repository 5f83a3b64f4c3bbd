#include "hsm/pkcs11/session_pool.h"

#include <utility>

namespace signet::pkcs11 {
namespace {

// Threads count themselves, so that each begins its search at a place of its own.
std::size_t thread_number() {
    static std::atomic<std::size_t> next = 0;
    thread_local const std::size_t number = next.fetch_add(1, std::memory_order_relaxed);
    return number;
}

}  // namespace

SessionPool::Lease::Lease(Lease&& other) noexcept
    : pool_(other.pool_),
      place_(std::exchange(other.place_, nullptr)),
      own_(std::exchange(other.own_, std::nullopt)),
      discard_(other.discard_) {}

SessionPool::Lease::~Lease() {
    if (own_) {
        pool_->open_.fetch_sub(1, std::memory_order_relaxed);
    } else if (place_ != nullptr) {
        if (discard_) {
            place_->session.reset();
            pool_->open_.fetch_sub(1, std::memory_order_relaxed);
        }
        place_->taken.store(false, std::memory_order_release);
    }
}

CkResult<Session> SessionPool::open() {
    auto session = Session::open(*module_, slot_, Access::read_only);
    if (session) open_.fetch_add(1, std::memory_order_relaxed);
    return session;
}

CkResult<SessionPool::Lease> SessionPool::lease() {
    const auto start = thread_number();
    for (std::size_t i = 0; i < kPlaces; ++i) {
        auto& place = places_[(start + i) % kPlaces];
        if (place.taken.exchange(true, std::memory_order_acquire)) continue;
        if (!place.session) {
            auto session = open();
            if (!session) {
                place.taken.store(false, std::memory_order_release);
                return std::unexpected(session.error());
            }
            place.session = std::move(*session);
        }
        return Lease(*this, place);
    }
    SIGNET_ASSIGN(auto session, open());
    return Lease(*this, std::move(session));
}

}  // namespace signet::pkcs11
