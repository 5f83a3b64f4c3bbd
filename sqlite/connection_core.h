// What a connection and its statements share; for connection.cpp and statement.cpp only.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace signet::sqlite {

struct ConnectionCore {
    struct Cached {
        sqlite3_stmt* handle = nullptr;
        bool in_use = false;
    };
    struct TextHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    };
    static constexpr std::size_t kCacheLimit = 256;

    ConnectionCore() = default;
    ConnectionCore(const ConnectionCore&) = delete;
    ConnectionCore& operator=(const ConnectionCore&) = delete;
    ~ConnectionCore();

    // The error for a result code; a severe one is remembered.
    Error error(int code, std::string_view doing);

    sqlite3* db = nullptr;
    std::filesystem::path path;
    std::unordered_map<std::string, Cached, TextHash, std::equal_to<>> cache;
    std::optional<Error> severe;
};

}  // namespace signet::sqlite
