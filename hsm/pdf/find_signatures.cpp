#include <algorithm>

#include "base/encoding.h"
#include "hsm/pdf/document.h"
#include "hsm/pdf/signature.h"

namespace signet::pdf {
namespace {

constexpr int kDeepest = 16;
constexpr std::size_t kMost = 256;

std::unexpected<Error> broken(const std::string& field, const char* why) {
    return fail(ErrorCode::invalid_argument, "the signature '" + field + "' of the PDF " + why);
}

// The DER at the beginning; what follows it must be padding.
Result<Bytes> without_padding(const std::string& field, const std::string& contents) {
    const auto bytes = as_bytes(contents);
    if (bytes.size() < 4 || bytes[0] != 0x30) return broken(field, "holds no CMS");
    std::size_t header = 2;
    std::size_t length = bytes[1];
    if (length > 0x80) {
        const std::size_t count = length & 0x7FU;
        if (count > 4 || bytes.size() < 2 + count) return broken(field, "holds no CMS");
        length = 0;
        for (std::size_t i = 0; i < count; ++i)
            length = (length << 8) | bytes[2 + i];
        header += count;
    } else if (length == 0x80) {
        return broken(field, "holds no DER");
    }
    if (length > bytes.size() - header) return broken(field, "is cut off");
    const auto der = bytes.first(header + length);
    if (!std::ranges::all_of(bytes.subspan(der.size()), [](std::uint8_t byte) { return byte == 0; }))
        return broken(field, "holds more than one CMS");
    return to_bytes(der);
}

// The gap in what is covered must be /Contents and nothing else, and the end of what is covered the end of a revision.
Status check_range(ByteView document, const FoundSignature& found, const std::string& contents) {
    const auto [start, before, after, rest] = found.byte_range;
    if (start != 0 || before == 0 || after <= before || after > document.size() ||
        rest > document.size() - after)
        return broken(found.field, "covers a range that is not its document");
    const auto text = as_text(document);
    const auto gap = text.substr(before, after - before);
    const auto value = gap.size() < 2 || gap.front() != '<' || gap.back() != '>'
                           ? Result<Bytes>(broken(found.field, "leaves out more than its own contents"))
                           : from_hex(gap.substr(1, gap.size() - 2));
    if (!value || !std::ranges::equal(*value, as_bytes(contents)))
        return broken(found.field, "leaves out more than its own contents");
    auto end = text.substr(0, after + rest);
    while (!end.empty() && (end.back() == '\n' || end.back() == '\r' || end.back() == ' '))
        end.remove_suffix(1);
    if (!end.ends_with("%%EOF") && after + rest != document.size())
        return broken(found.field, "does not cover its revision to the end");
    return {};
}

Result<FoundSignature> read_signature(ByteView document, const std::string& name, QPDFObjectHandle value) {
    FoundSignature found;
    found.field = name;
    auto filter = value.getKey("/SubFilter");
    if (filter.isName()) found.sub_filter = filter.getName().substr(1);
    auto range = value.getKey("/ByteRange");
    auto contents = value.getKey("/Contents");
    if (!range.isArray() || range.getArrayNItems() != 4 || !contents.isString())
        return broken(name, "does not say what it covers");
    for (int i = 0; i < 4; ++i) {
        auto number = range.getArrayItem(i);
        if (!number.isInteger() || number.getIntValue() < 0)
            return broken(name, "covers a range that is no range");
        found.byte_range[static_cast<std::size_t>(i)] = static_cast<std::uint64_t>(number.getIntValue());
    }
    const auto bytes = contents.getStringValue();
    SIGNET_TRY(check_range(document, found, bytes));
    SIGNET_ASSIGN(found.cms, without_padding(name, bytes));
    found.whole_document = found.byte_range[2] + found.byte_range[3] == document.size();
    return found;
}

Status collect(ByteView document, QPDFObjectHandle fields, const std::string& above, bool signature_above,
               int depth, std::vector<FoundSignature>& out) {
    if (!fields.isArray()) return {};
    if (depth > kDeepest)
        return fail(ErrorCode::invalid_argument, "the fields of the PDF are nested too deeply");
    for (auto& field : fields.getArrayAsVector()) {
        if (!field.isDictionary()) continue;
        auto name = above;
        if (field.getKey("/T").isString())
            name += (above.empty() ? "" : ".") + field.getKey("/T").getUTF8Value();
        auto type = field.getKey("/FT");
        const bool is_signature = type.isName() ? type.getName() == "/Sig" : signature_above;
        auto value = field.getKey("/V");
        if (is_signature && value.isDictionary()) {
            if (out.size() == kMost) return fail(ErrorCode::too_large, "the PDF has over 256 signatures");
            SIGNET_ASSIGN(auto found, read_signature(document, name, value));
            out.push_back(std::move(found));
        }
        SIGNET_TRY(collect(document, field.getKey("/Kids"), name, is_signature, depth + 1, out));
    }
    return {};
}

}  // namespace

Bytes FoundSignature::signed_bytes(ByteView document) const {
    Bytes out;
    const auto before = document.subspan(byte_range[0], byte_range[1]);
    const auto after = document.subspan(byte_range[2], byte_range[3]);
    out.reserve(before.size() + after.size());
    out.insert(out.end(), before.begin(), before.end());
    out.insert(out.end(), after.begin(), after.end());
    return out;
}

Result<std::vector<FoundSignature>> find_signatures(ByteView document) {
    SIGNET_ASSIGN(auto opened, open_document(document));
    return guarded([&]() -> Result<std::vector<FoundSignature>> {
        std::vector<FoundSignature> out;
        auto form = opened.pdf->getRoot().getKey("/AcroForm");
        if (form.isDictionary()) SIGNET_TRY(collect(document, form.getKey("/Fields"), {}, false, 0, out));
        std::ranges::sort(
            out, {}, [](const FoundSignature& found) { return found.byte_range[2] + found.byte_range[3]; });
        return out;
    });
}

}  // namespace signet::pdf
