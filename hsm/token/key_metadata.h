// What the token itself remembers about a key of ours: CKA_LABEL holds the label, CKA_ID everything else.
//
// CKA_ID, 16 bytes: 'S' 'g' 1, algorithm (1), usages (2, big-endian), version (4, big-endian), random (6). The private,
// the public and the certificate object of a key share it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "hsm/frames/key_types.h"

namespace signet::token {

struct KeyMetadata {
    KeyAlgorithm algorithm = KeyAlgorithm::ec_p256;
    KeyUsages usages;
    std::uint32_t version = 1;
    std::array<std::uint8_t, 6> random{};
    bool operator==(const KeyMetadata&) const = default;
};

Bytes encode(const KeyMetadata& metadata);
// nullopt for a CKA_ID that is not ours, or that names an algorithm or usages this program does not know.
std::optional<KeyMetadata> decode_key_metadata(ByteView cka_id);
// Whether somebody of ours wrote this CKA_ID, also with a later format.
bool is_our_id(ByteView cka_id);

// The label of a key that is being made: no valid key label begins with '~'.
std::string provisional_label(const KeyMetadata& metadata);
bool is_provisional(std::string_view label);

}  // namespace signet::token
