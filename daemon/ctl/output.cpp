#include "daemon/ctl/output.h"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "base/encoding.h"

namespace signet::ctl {
namespace {

// Columns a text takes: its UTF-8 characters.
std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

void write(std::FILE* file, std::string_view text) {
    (void)std::fwrite(text.data(), 1, text.size(), file);  // errors stick to the stream; flush() sees them
}

}  // namespace

std::string printable(std::string_view text) {
    const bool utf8 = is_utf8(text);
    std::string out(text);
    for (auto& c : out) {
        const auto byte = static_cast<unsigned char>(c);
        if ((byte < 0x20 && c != '\t') || byte == 0x7F || (byte >= 0x80 && !utf8)) c = '?';
    }
    return out;
}

void Output::line(std::string_view text) {
    if (!json_) write(out_, printable(text) + "\n");
}

void Output::fields(const std::vector<std::pair<std::string, std::string>>& fields) {
    if (json_) return;
    std::size_t longest = 0;
    for (const auto& [name, value] : fields) {
        if (!value.empty()) longest = std::max(longest, width(name));
    }
    for (const auto& [name, value] : fields) {
        if (!value.empty()) line(name + ":" + std::string(longest - width(name) + 2, ' ') + value);
    }
}

void Output::table(const std::vector<std::string>& header,
                   const std::vector<std::vector<std::string>>& rows) {
    if (json_) return;
    std::vector<std::vector<std::string>> cells{header};
    for (const auto& row : rows) {
        auto& made = cells.emplace_back();
        for (const auto& cell : row)
            made.push_back(printable(cell));
    }
    std::vector<std::size_t> widths(header.size(), 0);
    for (const auto& row : cells) {
        for (std::size_t i = 0; i < row.size() && i < widths.size(); ++i)
            widths[i] = std::max(widths[i], width(row[i]));
    }
    for (const auto& row : cells) {
        std::string text;
        for (std::size_t i = 0; i < row.size(); ++i) {
            text += row[i];
            if (i + 1 < row.size()) text += std::string(widths[i] - width(row[i]) + 2, ' ');
        }
        text.erase(text.find_last_not_of(' ') + 1);
        write(out_, text + "\n");
    }
}

void Output::note(std::string_view text) {
    if (!json_) {
        write(error_, printable(text) + "\n");
        (void)std::fflush(error_);
    }
}

void Output::document(const boost::json::value& value) {
    if (json_) write(out_, boost::json::serialize(value) + "\n");
}

void Output::raw(std::string_view content) {
    write(out_, content);
}

void Output::error(const Error& error) {
    // Configuration errors show several lines; the first one carries our name.
    write(error_, "signetctl: " + printable(error.message) +
                      (error.detail.empty() ? "" : " (" + printable(error.detail) + ")") + "\n");
    if (json_) {
        boost::json::object body{{"code", std::string(to_string(error.code))}, {"message", error.message}};
        if (!error.detail.empty()) body["detail"] = error.detail;
        if (error.retry_after) body["retry_after"] = error.retry_after->count();
        document(boost::json::object{{"error", std::move(body)}});
    }
}

bool Output::flush() {
    return std::fflush(out_) == 0 && std::ferror(out_) == 0;
}

}  // namespace signet::ctl
