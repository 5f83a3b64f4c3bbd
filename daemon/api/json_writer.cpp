#include <array>
#include <charconv>

#include "base/encoding.h"
#include "daemon/api/json.h"

namespace signet::api {
namespace {

// The length of the well-formed UTF-8 sequence at the start of `text` (RFC 3629), 0 when there is none.
std::size_t sequence_length(std::string_view text) {
    const auto first = static_cast<unsigned char>(text.front());
    const std::size_t size = first < 0x80 ? 1 : (first & 0xE0) == 0xC0 ? 2 : (first & 0xF0) == 0xE0 ? 3 : 4;
    return text.size() >= size && is_utf8(text.substr(0, size)) ? size : 0;
}

template <class Number>
void append_number(std::string& out, Number value) {
    std::array<char, 24> digits{};
    out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
}

}  // namespace

void JsonWriter::separate() {
    if (comma_) out_ += ',';
    comma_ = true;
}

void JsonWriter::open(char bracket) {
    separate();
    out_ += bracket;
    comma_ = false;
}

void JsonWriter::close(char bracket) {
    out_ += bracket;
    comma_ = true;
}

void JsonWriter::key(std::string_view name) {
    text(name);
    out_ += ':';
    comma_ = false;
}

void JsonWriter::text(std::string_view value) {
    separate();
    out_ += '"';
    for (std::size_t i = 0; i < value.size();) {
        const auto c = static_cast<unsigned char>(value[i]);
        if (c >= 0x80) {
            const auto size = sequence_length(value.substr(i));
            if (size == 0)
                out_ += "\uFFFD";
            else
                out_.append(value.substr(i, size));
            i += size == 0 ? 1 : size;
            continue;
        }
        ++i;
        if (c == '"' || c == '\\') {
            out_ += '\\';
            out_ += static_cast<char>(c);
        } else if (c == '\n') {
            out_ += "\\n";
        } else if (c < 0x20 || c == 0x7F) {
            static constexpr std::string_view kDigits = "0123456789abcdef";
            out_ += "\\u00";
            out_ += kDigits[c >> 4];
            out_ += kDigits[c & 0x0F];
        } else {
            out_ += static_cast<char>(c);
        }
    }
    out_ += '"';
}

void JsonWriter::base64(ByteView value) {
    separate();
    out_.append("\"").append(to_base64(value)).append("\"");
}

void JsonWriter::number(std::int64_t value) {
    separate();
    append_number(out_, value);
}

void JsonWriter::number(std::uint64_t value) {
    separate();
    append_number(out_, value);
}

void JsonWriter::boolean(bool value) {
    separate();
    out_ += value ? "true" : "false";
}

void JsonWriter::null() {
    separate();
    out_ += "null";
}

void JsonWriter::raw(std::string_view json) {
    separate();
    out_ += json;
}

}  // namespace signet::api
