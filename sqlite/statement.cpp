#include "sqlite/statement.h"

#include <sqlite3.h>

#include <limits>
#include <utility>

#include "sqlite/connection_core.h"

namespace signet::sqlite {

Statement::Statement(Statement&& other) noexcept
    : core_(other.core_),
      handle_(std::exchange(other.handle_, nullptr)),
      in_use_(std::exchange(other.in_use_, nullptr)),
      copy_(other.copy_),
      bind_error_(other.bind_error_) {}

Statement& Statement::operator=(Statement&& other) noexcept {
    if (this != &other) {
        give_back();
        core_ = other.core_;
        handle_ = std::exchange(other.handle_, nullptr);
        in_use_ = std::exchange(other.in_use_, nullptr);
        copy_ = other.copy_;
        bind_error_ = other.bind_error_;
    }
    return *this;
}

Statement::~Statement() {
    give_back();
}

void Statement::give_back() noexcept {
    if (handle_ == nullptr) return;
    if (in_use_ == nullptr) {
        sqlite3_finalize(handle_);
    } else {
        sqlite3_reset(handle_);
        sqlite3_clear_bindings(handle_);
        *in_use_ = false;
    }
    handle_ = nullptr;
    in_use_ = nullptr;
}

void Statement::note(int code) {
    if (code != SQLITE_OK && bind_error_ == SQLITE_OK) bind_error_ = code;
}

Statement& Statement::bind(int index, std::int64_t value) {
    note(sqlite3_bind_int64(handle_, index, value));
    return *this;
}

Statement& Statement::bind(int index, std::uint64_t value) {
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        note(SQLITE_RANGE);
        return *this;
    }
    return bind(index, static_cast<std::int64_t>(value));
}

Statement& Statement::bind(int index, std::string_view value) {
    // A null pointer would bind NULL, which is another value than the empty text.
    const char* const data = value.data() == nullptr ? "" : value.data();
    note(sqlite3_bind_text64(handle_, index, data, value.size(), copy_ ? SQLITE_TRANSIENT : SQLITE_STATIC,
                             SQLITE_UTF8));
    return *this;
}

Statement& Statement::bind(int index, ByteView value) {
    if (value.empty())
        note(sqlite3_bind_zeroblob(handle_, index, 0));
    else
        note(sqlite3_bind_blob64(handle_, index, value.data(), value.size(),
                                 copy_ ? SQLITE_TRANSIENT : SQLITE_STATIC));
    return *this;
}

Statement& Statement::bind(int index, std::nullopt_t) {
    note(sqlite3_bind_null(handle_, index));
    return *this;
}

Result<bool> Statement::step() {
    if (bind_error_ != SQLITE_OK) return std::unexpected(core_->error(bind_error_, "bind a value"));
    const int code = sqlite3_step(handle_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    auto error = core_->error(code, "run a statement");
    sqlite3_reset(handle_);
    return std::unexpected(std::move(error));
}

Status Statement::run() {
    while (true) {
        SIGNET_ASSIGN(const bool row, step());
        if (!row) break;
    }
    // A statement that was not reset keeps its read lock.
    sqlite3_reset(handle_);
    return {};
}

void Statement::reset() {
    sqlite3_reset(handle_);
    bind_error_ = SQLITE_OK;
}

bool Statement::is_null(int column) const {
    return sqlite3_column_type(handle_, column) == SQLITE_NULL;
}

std::int64_t Statement::integer(int column) const {
    return sqlite3_column_int64(handle_, column);
}

std::string_view Statement::text_view(int column) const {
    const auto* const data = sqlite3_column_text(handle_, column);
    if (data == nullptr) return {};
    return {reinterpret_cast<const char*>(data),
            static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
}

std::string Statement::text(int column) const {
    return std::string(text_view(column));
}

ByteView Statement::bytes_view(int column) const {
    const auto* const data = static_cast<const std::uint8_t*>(sqlite3_column_blob(handle_, column));
    if (data == nullptr) return {};
    return {data, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
}

Bytes Statement::bytes(int column) const {
    return to_bytes(bytes_view(column));
}

std::optional<SystemTime> Statement::optional_time(int column) const {
    if (is_null(column)) return std::nullopt;
    return time(column);
}

}  // namespace signet::sqlite
