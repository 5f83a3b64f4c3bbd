#include "daemon/http/request_ids.h"

#include <algorithm>
#include <array>

#include "base/encoding.h"
#include "base/random.h"

namespace signet::http {

RequestIds::RequestIds() : prefix_(random_bytes(10)) {}

std::string RequestIds::next() {
    std::array<std::uint8_t, 16> id{};
    std::copy(prefix_.begin(), prefix_.end(), id.begin());
    auto count = counter_.fetch_add(1, std::memory_order_relaxed);
    for (std::size_t i = id.size(); i-- > prefix_.size(); count >>= 8)
        id[i] = static_cast<std::uint8_t>(count);
    return to_base64url(id);
}

}  // namespace signet::http
