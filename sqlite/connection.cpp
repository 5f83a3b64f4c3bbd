#include "sqlite/connection.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/unique_fd.h"
#include "sqlite/connection_core.h"

namespace signet::sqlite {
namespace {

// Errors of the file or the disk. After one of these a transaction must not be committed, whoever looked at it.
bool is_severe(int primary) {
    switch (primary) {
        case SQLITE_FULL:
        case SQLITE_IOERR:
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
        case SQLITE_NOMEM:
        case SQLITE_CANTOPEN:
        case SQLITE_READONLY:
        case SQLITE_PROTOCOL:
            return true;
        default:
            return false;
    }
}

bool is_no_space(sqlite3* db, int primary) {
    if (primary == SQLITE_FULL) return true;
    if (primary != SQLITE_IOERR && primary != SQLITE_CANTOPEN) return false;
    const int system = db != nullptr ? sqlite3_system_errno(db) : 0;
    return system == ENOSPC || system == EDQUOT;
}

// SQLite would make the file with the umask's mode; the WAL and its index get the mode of the database.
Status create_file(const std::filesystem::path& path) {
    const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (fd) return {};
    const int error = errno;
    auto code = ErrorCode::storage_failed;
    if (error == ENOSPC || error == EDQUOT) code = ErrorCode::storage_full;
    if (error == EACCES || error == EPERM) code = ErrorCode::permission_denied;
    return fail(code, "cannot create the database " + path.string() + ": " + std::strerror(error));
}

}  // namespace

ConnectionCore::~ConnectionCore() {
    for (auto& [sql, cached] : cache)
        sqlite3_finalize(cached.handle);
    sqlite3_close_v2(db);
}

Error ConnectionCore::error(int code, std::string_view doing) {
    const int primary = code & 0xFF;
    Error error;
    error.detail =
        "cannot " + std::string(doing) + ": " + sqlite3_errstr(code) + " (" + std::to_string(code) + ")";
    if (db != nullptr) {
        error.detail += std::string("; ") + sqlite3_errmsg(db);
        if (const int system = sqlite3_system_errno(db); system != 0 && primary == SQLITE_IOERR)
            error.detail += std::string("; ") + std::strerror(system);
    }
    if (is_no_space(db, primary)) {
        error.code = ErrorCode::storage_full;
        error.message =
            "the disk under the database is full; make room on the file system of " + path.string();
    } else if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY ||
               code == SQLITE_CONSTRAINT_ROWID) {
        error.code = ErrorCode::already_exists;
        error.message = "such an entry exists already";
    } else if (primary == SQLITE_BUSY || primary == SQLITE_LOCKED) {
        error.code = ErrorCode::storage_failed;
        error.message =
            "the database is locked by another process; find who uses " + path.string() + " and try again";
    } else {
        error.code = ErrorCode::storage_failed;
        error.message = "the database failed; see the log";
    }
    if (is_severe(primary) && !severe) severe = error;
    return error;
}

Connection::Connection(std::unique_ptr<ConnectionCore> core) : core_(std::move(core)) {}
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;
Connection::~Connection() = default;

