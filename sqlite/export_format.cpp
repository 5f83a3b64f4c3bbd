// The lines of an export, written and read. Hand-written, because a million of them must be verified in seconds.
#include <array>
#include <charconv>

#include "sqlite/audit_export.h"

namespace signet::sqlite {
namespace {

constexpr std::string_view kFormat = "signet-audit-1";
constexpr std::string_view kHexDigits = "0123456789abcdef";

void put_hex(std::string& out, ByteView bytes) {
    out += '"';
    for (const auto byte : bytes) {
        out += kHexDigits[byte >> 4];
        out += kHexDigits[byte & 0xF];
    }
    out += '"';
}

template <class Number>
void put_number(std::string& out, Number value) {
    std::array<char, 24> text;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    out.append(text.data(), end);
}

// RFC 8259 section 7: only what must be escaped is.
void put_text(std::string& out, std::string_view text) {
    out += '"';
    std::size_t plain = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c >= 0x20 && c != '"' && c != '\\') continue;
        out.append(text, plain, i - plain);
        plain = i + 1;
        if (c >= 0x20) {
            out += '\\';
            out += text[i];
        } else {
            out += "\\u00";
            out += kHexDigits[c >> 4];
            out += kHexDigits[c & 0xF];
        }
    }
    out.append(text, plain);
    out += '"';
}

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

// Reads the canonical form. Once something does not fit, `ok` is false for good: check once, at the end.
class LineReader {
  public:
    explicit LineReader(std::string_view line) : at_(line.data()), end_(line.data() + line.size()) {}

    bool begins_with(std::string_view text) const { return std::string_view(at_, end_).starts_with(text); }
    LineReader& literal(std::string_view text) {
        if (!begins_with(text))
            ok_ = false;
        else
            at_ += text.size();
        return *this;
    }
    template <class Number>
    LineReader& number(Number& out) {
        const auto [end, error] = std::from_chars(at_, end_, out);
        // No leading zeros, no "-0": one number has one form.
        const char* const digits = at_ < end_ && *at_ == '-' ? at_ + 1 : at_;
        if (error != std::errc{} || (*digits == '0' && end - at_ > 1))
            ok_ = false;
        else
            at_ = end;
        return *this;
    }
    LineReader& text(std::string& out) {
        out.clear();
        literal("\"");
        const char* plain = at_;
        for (; ok_ && at_ < end_; ++at_) {
            const auto c = static_cast<unsigned char>(*at_);
            if (c >= 0x20 && c != '"' && c != '\\') continue;
            out.append(plain, at_);
            if (c == '"') {
                ++at_;
                return *this;
            }
            if (c < 0x20 || !escape(out)) break;
            plain = at_ + 1;
        }
        ok_ = false;
        return *this;
    }
    LineReader& hash(Sha256& out) {
        literal("\"");
        if (!ok_ || end_ - at_ < static_cast<std::ptrdiff_t>(2 * out.size())) {
            ok_ = false;
            return *this;
        }
        for (auto& byte : out) {
            const int high = hex_value(*at_++);
            const int low = hex_value(*at_++);
            if (high < 0 || low < 0) ok_ = false;
            byte = static_cast<std::uint8_t>(high * 16 + low);
        }
        return literal("\"");
    }
    LineReader& bytes(Bytes& out, std::size_t max_size) {
        out.clear();
        literal("\"");
        while (ok_ && end_ - at_ >= 2 && *at_ != '"' && out.size() < max_size) {
            const int high = hex_value(*at_++);
            const int low = hex_value(*at_++);
            if (high < 0 || low < 0) ok_ = false;
            out.push_back(static_cast<std::uint8_t>(high * 16 + low));
        }
        return literal("\"");
    }
    bool finished() const { return ok_ && at_ == end_; }

  private:
    // At a backslash; leaves at the last character of the escape.
    bool escape(std::string& out) {
        if (end_ - at_ >= 2 && (at_[1] == '"' || at_[1] == '\\')) {
            out += at_[1];
            ++at_;
            return true;
        }
        if (end_ - at_ < 6 || std::string_view(at_, 4) != "\\u00") return false;
        const int high = hex_value(at_[4]);
        const int low = hex_value(at_[5]);
        if (high < 0 || high > 1 || low < 0) return false;
        out += static_cast<char>(high * 16 + low);
        at_ += 5;
        return true;
    }

