#include "hsm/custody/share_text.h"

#include <algorithm>

#include "base/pgp_words.h"

namespace signet::custody {
namespace {

constexpr std::size_t kBody = 4 + 1 + kKeySize;
constexpr std::size_t kCheck = 3;
static_assert(kBody + kCheck == kShareWords);

Sha256 checksum(ByteView body) {
    constexpr std::string_view kPrefix = "signet-share-words-1";
    Secret message(kPrefix.size() + body.size());
    auto* const rest = std::copy(kPrefix.begin(), kPrefix.end(), message.data());
    std::ranges::copy(body, rest);
    return sha256(message.view());
}

Secret bytes_of(const Share& share) {
    Secret bytes(kShareWords);
    auto* out = std::copy(share.set.begin(), share.set.end(), bytes.data());
    *out++ = share.number;
    out = std::copy(share.value.data(), share.value.data() + share.value.size(), out);
    const auto check = checksum(bytes.view().first(kBody));
    std::copy_n(check.begin(), kCheck, bytes.data() + kBody);
    return bytes;
}

}  // namespace

std::string to_words(const Share& share) {
    return to_pgp_words(bytes_of(share).view(), 8);
}

Bytes share_checksum(const Share& share) {
    return to_bytes(bytes_of(share).view().subspan(kBody));
}

Result<Share> share_from_words(std::string_view text) {
    SIGNET_ASSIGN(const auto bytes, from_pgp_words(text));
    if (bytes.size() != kShareWords)
        return fail(ErrorCode::invalid_argument, "a share has " + std::to_string(kShareWords) +
                                                     " words, and these are " + std::to_string(bytes.size()));
    const auto check = checksum(bytes.view().first(kBody));
    if (!equal_constant_time(ByteView(check).first(kCheck), bytes.view().subspan(kBody)))
        return fail(
            ErrorCode::invalid_argument,
            "a word is another one than in the share: the checksum in its last three words does not fit");
    Share share{{}, bytes.view()[4], Secret::copy_of(bytes.view().subspan(5, kKeySize))};
    std::ranges::copy(bytes.view().first(4), share.set.begin());
    return share;
}

}  // namespace signet::custody
