#include "daemon/paycontrol/tlv.h"

namespace signet::paycontrol {
namespace {

void put_head(Bytes& out, Tag tag, std::size_t size) {
    out.push_back(static_cast<std::uint8_t>(tag));
    for (int shift = 24; shift >= 0; shift -= 8)
        out.push_back(static_cast<std::uint8_t>(size >> shift));
}

void put(Bytes& out, Tag tag, ByteView value) {
    put_head(out, tag, value.size());
    out.insert(out.end(), value.begin(), value.end());
}

void put_text(Bytes& out, Tag tag, std::string_view text) {
    if (!text.empty()) put(out, tag, as_bytes(text));
}

void put_step(Bytes& out, std::uint64_t step) {
    Bytes value;
    for (int shift = 56; shift >= 0; shift -= 8) {
        const auto byte = static_cast<std::uint8_t>(step >> shift);
        if (byte != 0 || !value.empty() || shift == 0) value.push_back(byte);
    }
    put(out, Tag::step, value);
}

}  // namespace

Bytes tlv(const Covered& covered, std::uint64_t step, std::optional<DeclineReason> decline) {
    Bytes out;
    out.reserve(64 + covered.text.size() + covered.binary.size() + covered.user_id.size() +
                covered.fingerprint.size() + covered.snippet.size());
    put_head(out, Tag::data, covered.text.size() + covered.binary.size());
    const auto text = as_bytes(covered.text);
    out.insert(out.end(), text.begin(), text.end());
    out.insert(out.end(), covered.binary.begin(), covered.binary.end());
    put_text(out, Tag::user, covered.user_id);
    put_text(out, Tag::fingerprint, covered.fingerprint);
    put_step(out, step);
    put_text(out, Tag::snippet, covered.snippet);
    if (decline) put(out, Tag::decline, Bytes{static_cast<std::uint8_t>(*decline)});
    return out;
}

Sha256 data_hash(std::string_view text, ByteView binary) {
    auto data = to_bytes(text);
    data.insert(data.end(), binary.begin(), binary.end());
    return sha256(data);
}

}  // namespace signet::paycontrol
