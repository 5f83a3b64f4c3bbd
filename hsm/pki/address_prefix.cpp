#include "hsm/pki/address_prefix.h"

#include <arpa/inet.h>

#include <charconv>
#include <string_view>

namespace signet::pki {
namespace {

// The size of the address in bytes, 0 when it is none.
std::size_t read_address(const std::string& text, std::array<std::uint8_t, 16>& bytes) {
    if (inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return 4;
    return inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1 ? 16 : 0;
}

}  // namespace

std::optional<AddressPrefix> AddressPrefix::parse(const std::string& text) {
    AddressPrefix prefix;
    const auto slash = text.find('/');
    prefix.size_ = read_address(text.substr(0, slash), prefix.bytes_);
    if (prefix.size_ == 0) return std::nullopt;
    prefix.bits_ = static_cast<unsigned>(prefix.size_ * 8);
    if (slash == std::string::npos) return prefix;
    const std::string_view digits = std::string_view(text).substr(slash + 1);
    unsigned bits = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (error != std::errc{} || end != digits.data() + digits.size() || bits > prefix.bits_)
        return std::nullopt;
    prefix.bits_ = bits;
    return prefix;
}

bool AddressPrefix::contains(const std::string& address) const {
    std::array<std::uint8_t, 16> bytes{};
    if (read_address(address, bytes) != size_) return false;
    for (unsigned i = 0; i < bits_; ++i) {
        const auto mask = static_cast<std::uint8_t>(0x80U >> (i % 8));
        if (((bytes[i / 8] ^ bytes_[i / 8]) & mask) != 0) return false;
    }
    return true;
}

}  // namespace signet::pki
