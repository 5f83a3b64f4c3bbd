// DER (ITU-T X.690), the little of it that we write or check ourselves; internal to hsm/pki.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace signet::pki {

namespace der_tag {
inline constexpr std::uint8_t kInteger = 0x02;
inline constexpr std::uint8_t kOctetString = 0x04;
inline constexpr std::uint8_t kSequence = 0x30;
inline constexpr std::uint8_t kSet = 0x31;
inline constexpr std::uint8_t kContext0 = 0xa0;  // constructed
}  // namespace der_tag

// Tag, length, content.
Bytes der_element(std::uint8_t tag, ByteView content);
// An element whose content is the parts, one after another.
Bytes der_element(std::uint8_t tag, std::initializer_list<ByteView> parts);
// SET OF: the members sorted by their encoding (section 11.6), under `tag` (der_tag::kSet or an implicit one).
Bytes der_set_of(std::uint8_t tag, std::vector<Bytes> members);
// A non-negative INTEGER from its magnitude.
Bytes der_unsigned(ByteView magnitude);

// Exactly one element that fills `input`, lengths definite and in the fewest bytes, at most 32 levels deep: what OpenSSL's
// decoders, which also take BER, do not check. `what` names the object in the error (invalid_argument).
Status check_der(ByteView input, std::string_view what);

// The element at the beginning of `input`, its content alone; nullopt when it is cut short.
struct DerElement {
    std::uint8_t tag = 0;
    ByteView content;
    std::size_t size = 0;  // with its header
};
Result<DerElement> read_der(ByteView input);

}  // namespace signet::pki