    const char* at_;
    const char* end_;
    bool ok_ = true;
};

}  // namespace

void append_line(std::string& out, const ExportStart& start) {
    out += "{\"export\":\"";
    out += kFormat;
    out += "\",\"base\":";
    put_number(out, start.base.sequence);
    out += ",\"base_hash\":";
    put_hex(out, start.base.hash);
    out += "}\n";
}

void append_line(std::string& out, const ChainedRecord& chained) {
    const auto& record = chained.record;
    out += "{\"seq\":";
    put_number(out, record.sequence);
    out += ",\"time_ms\":";
    put_number(out, record.time_ms);
    out += ",\"request_id\":";
    put_text(out, record.request_id);
    out += ",\"principal\":";
    put_text(out, record.principal);
    out += ",\"action\":";
    put_text(out, record.action);
    out += ",\"object\":";
    put_text(out, record.object);
    out += ",\"outcome\":";
    put_text(out, record.outcome);
    out += ",\"details\":";
    put_text(out, record.details);
    out += ",\"hash\":";
    put_hex(out, chained.hash);
    out += "}\n";
}

void append_line(std::string& out, const Checkpoint& checkpoint) {
    out += "{\"checkpoint\":";
    put_number(out, checkpoint.head.sequence);
    out += ",\"head\":";
    put_hex(out, checkpoint.head.hash);
    out += ",\"time_ms\":";
    put_number(out, checkpoint.time_ms);
    out += ",\"key\":";
    put_text(out, checkpoint.key_label);
    out += ",\"version\":";
    put_number(out, checkpoint.key_version);
    out += ",\"algorithm\":";
    put_text(out, checkpoint.algorithm);
    out += ",\"signature\":";
    put_hex(out, checkpoint.signature);
    out += "}\n";
}

void append_line(std::string& out, const ExportEnd& end) {
    out += "{\"end\":";
    put_number(out, end.head.sequence);
    out += ",\"hash\":";
    put_hex(out, end.head.hash);
    out += ",\"records\":";
    put_number(out, end.records);
    out += "}\n";
}

Status parse_line(std::string_view line, ExportLine& out) {
    LineReader in(line);
    if (in.begins_with("{\"seq\":")) {
        if (!std::holds_alternative<ChainedRecord>(out)) out.emplace<ChainedRecord>();
        auto& chained = std::get<ChainedRecord>(out);
        auto& record = chained.record;
        in.literal("{\"seq\":").number(record.sequence).literal(",\"time_ms\":").number(record.time_ms);
        in.literal(",\"request_id\":")
            .text(record.request_id)
            .literal(",\"principal\":")
            .text(record.principal);
        in.literal(",\"action\":").text(record.action).literal(",\"object\":").text(record.object);
        in.literal(",\"outcome\":").text(record.outcome).literal(",\"details\":").text(record.details);
        in.literal(",\"hash\":").hash(chained.hash);
    } else if (in.begins_with("{\"checkpoint\":")) {
        auto& checkpoint = out.emplace<Checkpoint>();
        in.literal("{\"checkpoint\":")
            .number(checkpoint.head.sequence)
            .literal(",\"head\":")
            .hash(checkpoint.head.hash);
        in.literal(",\"time_ms\":")
            .number(checkpoint.time_ms)
            .literal(",\"key\":")
            .text(checkpoint.key_label);
        in.literal(",\"version\":")
            .number(checkpoint.key_version)
            .literal(",\"algorithm\":")
            .text(checkpoint.algorithm);
        in.literal(",\"signature\":").bytes(checkpoint.signature, 1024);
    } else if (in.begins_with("{\"end\":")) {
        auto& end = out.emplace<ExportEnd>();
        in.literal("{\"end\":").number(end.head.sequence).literal(",\"hash\":").hash(end.head.hash);
        in.literal(",\"records\":").number(end.records);
    } else {
        auto& start = out.emplace<ExportStart>();
        in.literal("{\"export\":\"").literal(kFormat).literal("\",\"base\":").number(start.base.sequence);
        in.literal(",\"base_hash\":").hash(start.base.hash);
    }
    in.literal("}");
    if (!in.finished())
        return fail(ErrorCode::invalid_argument, "the line is not one of an export of the audit chain");
    return {};
}

}  // namespace signet::sqlite
