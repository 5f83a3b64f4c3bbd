#include "hsm/pki/pem.h"

#include <algorithm>
#include <optional>

#include "base/encoding.h"

namespace signet::pki {
namespace {

constexpr std::string_view kBegin = "-----BEGIN ";
constexpr std::string_view kEnd = "-----END ";
constexpr std::string_view kDashes = "-----";

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}
bool all_space(std::string_view text) {
    return std::ranges::all_of(text, is_space);
}

// Takes the first line off `rest`, without its line ending and trailing blanks.
std::string_view take_line(std::string_view& rest) {
    const auto end = rest.find('\n');
    auto line = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    while (!line.empty() && is_space(line.back()))
        line.remove_suffix(1);
    return line;
}

// "-----BEGIN X-----" to "X".
std::optional<std::string_view> boundary_label(std::string_view line, std::string_view prefix) {
    if (!line.starts_with(prefix) || !line.ends_with(kDashes) ||
        line.size() < prefix.size() + kDashes.size() + 1)
        return std::nullopt;
    return line.substr(prefix.size(), line.size() - prefix.size() - kDashes.size());
}

std::unexpected<Error> malformed(std::string message) {
    return fail(ErrorCode::invalid_argument, std::move(message));
}

// Reads the lines of a block whose BEGIN line was taken already.
Result<PemBlock> read_block(std::string_view label, std::string_view& rest) {
    const auto* begin = rest.data();
    std::size_t size = 0;
    while (!rest.empty()) {
        const auto line = take_line(rest);
        if (const auto end = boundary_label(line, kEnd)) {
            if (*end != label) return malformed("a PEM block begins with one label and ends with another");
            auto der = from_base64_wrapped({begin, size});
            if (!der || der->empty()) return malformed("the PEM block is not base64");
            return PemBlock{std::string(label), *std::move(der)};
        }
        if (line.starts_with(kDashes)) break;
        size = static_cast<std::size_t>(rest.data() - begin);
    }
    return malformed("the PEM block has no end line");
}

Result<std::vector<PemBlock>> read_blocks(std::string_view text, std::size_t max_blocks, bool other_text) {
    std::vector<PemBlock> blocks;
    while (!text.empty()) {
        const auto line = take_line(text);
        const auto label = boundary_label(line, kBegin);
        if (!label) {
            if (line.starts_with(kDashes) || (!other_text && !all_space(line)))
                return malformed("there is something else around the PEM block");
            continue;
        }
        if (blocks.size() == max_blocks)
            return fail(ErrorCode::too_large,
                        "there are more than " + std::to_string(max_blocks) + " PEM blocks");
        SIGNET_ASSIGN(auto block, read_block(*label, text));
        blocks.push_back(std::move(block));
    }
    return blocks;
}

}  // namespace

std::string to_pem(std::string_view label, ByteView der) {
    const auto base64 = to_base64(der);
    std::string out;
    out.reserve(base64.size() + base64.size() / 64 + 2 * label.size() + 40);
    out.append(kBegin).append(label).append("-----\n");
    for (std::size_t at = 0; at < base64.size(); at += 64)
        out.append(base64, at, 64).append("\n");
    out.append(kEnd).append(label).append("-----\n");
    return out;
}

Result<Bytes> from_pem(std::string_view text, std::initializer_list<std::string_view> labels) {
    SIGNET_ASSIGN(auto blocks, read_blocks(text, 1, false));
    if (blocks.empty()) return malformed("there is no PEM block");
    if (std::ranges::find(labels, blocks[0].label) == labels.end())
        return malformed("the PEM block has another label than " + std::string(*labels.begin()));
    return std::move(blocks[0].der);
}

Result<std::vector<PemBlock>> read_pem_bundle(std::string_view text, std::size_t max_blocks) {
    return read_blocks(text, max_blocks, true);
}

Result<Bytes> der_from_any(std::string_view input, std::initializer_list<std::string_view> labels,
                           std::size_t max_size, std::string_view what) {
    const std::string name(what);
    if (input.empty()) return malformed("the " + name + " is empty");
    if (input.size() > max_size) {
        // Text may be longer than the DER in it by a third and its line ends.
        const bool text = input.front() == '-' || is_space(input.front()) || input.front() == 'M';
        if (!text || input.size() > max_size / 2 * 3 + 256)
            return fail(ErrorCode::too_large,
                        "the " + name + " is over " + std::to_string(max_size) + " bytes");
    }
    Result<Bytes> der = Bytes{};
    if (input.front() ==
        '\x30') {  // SEQUENCE; as text it would be the digit 0, with which no base64 of one begins
        der = to_bytes(input);
    } else if (input.find(kBegin) != std::string_view::npos) {
        der = from_pem(input, labels);
    } else {
        der = from_base64_wrapped(input);
    }
    if (!der)
        return malformed("the " + name + " is neither PEM nor DER nor base64 of DER: " + der.error().message);
    if (der->empty()) return malformed("the " + name + " is empty");
    if (der->size() > max_size)
        return fail(ErrorCode::too_large, "the " + name + " is over " + std::to_string(max_size) + " bytes");
    return der;
}

}  // namespace signet::pki
