// One SQLite connection, set up the one way Signet uses it: WAL, synchronous=FULL, foreign keys, STRICT
// tables, no trusted schema, deleted content overwritten.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "sqlite/statement.h"

struct sqlite3;

namespace signet::sqlite {

// Used by one thread at a time. Errors: storage_full (SQLITE_FULL, or an I/O error by ENOSPC or EDQUOT),
// already_exists (a UNIQUE or PRIMARY KEY constraint), storage_failed otherwise; codes and texts of SQLite go
// to the detail.
class Connection {
  public:
    enum class Mode {
        create,      // read and write; a missing file is made with mode 0600
        read_write,  // the file must exist
        read_only,   // the file must exist; other connections may write meanwhile
    };
    struct Options {
        Mode mode = Mode::read_write;
        std::chrono::milliseconds busy_timeout{5000};
    };

    static Result<Connection> open(const std::filesystem::path& path, Options options);
    static Result<Connection> open(const std::filesystem::path& path, Mode mode = Mode::read_write) {
        return open(path, Options{.mode = mode});
    }

    Connection(Connection&&) noexcept;
    Connection& operator=(Connection&&) noexcept;
    ~Connection();

    // One statement, from the cache where it was used before. `sql` is SQL of ours, never anything from
    // outside.
    Result<Statement> prepare(std::string_view sql);
    // prepare + bind_all, for queries.
    template <class... Values>
    Result<Statement> query(std::string_view sql, const Values&... values) {
        auto statement = prepare(sql);
        if (statement) statement->bind_all(values...);
        return statement;
    }
    // prepare + bind_all + run, for statements without rows.
    template <class... Values>
    Status run(std::string_view sql, const Values&... values) {
        SIGNET_ASSIGN(auto statement, prepare(sql));
        return statement.by_reference().bind_all(values...).run();
    }
    // Several statements without parameters or rows: schemas and pragmas.
    Status execute(const std::string& sql);

    std::int64_t changes() const;  // rows of the last INSERT, UPDATE or DELETE
    std::int64_t last_insert_id() const;
    bool in_transaction() const;  // false also after SQLite rolled back by itself (a full disk, an I/O error)
    // The first error since the last call that says the file or the disk is broken, not the statement: full,
    // I/O, corrupt, read-only, out of memory. A caller may have swallowed it; what it guarded must not be
    // committed.
    std::optional<Error> take_severe_error();

    const std::filesystem::path& path() const;
    sqlite3* handle() const;  // for the files of this folder only

    // The error for a result code of this connection.
    Error error(int code, std::string_view doing);

  private:
    explicit Connection(std::unique_ptr<ConnectionCore> core);
    // On the heap, so that statements may point to it while the connection moves.
    std::unique_ptr<ConnectionCore> core_;
};

// Rolls back unless committed; for the few places that write outside the Writer (migrations) and for
// snapshots.
class ScopedTransaction {
  public:
    enum class Kind { read, write };
    // `read` pins one snapshot for all queries until it ends; `write` takes the write lock at once.
    static Result<ScopedTransaction> begin(Connection& db, Kind kind);
    ScopedTransaction(ScopedTransaction&& other) noexcept : db_(std::exchange(other.db_, nullptr)) {}
    ScopedTransaction& operator=(ScopedTransaction&&) = delete;
    ~ScopedTransaction();
    Status commit();

  private:
    explicit ScopedTransaction(Connection& db) : db_(&db) {}
    Connection* db_;
};

}  // namespace signet::sqlite
