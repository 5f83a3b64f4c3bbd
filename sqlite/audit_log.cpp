#include "sqlite/audit_log.h"

#include <algorithm>

namespace signet::sqlite::audit_log {
namespace {

constexpr std::size_t kMaxPage = 1000;
// Literals, so that statements are joined by the compiler.
#define SIGNET_RECORD_COLUMNS \
    "sequence, time_ms, request_id, principal, action, object, outcome, details, hash"
#define SIGNET_CHECKPOINT_COLUMNS "sequence, hash, time_ms, key_label, key_version, algorithm, signature"

Sha256 hash_at(const Statement& row, int column) {
    Sha256 hash{};
    // A hash of another size can only be tampering; zeros make the verification say so.
    if (const auto bytes = row.bytes_view(column); bytes.size() == hash.size())
        std::ranges::copy(bytes, hash.begin());
    return hash;
}

void read_record(const Statement& row, ChainedRecord& chained) {
    auto& record = chained.record;
    record.sequence = row.number(0);
    record.time_ms = row.integer(1);
    record.request_id = row.text_view(2);
    record.principal = row.text_view(3);
    record.action = row.text_view(4);
    record.object = row.text_view(5);
    record.outcome = row.text_view(6);
    record.details = row.text_view(7);
    chained.hash = hash_at(row, 8);
}

ChainedRecord record_of(const Statement& row) {
    ChainedRecord chained;
    read_record(row, chained);
    return chained;
}

Checkpoint checkpoint_of(const Statement& row) {
    return Checkpoint{.head = {row.number(0), hash_at(row, 1)},
                      .time_ms = row.integer(2),
                      .key_label = row.text(3),
                      .key_version = row.number32(4),
                      .algorithm = row.text(5),
                      .signature = row.bytes(6)};
}

Result<std::optional<Checkpoint>> one_checkpoint(Result<Statement> query) {
    if (!query) return std::unexpected(std::move(query).error());
    SIGNET_ASSIGN(const bool row, query->step());
    if (!row) return std::nullopt;
    return checkpoint_of(*query);
}

bool matches(std::string_view pattern, std::string_view text) {
    if (pattern.empty()) return true;
    if (pattern.ends_with('*')) return text.starts_with(pattern.substr(0, pattern.size() - 1));
    return pattern == text;
}

}  // namespace

Result<ChainHead> head(Connection& db) {
    SIGNET_ASSIGN(auto query,
                  db.query("SELECT sequence, hash FROM audit_records ORDER BY sequence DESC LIMIT 1"));
    SIGNET_ASSIGN(const bool row, query.step());
    if (row) return ChainHead{query.number(0), hash_at(query, 1)};
    return base(db);
}

Result<ChainHead> base(Connection& db) {
    SIGNET_ASSIGN(auto query,
                  db.query("SELECT sequence, hash FROM audit_anchors ORDER BY sequence DESC LIMIT 1"));
    SIGNET_ASSIGN(const bool row, query.step());
    if (!row) return ChainHead{};
    return ChainHead{query.number(0), hash_at(query, 1)};
}

Result<std::optional<ChainedRecord>> find(Connection& db, std::uint64_t sequence) {
    SIGNET_ASSIGN(
        auto query,
        db.query("SELECT " SIGNET_RECORD_COLUMNS " FROM audit_records WHERE sequence = ?", sequence));
    SIGNET_ASSIGN(const bool row, query.step());
    if (!row) return std::nullopt;
    return record_of(query);
}

Result<AuditPage> read(Connection& db, std::uint64_t after, std::size_t limit) {
    return search(db, {}, after, limit, limit);
}

Result<AuditPage> search(Connection& db, const AuditFilter& filter, std::uint64_t after, std::size_t limit,
                         std::size_t scan) {
    limit = std::clamp<std::size_t>(limit, 1, kMaxPage);
    scan = std::max(scan, limit);
    AuditPage page;
    page.next_after = after;
    SIGNET_ASSIGN(auto query, db.query("SELECT " SIGNET_RECORD_COLUMNS
                                       " FROM audit_records WHERE sequence > ? ORDER BY sequence LIMIT ?",
                                       after, std::uint64_t{scan} + 1));
    for (std::size_t seen = 0;; ++seen) {
        SIGNET_ASSIGN(const bool row, query.step());
        if (!row) return page;
        if (seen == scan || page.records.size() == limit) {
            page.more = true;
            return page;
        }
        page.next_after = query.number(0);
        const auto time = query.time(1);
        if (!matches(filter.request_id, query.text_view(2)) ||
            !matches(filter.principal, query.text_view(3)) || !matches(filter.action, query.text_view(4)) ||
            !matches(filter.object, query.text_view(5)) || !matches(filter.outcome, query.text_view(6)) ||
            (filter.from && time < *filter.from) || (filter.to && time >= *filter.to))
            continue;
        page.records.push_back(record_of(query));
    }
}

Result<std::size_t> visit(Connection& db, std::uint64_t after, std::size_t limit,
                          const std::function<Status(const ChainedRecord&)>& visitor) {
    SIGNET_ASSIGN(auto query, db.query("SELECT " SIGNET_RECORD_COLUMNS
                                       " FROM audit_records WHERE sequence > ? ORDER BY sequence LIMIT ?",
                                       after, std::uint64_t{limit}));
    ChainedRecord record;
    for (std::size_t count = 0;; ++count) {
        SIGNET_ASSIGN(const bool row, query.step());
        if (!row) return count;
        read_record(query, record);
        SIGNET_TRY(visitor(record));
    }
}

Result<AuditPage> tail(Connection& db, std::size_t limit) {
    SIGNET_ASSIGN(const auto end, head(db));
    limit = std::clamp<std::size_t>(limit, 1, kMaxPage);
    return read(db, end.sequence > limit ? end.sequence - limit : 0, limit);
}

Status add_checkpoint(Transaction& transaction, const Checkpoint& checkpoint) {
    SIGNET_ASSIGN(const auto record, find(transaction.db(), checkpoint.head.sequence));
    if (!record || record->hash != checkpoint.head.hash)
        return fail(ErrorCode::conflict, "the audit chain holds no record " +
                                             std::to_string(checkpoint.head.sequence) +
                                             " with the hash of this checkpoint; verify the audit chain");
    return transaction.db().run(
        "INSERT INTO audit_checkpoints (" SIGNET_CHECKPOINT_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?)",
        checkpoint.head.sequence, ByteView(checkpoint.head.hash), checkpoint.time_ms, checkpoint.key_label,
        checkpoint.key_version, checkpoint.algorithm, checkpoint.signature);
}

