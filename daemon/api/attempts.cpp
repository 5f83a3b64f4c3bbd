#include "daemon/api/attempts.h"

#include <arpa/inet.h>

#include <array>

#include "base/encoding.h"

namespace signet::api {
namespace {

using namespace std::chrono_literals;
constexpr auto kTime = std::chrono::nanoseconds(60s);

std::string key_of(std::string_view what, std::string_view who) {
    std::string key(what);
    key += '\0';
    key += who;
    return key;
}

}  // namespace

Status Attempts::admit(std::string_view what, std::string_view who, std::uint32_t limit, SteadyTime now) {
    const auto step = kTime / limit;
    const std::lock_guard lock(mutex_);
    const auto found = forgotten_.find(key_of(what, who));
    if (found == forgotten_.end() || found->second - now <= kTime - step) return {};
    const auto wait = found->second - now - (kTime - step);
    return std::unexpected(Error{ErrorCode::rate_limited,
                                 "too many wrong credentials; wait before trying again",
                                 {},
                                 std::chrono::ceil<std::chrono::seconds>(wait)});
}

void Attempts::failed(std::string_view what, std::string_view who, std::uint32_t limit, SteadyTime now) {
    const auto step = kTime / limit;
    const std::lock_guard lock(mutex_);
    if (forgotten_.size() >= max_entries_) {
        std::erase_if(forgotten_, [&](const auto& entry) { return entry.second <= now; });
        // Full of failures that still count: one of them makes room, whichever.
        if (forgotten_.size() >= max_entries_) forgotten_.erase(forgotten_.begin());
    }
    auto& at = forgotten_[key_of(what, who)];
    at = std::max(at, now) + step;
}

std::size_t Attempts::size() const {
    const std::lock_guard lock(mutex_);
    return forgotten_.size();
}

std::string guesser_of(const Exchange& exchange) {
    const auto& peer = exchange.peer();
    if (exchange.principal() != policy::kPublicPrincipal ||
        peer.transport == http::Peer::Transport::unix_socket)
        return "principal " + std::string(exchange.principal());
    auto host = peer.address.substr(0, peer.address.rfind(':'));
    if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
    std::array<std::uint8_t, 16> bytes{};
    if (inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1)
        return "net " + to_hex(ByteView(bytes).first(8));
    return "address " + host;
}

}  // namespace signet::api