Result<Connection> Connection::open(const std::filesystem::path& path, Options options) {
    std::error_code ignored;
    if (options.mode == Mode::create) {
        SIGNET_TRY(create_file(path));
    } else if (!std::filesystem::exists(path, ignored)) {
        return fail(ErrorCode::not_found, "there is no database at " + path.string());
    }
    auto core = std::make_unique<ConnectionCore>();
    core->path = path;
    const int access = options.mode == Mode::read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    const int code = sqlite3_open_v2(
        path.c_str(), &core->db,
        access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE, nullptr);
    if (code != SQLITE_OK) return std::unexpected(core->error(code, "open " + path.string()));
    sqlite3_busy_timeout(core->db, static_cast<int>(options.busy_timeout.count()));
    sqlite3_db_config(core->db, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(core->db, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
    sqlite3_db_config(core->db, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
    sqlite3_db_config(core->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    sqlite3_db_config(core->db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, nullptr);

    Connection connection(std::move(core));
    SIGNET_TRY(connection.execute("PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY"));
    if (options.mode == Mode::read_only) {
        SIGNET_TRY(connection.execute("PRAGMA query_only = ON"));
        return connection;
    }
    {
        SIGNET_ASSIGN(auto journal, connection.query("PRAGMA journal_mode = WAL"));
        SIGNET_ASSIGN(const bool row, journal.step());
        if (!row || journal.text_view(0) != "wal")
            return fail(ErrorCode::storage_failed,
                        "the file system of " + path.string() +
                            " does not let SQLite use a WAL; put the database on a local disk");
    }
    // The size limit gives the space of a WAL that a long reader let grow back to the file system.
    SIGNET_TRY(
        connection.execute("PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;"
                           "PRAGMA journal_size_limit = 67108864; PRAGMA wal_autocheckpoint = 2000"));
    return connection;
}

Result<Statement> Connection::prepare(std::string_view sql) {
    auto cached = core_->cache.find(sql);
    if (cached != core_->cache.end() && !cached->second.in_use) {
        cached->second.in_use = true;
        return Statement(core_.get(), cached->second.handle, &cached->second.in_use);
    }
    const bool keep = cached == core_->cache.end() && core_->cache.size() < ConnectionCore::kCacheLimit;
    sqlite3_stmt* handle = nullptr;
    const char* rest = nullptr;
    const int code = sqlite3_prepare_v3(core_->db, sql.data(), static_cast<int>(sql.size()),
                                        keep ? SQLITE_PREPARE_PERSISTENT : 0, &handle, &rest);
    if (code != SQLITE_OK) return std::unexpected(core_->error(code, "prepare a statement"));
    if (handle == nullptr || rest != sql.data() + sql.size()) {
        sqlite3_finalize(handle);
        return fail(ErrorCode::internal, "the database failed; see the log",
                    "not exactly one statement: " + std::string(sql));
    }
    if (!keep) return Statement(core_.get(), handle, nullptr);
    auto& entry = core_->cache.emplace(sql, ConnectionCore::Cached{handle, true}).first->second;
    return Statement(core_.get(), handle, &entry.in_use);
}

Status Connection::execute(const std::string& sql) {
    const int code = sqlite3_exec(core_->db, sql.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return std::unexpected(core_->error(code, "run a script"));
    return {};
}

std::int64_t Connection::changes() const {
    return sqlite3_changes64(core_->db);
}
std::int64_t Connection::last_insert_id() const {
    return sqlite3_last_insert_rowid(core_->db);
}
bool Connection::in_transaction() const {
    return sqlite3_get_autocommit(core_->db) == 0;
}
std::optional<Error> Connection::take_severe_error() {
    return std::exchange(core_->severe, std::nullopt);
}
const std::filesystem::path& Connection::path() const {
    return core_->path;
}
sqlite3* Connection::handle() const {
    return core_->db;
}
Error Connection::error(int code, std::string_view doing) {
    return core_->error(code, doing);
}

Result<ScopedTransaction> ScopedTransaction::begin(Connection& db, Kind kind) {
    SIGNET_TRY(db.run(kind == Kind::write ? "BEGIN IMMEDIATE" : "BEGIN"));
    ScopedTransaction transaction(db);
    if (kind == Kind::read) {
        // BEGIN takes the snapshot at the first read only.
        SIGNET_ASSIGN(auto first, db.query("SELECT count(*) FROM sqlite_schema"));
        SIGNET_TRY(first.run());
    }
    return transaction;
}

ScopedTransaction::~ScopedTransaction() {
    if (db_ != nullptr && db_->in_transaction()) (void)db_->run("ROLLBACK");
}

Status ScopedTransaction::commit() {
    SIGNET_TRY(db_->run("COMMIT"));
    db_ = nullptr;
    return {};
}

}  // namespace signet::sqlite
