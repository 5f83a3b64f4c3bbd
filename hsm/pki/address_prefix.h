// IP addresses and prefixes in text: "192.0.2.7", "192.0.2.0/24", "2001:db8::/32".
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace signet::pki {

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

}  // namespace signet::pki
