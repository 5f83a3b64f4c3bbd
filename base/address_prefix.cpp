#include "base/address_prefix.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <vector>

namespace signet {
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

bool is_public_address(const std::string& address) {
    // RFC 6890 and its registries; 64:ff9b::/96 and 2002::/16 carry IPv4 addresses (RFC 6052, RFC 3056).
    static const std::vector<AddressPrefix> special = [] {
        std::vector<AddressPrefix> out;
        for (const auto* text :
             {"0.0.0.0/8",     "10.0.0.0/8",      "100.64.0.0/10",  "127.0.0.0/8",    "169.254.0.0/16",
              "172.16.0.0/12", "192.0.0.0/24",    "192.0.2.0/24",   "192.88.99.0/24", "192.168.0.0/16",
              "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",    "240.0.0.0/4",
              "::/96",         "::ffff:0:0/96",   "64:ff9b::/96",   "64:ff9b:1::/48", "100::/64",
              "2001::/23",     "2001:db8::/32",   "2002::/16",      "fc00::/7",       "fe80::/10",
              "fec0::/10",     "ff00::/8"})
            out.push_back(*AddressPrefix::parse(text));
        return out;
    }();
    std::array<std::uint8_t, 16> bytes{};
    return read_address(address, bytes) != 0 &&
           std::ranges::none_of(special,
                                [&](const AddressPrefix& prefix) { return prefix.contains(address); });
}

}  // namespace signet