Result<std::optional<Checkpoint>> last_checkpoint(Connection& db) {
    return one_checkpoint(db.query("SELECT " SIGNET_CHECKPOINT_COLUMNS
                                   " FROM audit_checkpoints ORDER BY sequence DESC LIMIT 1"));
}

Result<std::optional<Checkpoint>> last_checkpoint_before(Connection& db, SystemTime time) {
    return one_checkpoint(db.query("SELECT " SIGNET_CHECKPOINT_COLUMNS
                                   " FROM audit_checkpoints WHERE time_ms < ? ORDER BY sequence DESC LIMIT 1",
                                   time));
}

Result<std::vector<Checkpoint>> checkpoints(Connection& db, std::uint64_t after, std::size_t limit) {
    SIGNET_ASSIGN(auto query, db.query("SELECT " SIGNET_CHECKPOINT_COLUMNS
                                       " FROM audit_checkpoints WHERE sequence > ? ORDER BY sequence LIMIT ?",
                                       after, std::uint64_t{limit}));
    std::vector<Checkpoint> found;
    while (true) {
        SIGNET_ASSIGN(const bool row, query.step());
        if (!row) return found;
        found.push_back(checkpoint_of(query));
    }
}

Result<std::optional<ArchiveAnchor>> last_anchor(Connection& db) {
    SIGNET_ASSIGN(auto query, db.query("SELECT sequence, hash, time_ms, file, file_digest FROM audit_anchors "
                                       "ORDER BY sequence DESC LIMIT 1"));
    SIGNET_ASSIGN(const bool row, query.step());
    if (!row) return std::nullopt;
    return ArchiveAnchor{.head = {query.number(0), hash_at(query, 1)},
                         .time_ms = query.integer(2),
                         .file = query.text(3),
                         .file_digest = hash_at(query, 4)};
}

Status add_anchor(Transaction& transaction, const ArchiveAnchor& anchor) {
    auto& db = transaction.db();
    SIGNET_ASSIGN(auto query,
                  db.query("SELECT count(*) FROM audit_checkpoints WHERE sequence = ? AND hash = ?",
                           anchor.head.sequence, ByteView(anchor.head.hash)));
    SIGNET_TRY(query.step());
    if (query.integer(0) == 0)
        return fail(ErrorCode::failed_precondition, "no signed checkpoint of the audit chain is at record " +
                                                        std::to_string(anchor.head.sequence) +
                                                        "; archive up to one that is");
    return db.run(
        "INSERT INTO audit_anchors (sequence, hash, time_ms, file, file_digest) VALUES (?, ?, ?, ?, ?)",
        anchor.head.sequence, ByteView(anchor.head.hash), anchor.time_ms, anchor.file,
        ByteView(anchor.file_digest));
}

Result<std::size_t> delete_archived(Transaction& transaction, std::size_t limit) {
    auto& db = transaction.db();
    SIGNET_ASSIGN(const auto anchor, base(db));
    SIGNET_ASSIGN(auto query, db.query("SELECT coalesce(min(sequence), 0) FROM audit_records"));
    SIGNET_TRY(query.step());
    const auto first = query.number(0);
    query.reset();
    if (first == 0 || first > anchor.sequence) {
        // Checkpoints within the archive are in the archive; the one at its end proves the anchor.
        SIGNET_TRY(db.run("DELETE FROM audit_checkpoints WHERE sequence < ?", anchor.sequence));
        return std::size_t{0};
    }
    const auto last = std::min<std::uint64_t>(anchor.sequence, first + limit - 1);
    SIGNET_TRY(db.run("DELETE FROM audit_records WHERE sequence <= ?", last));
    return static_cast<std::size_t>(db.changes());
}

}  // namespace signet::sqlite::audit_log
