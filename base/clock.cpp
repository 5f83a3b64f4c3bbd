#include "base/clock.h"

#include <cstdio>

namespace signet {
namespace {

// Reads exactly `digits` decimal digits at `pos` and moves it on; -1 if there are not that many.
int read_digits(std::string_view text, std::size_t& pos, std::size_t digits) {
    if (text.size() - pos < digits) return -1;
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
        const char c = text[pos + i];
        if (c < '0' || c > '9') return -1;
        value = value * 10 + (c - '0');
    }
    pos += digits;
    return value;
}

bool read_char(std::string_view text, std::size_t& pos, char expected) {
    if (pos >= text.size() || text[pos] != expected) return false;
    ++pos;
    return true;
}

}  // namespace

SystemTime SystemClock::now() const {
    return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

std::string to_rfc3339(SystemTime time) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date{day};
    const auto in_day = time - day;
    const auto ms = in_day.count();
    char text[40];
    std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  static_cast<int>(ms / 3'600'000), static_cast<int>(ms / 60'000 % 60),
                  static_cast<int>(ms / 1000 % 60), static_cast<int>(ms % 1000));
    return text;
}

std::optional<SystemTime> from_rfc3339(std::string_view text) {
    using namespace std::chrono;
    std::size_t pos = 0;
    const int year_value = read_digits(text, pos, 4);
    if (year_value < 0 || !read_char(text, pos, '-')) return std::nullopt;
    const int month_value = read_digits(text, pos, 2);
    if (month_value < 0 || !read_char(text, pos, '-')) return std::nullopt;
    const int day_value = read_digits(text, pos, 2);
    if (day_value < 0 || !(read_char(text, pos, 'T') || read_char(text, pos, 't'))) return std::nullopt;
    const int hour = read_digits(text, pos, 2);
    if (hour < 0 || hour > 23 || !read_char(text, pos, ':')) return std::nullopt;
    const int minute = read_digits(text, pos, 2);
    if (minute < 0 || minute > 59 || !read_char(text, pos, ':')) return std::nullopt;
    const int second = read_digits(text, pos, 2);
    if (second < 0 || second > 59) return std::nullopt;
    int ms = 0;
    if (read_char(text, pos, '.')) {
        int decimals = 0;
        while (pos < text.size() && text[pos] >= '0' && text[pos] <= '9') {
            if (decimals < 3) ms = ms * 10 + (text[pos] - '0');
            ++decimals;
            ++pos;
        }
        if (decimals == 0 || decimals > 9) return std::nullopt;
        for (; decimals < 3; ++decimals)
            ms *= 10;
    }
    minutes offset{0};
    if (!(read_char(text, pos, 'Z') || read_char(text, pos, 'z'))) {
        int sign = 0;
        if (read_char(text, pos, '+'))
            sign = 1;
        else if (read_char(text, pos, '-'))
            sign = -1;
        if (sign == 0) return std::nullopt;
        const int offset_hours = read_digits(text, pos, 2);
        if (offset_hours < 0 || offset_hours > 23 || !read_char(text, pos, ':')) return std::nullopt;
        const int offset_minutes = read_digits(text, pos, 2);
        if (offset_minutes < 0 || offset_minutes > 59) return std::nullopt;
        offset = minutes{sign * (offset_hours * 60 + offset_minutes)};
    }
    if (pos != text.size()) return std::nullopt;
    const year_month_day date{year{year_value}, month{static_cast<unsigned>(month_value)},
                              day{static_cast<unsigned>(day_value)}};
    if (!date.ok()) return std::nullopt;
    return SystemTime{sys_days{date}.time_since_epoch() + hours{hour} + minutes{minute} + seconds{second} +
                      milliseconds{ms} - offset};
}

}  // namespace signet
