// IP addresses and prefixes in text: "192.0.2.7", "192.0.2.0/24", "2001:db8::/32".
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace signet {

class AddressPrefix {
  public:
    static std::optional<AddressPrefix> parse(const std::string& text);
    // False for an address of the other family, and for what is no address.
    bool contains(const std::string& address) const;

  private:
    std::array<std::uint8_t, 16> bytes_{};
    std::size_t size_ = 4;  // of the address, in bytes
    unsigned bits_ = 32;    // of the prefix
};

// Whether a numeric address is one of the public internet: not loopback, private, link-local, shared, multicast, reserved or
// unspecified (RFC 6890), also not as an IPv4-mapped or translated IPv6 address. False for what is no address.
bool is_public_address(const std::string& address);

}  // namespace signet
