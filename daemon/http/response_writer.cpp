#include "daemon/http/response_writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>

namespace signet::http {
namespace {

// RFC 9110 section 5.6.7, made anew once a second.
std::string_view http_date() {
    struct Cached {
        std::time_t second = -1;
        std::array<char, 32> text{};
        std::size_t size = 0;
    };
    thread_local Cached cached;
    const auto now = std::time(nullptr);
    if (now != cached.second) {
        static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
        static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
        std::tm utc{};
        gmtime_r(&now, &utc);
        const int size = std::snprintf(
            cached.text.data(), cached.text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT", kDays[utc.tm_wday],
            utc.tm_mday, kMonths[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
        cached.size = std::min(static_cast<std::size_t>(std::max(size, 0)), cached.text.size() - 1);
        cached.second = now;
    }
    return {cached.text.data(), cached.size};
}

void append_number(std::string& out, std::size_t value) {
    std::array<char, 24> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    out.append(digits.data(), end);
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append("\r\n");
}

bool is_clean(std::string_view text) {
    return std::ranges::none_of(text,
                                [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

bool frames_message(std::string_view name) {
    for (const std::string_view own :
         {"Content-Length", "Transfer-Encoding", "Connection", "Date", "Signet-Request-Id"})
        if (equal_ignoring_case(name, own)) return true;
    return false;
}

}  // namespace

std::string_view reason_phrase(unsigned status) {
    switch (status) {
        case 100:
            return "Continue";
        case 200:
            return "OK";
        case 201:
            return "Created";
        case 202:
            return "Accepted";
        case 204:
            return "No Content";
        case 304:
            return "Not Modified";
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 408:
            return "Request Timeout";
        case 409:
            return "Conflict";
        case 412:
            return "Precondition Failed";
        case 413:
            return "Content Too Large";
        case 414:
            return "URI Too Long";
        case 415:
            return "Unsupported Media Type";
        case 417:
            return "Expectation Failed";
        case 422:
            return "Unprocessable Content";
        case 429:
            return "Too Many Requests";
        case 431:
            return "Request Header Fields Too Large";
        case 500:
            return "Internal Server Error";
        case 501:
            return "Not Implemented";
        case 503:
            return "Service Unavailable";
        case 504:
            return "Gateway Timeout";
        case 505:
            return "HTTP Version Not Supported";
        case 507:
            return "Insufficient Storage";
        default:
            return "Status";
    }
}

void write_response_head(const Response& response, const ResponseFrame& frame, std::string& out) {
    out.assign("HTTP/1.1 ");
    append_number(out, response.status);
    out.append(" ").append(reason_phrase(response.status)).append("\r\n");
    append_field(out, "Date", http_date());
    if (!frame.request_id.empty()) append_field(out, "Signet-Request-Id", frame.request_id);
    bool cacheable = false;
    for (const auto& [name, value] : response.headers) {
        if (!is_clean(name) || !is_clean(value) || frames_message(name)) continue;
        cacheable = cacheable || equal_ignoring_case(name, "Cache-Control");
        append_field(out, name, value);
    }
    if (!cacheable) append_field(out, "Cache-Control", "no-store");
    // RFC 9110 section 8.6: neither of these two has a length.
    if (response.status != 204 && response.status != 304) {
        if (!response.content_type.empty() && is_clean(response.content_type))
            append_field(out, "Content-Type", response.content_type);
        out.append("Content-Length: ");
        append_number(out, response.body.size());
        out.append("\r\n");
    }
    if (frame.close)
        out.append("Connection: close\r\n");
    else if (frame.http_1_0)
        out.append("Connection: keep-alive\r\n");
    out.append("\r\n");
}

}  // namespace signet::http
