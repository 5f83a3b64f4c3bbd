#include "hsm/token/key_metadata.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/wire.h"

namespace signet::token {
namespace {

constexpr std::array<std::uint8_t, 2> kOurs{'S', 'g'};
constexpr std::uint8_t kFormat = 1;
constexpr std::string_view kProvisional = "~provisional:";

}  // namespace

Bytes encode(const KeyMetadata& metadata) {
    WireWriter writer;
    writer.raw(kOurs);
    writer.number(kFormat);
    writer.number(static_cast<std::uint8_t>(metadata.algorithm));
    writer.number(metadata.usages.bits());
    writer.number(metadata.version);
    writer.raw(metadata.random);
    return writer.take();
}

std::optional<KeyMetadata> decode_key_metadata(ByteView cka_id) {
    if (!is_our_id(cka_id)) return std::nullopt;
    WireReader reader(cka_id.subspan(kOurs.size()));
    const auto format = reader.number<std::uint8_t>();
    KeyMetadata metadata;
    metadata.algorithm = static_cast<KeyAlgorithm>(reader.number<std::uint8_t>());
    metadata.usages = KeyUsages::from_bits(reader.number<std::uint16_t>());
    metadata.version = reader.number<std::uint32_t>();
    std::ranges::copy(reader.raw(metadata.random.size()), metadata.random.begin());
    // Usages that contradict the algorithm were not written by us; an unknown algorithm has no possible usages.
    if (!reader.finished() || format != kFormat || metadata.version == 0 ||
        !check_usages(metadata.algorithm, metadata.usages)) {
        return std::nullopt;
    }
    return metadata;
}

bool is_our_id(ByteView cka_id) {
    return cka_id.size() == 16 && std::ranges::equal(cka_id.first(2), kOurs);
}

std::string provisional_label(const KeyMetadata& metadata) {
    return std::string(kProvisional) + to_hex(metadata.random);
}

bool is_provisional(std::string_view label) {
    return label.starts_with(kProvisional);
}

}  // namespace signet::token
