#include "hsm/pki/der.h"

#include <algorithm>
#include <string>

namespace signet::pki {
namespace {

constexpr int kMaxDepth = 32;

Bytes header(std::uint8_t tag, std::size_t size) {
    Bytes out{tag};
    if (size < 0x80) {
        out.push_back(static_cast<std::uint8_t>(size));
        return out;
    }
    Bytes digits;
    for (auto rest = size; rest > 0; rest >>= 8)
        digits.insert(digits.begin(), static_cast<std::uint8_t>(rest));
    out.push_back(static_cast<std::uint8_t>(0x80 | digits.size()));
    out.insert(out.end(), digits.begin(), digits.end());
    return out;
}

bool well_formed(ByteView input, int depth) {
    while (!input.empty()) {
        const auto element = read_der(input);
        if (!element || depth > kMaxDepth) return false;
        if ((element->tag & 0x20) != 0 && !well_formed(element->content, depth + 1)) return false;
        input = input.subspan(element->size);
    }
    return true;
}

}  // namespace

Bytes der_element(std::uint8_t tag, ByteView content) {
    auto out = header(tag, content.size());
    out.insert(out.end(), content.begin(), content.end());
    return out;
}

Bytes der_element(std::uint8_t tag, std::initializer_list<ByteView> parts) {
    std::size_t size = 0;
    for (const auto part : parts)
        size += part.size();
    auto out = header(tag, size);
    out.reserve(out.size() + size);
    for (const auto part : parts)
        out.insert(out.end(), part.begin(), part.end());
    return out;
}

Bytes der_set_of(std::uint8_t tag, std::vector<Bytes> members) {
    std::ranges::sort(members);
    Bytes content;
    for (const auto& member : members)
        content.insert(content.end(), member.begin(), member.end());
    return der_element(tag, content);
}

Bytes der_unsigned(ByteView magnitude) {
    while (magnitude.size() > 1 && magnitude.front() == 0)
        magnitude = magnitude.subspan(1);
    if (magnitude.empty()) return {der_tag::kInteger, 1, 0};
    const Bytes sign(magnitude.front() >= 0x80 ? 1U : 0U, std::uint8_t{0});
    return der_element(der_tag::kInteger, {sign, magnitude});
}

Result<DerElement> read_der(ByteView input) {
    const auto cut = fail(ErrorCode::invalid_argument, "the DER is malformed");
    if (input.size() < 2 || (input[0] & 0x1f) == 0x1f) return cut;  // PKIX has no tags above 30
    std::size_t size = input[1];
    std::size_t at = 2;
    if (size >= 0x80) {
        const std::size_t count = size & 0x7f;
        if (count == 0 || count > 4 || input.size() < 2 + count || input[2] == 0) return cut;
        size = 0;
        for (; at < 2 + count; ++at)
            size = size << 8 | input[at];
        if (size < 0x80) return cut;
    }
    if (input.size() - at < size) return cut;
    return DerElement{input[0], input.subspan(at, size), at + size};
}

Status check_der(ByteView input, std::string_view what) {
    const auto element = read_der(input);
    if (!element)
        return fail(ErrorCode::invalid_argument, "the " + std::string(what) + " is malformed or cut short");
    if (element->size != input.size())
        return fail(ErrorCode::invalid_argument, "there is something after the " + std::string(what));
    if (!well_formed(input, 0))
        return fail(ErrorCode::invalid_argument, "the " + std::string(what) + " is not well-formed DER");
    return {};
}

}  // namespace signet::pki
