// One prepared statement on loan from its connection's cache: values are bound by type, rows are read by
// type.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"

struct sqlite3_stmt;

namespace signet::sqlite {

struct ConnectionCore;

// Move-only; must not outlive its connection. Going out of scope resets the statement and gives it back.
class Statement {
  public:
    Statement(Statement&& other) noexcept;
    Statement& operator=(Statement&& other) noexcept;
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;
    ~Statement();

    // Parameters count from 1. Text and bytes are copied; an error is kept and returned by `step`.
    Statement& bind(int index, std::int64_t value);
    Statement& bind(int index, std::uint64_t value);  // at most 2^63 - 1
    Statement& bind(int index, int value) { return bind(index, std::int64_t{value}); }
    Statement& bind(int index, std::uint32_t value) { return bind(index, std::int64_t{value}); }
    Statement& bind(int index, bool value) { return bind(index, std::int64_t{value}); }
    Statement& bind(int index, std::string_view value);
    Statement& bind(int index, const char* value) { return bind(index, std::string_view(value)); }
    Statement& bind(int index, const std::string& value) { return bind(index, std::string_view(value)); }
    Statement& bind(int index, ByteView value);
    Statement& bind(int index, const Bytes& value) { return bind(index, ByteView(value)); }
    Statement& bind(int index, SystemTime value) { return bind(index, to_unix_ms(value)); }
    Statement& bind(int index, std::nullopt_t);
    template <class T>
    Statement& bind(int index, const std::optional<T>& value) {
        return value ? bind(index, *value) : bind(index, std::nullopt);
    }
    template <class... Values>
    Statement& bind_all(const Values&... values) {
        int index = 0;
        (bind(++index, values), ...);
        return *this;
    }

    // From here on text and bytes are not copied: they must stay until the next step.
    Statement& by_reference() {
        copy_ = false;
        return *this;
    }

    // True when a row is there, false at the end.
    Result<bool> step();
    // For statements without rows: steps to the end.
    Status run();
    // Ready for new values; bindings stay until overwritten.
    void reset();

    // Columns count from 0. Tables are STRICT, so a column has the type its schema says; NULL reads as zero
    // or empty.
    bool is_null(int column) const;
    std::int64_t integer(int column) const;
    std::uint64_t number(int column) const { return static_cast<std::uint64_t>(integer(column)); }
    std::uint32_t number32(int column) const { return static_cast<std::uint32_t>(integer(column)); }
    bool boolean(int column) const { return integer(column) != 0; }
    std::string text(int column) const;
    std::string_view text_view(int column) const;  // until the next step or reset
    Bytes bytes(int column) const;
    ByteView bytes_view(int column) const;  // until the next step or reset
    SystemTime time(int column) const { return from_unix_ms(integer(column)); }
    std::optional<SystemTime> optional_time(int column) const;

  private:
    friend class Connection;
    Statement(ConnectionCore* core, sqlite3_stmt* handle, bool* in_use)
        : core_(core), handle_(handle), in_use_(in_use) {}
    void give_back() noexcept;
    void note(int code);

    ConnectionCore* core_;
    sqlite3_stmt* handle_;
    bool* in_use_;  // of the cache; null when the statement is not from the cache
    bool copy_ = true;
    int bind_error_ = 0;
};

}  // namespace signet::sqlite
