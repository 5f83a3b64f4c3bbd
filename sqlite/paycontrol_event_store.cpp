#include "sqlite/paycontrol_event_store.h"

namespace signet::sqlite::paycontrol_event_store {
namespace {

#define SIGNET_PC_EVENT_QUERY                                                                               \
    "SELECT event_id, system_id, user_id, transaction_id, operation_id, session_id, device_event_id, "      \
    "device_time, device_info, device_fingerprint, key_index, request_type, request_url, request_hash, "    \
    "request_hmac, requester_ip, connection_info, request_result, event_data, instance, version, cleaned, " \
    "created, updated FROM paycontrol_events "

PcEvent event_of(const Statement& row) {
    PcEvent event;
    event.event_id = row.integer(0);
    event.system_id = row.text(1);
    event.user_id = row.text(2);
    event.transaction_id = row.text(3);
    event.operation_id = row.text(4);
    event.session_id = row.text(5);
    event.device_event_id = row.text(6);
    if (!row.is_null(7)) event.device_time = row.integer(7);
    event.device_info = row.text(8);
    event.device_fingerprint = row.text(9);
    if (!row.is_null(10)) event.key_index = row.number32(10);
    event.request_type = row.text(11);
    event.request_url = row.text(12);
    event.request_hash = row.text(13);
    event.request_hmac = row.text(14);
    event.requester_ip = row.text(15);
    event.connection_info = row.text(16);
    event.request_result = row.number32(17);
    event.event_data = row.text(18);
    event.instance = row.text(19);
    event.version = row.text(20);
    event.cleaned = row.boolean(21);
    event.created = row.time(22);
    event.updated = row.time(23);
    return event;
}

// The narrowest index that the filter can use: the partial ones want to hear that the value is not empty.
std::string_view leading(const PcEventFilter& filter) {
    if (filter.transaction_id) return "transaction_id = ?3 AND transaction_id <> ''";
    if (filter.operation_id) return "operation_id = ?4 AND operation_id <> ''";
    if (filter.session_id) return "session_id = ?6 AND session_id <> ''";
    if (filter.user_id) return "user_id = ?2 AND user_id <> ''";
    if (filter.system_id) return "system_id = ?1 AND system_id <> ''";
    return "created >= ?11";
}

// Newest first. Ids rise with time, so either index gives its order without sorting.
std::string_view newest_first(const PcEventFilter& filter) {
    return leading(filter).starts_with("created")
               ? " ORDER BY created DESC, event_id DESC LIMIT ?13 OFFSET ?14"
               : " ORDER BY event_id DESC LIMIT ?13 OFFSET ?14";
}

constexpr std::string_view kConditions =
    " AND (?1 IS NULL OR system_id = ?1) AND (?2 IS NULL OR user_id = ?2) AND (?3 IS NULL OR transaction_id "
    "= ?3) "
    "AND (?4 IS NULL OR operation_id = ?4) AND (?5 IS NULL OR instance = ?5) AND (?6 IS NULL OR session_id = "
    "?6) "
    "AND (?7 IS NULL OR request_type = ?7) AND (?8 IS NULL OR request_result = ?8) AND (?9 IS NULL OR "
    "instr(', ' || requester_ip || ',', ', ' || ?9 || ',') > 0) AND (?10 IS NULL OR cleaned = ?10) AND "
    "created >= "
    "?11 AND created <= ?12";

Result<Statement> query(Connection& db, std::string_view select, const PcEventFilter& filter,
                        std::string_view tail) {
    SIGNET_ASSIGN(auto statement, db.prepare(std::string(select) + "WHERE " + std::string(leading(filter)) +
                                             std::string(kConditions) + std::string(tail)));
    constexpr std::int64_t kEndOfTime = std::int64_t{1} << 53;
    statement.bind(1, filter.system_id)
        .bind(2, filter.user_id)
        .bind(3, filter.transaction_id)
        .bind(4, filter.operation_id)
        .bind(5, filter.instance)
        .bind(6, filter.session_id)
        .bind(7, filter.request_type)
        .bind(8, filter.request_result)
        .bind(9, filter.requester_ip)
        .bind(10, filter.cleaned)
        .bind(11, filter.from.value_or(from_unix_ms(0)))
        .bind(12, filter.to.value_or(from_unix_ms(kEndOfTime)));
    return statement;
}

}  // namespace

Result<std::int64_t> insert(Transaction& transaction, const PcEvent& event) {
    auto& db = transaction.db();
    SIGNET_TRY(db.run(
        "INSERT INTO paycontrol_events (system_id, user_id, transaction_id, operation_id, session_id, "
        "device_event_id, device_time, device_info, device_fingerprint, key_index, request_type, "
        "request_url, "
        "request_hash, request_hmac, requester_ip, connection_info, request_result, event_data, instance, "
        "version, created, updated) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
        "?)",
        event.system_id, event.user_id, event.transaction_id, event.operation_id, event.session_id,
        event.device_event_id, event.device_time, event.device_info, event.device_fingerprint,
        event.key_index, event.request_type, event.request_url, event.request_hash, event.request_hmac,
        event.requester_ip, event.connection_info, event.request_result, event.event_data, event.instance,
        event.version, event.created, event.updated));
    return db.last_insert_id();
}

Status complete(Transaction& transaction, const PcEvent& event) {
    auto& db = transaction.db();
    SIGNET_TRY(
        db.run("UPDATE paycontrol_events SET system_id = ?, user_id = ?, transaction_id = ?, operation_id = "
               "?, session_id = ?, device_event_id = ?, device_time = ?, device_info = ?, "
               "device_fingerprint = ?, key_index = ?, request_type = ?, request_result = ?, event_data = "
               "?, updated = ? WHERE event_id = ?",
               event.system_id, event.user_id, event.transaction_id, event.operation_id, event.session_id,
               event.device_event_id, event.device_time, event.device_info, event.device_fingerprint,
               event.key_index, event.request_type, event.request_result, event.event_data, event.updated,
               event.event_id));
    if (db.changes() != 1) return fail(ErrorCode::not_found, "there is no such event");
    return {};
}

Result<std::optional<PcEvent>> find(Connection& db, std::int64_t event_id) {
    SIGNET_ASSIGN(auto found, db.query(SIGNET_PC_EVENT_QUERY "WHERE event_id = ?", event_id));
    SIGNET_ASSIGN(const bool row, found.step());
    if (!row) return std::nullopt;
    return event_of(found);
}

Result<std::vector<PcEvent>> list(Connection& db, const PcEventFilter& filter, std::uint64_t from,
                                  std::size_t limit) {
    SIGNET_ASSIGN(auto found, query(db, SIGNET_PC_EVENT_QUERY, filter, newest_first(filter)));
    found.bind(13, std::uint64_t{limit}).bind(14, from);
    std::vector<PcEvent> events;
    while (true) {
        SIGNET_ASSIGN(const bool row, found.step());
        if (!row) return events;
        events.push_back(event_of(found));
    }
}

Result<std::uint64_t> count(Connection& db, const PcEventFilter& filter) {
    SIGNET_ASSIGN(auto found, query(db, "SELECT count(*) FROM paycontrol_events ", filter, ""));
    SIGNET_TRY(found.step());
    return found.number(0);
}

Status clean(Transaction& transaction, std::span<const std::int64_t> event_ids, SystemTime now) {
    for (const auto id : event_ids)
        SIGNET_TRY(
            transaction.db().run("UPDATE paycontrol_events SET device_info = '', event_data = '', "
                                 "connection_info = '', cleaned = 1, updated = ? WHERE event_id = ?",
                                 now, id));
    return {};
}

Result<std::size_t> prune(Transaction& transaction, SystemTime before, std::size_t limit) {
    auto& db = transaction.db();
    SIGNET_TRY(
        db.run("DELETE FROM paycontrol_events WHERE event_id IN (SELECT event_id FROM paycontrol_events "
               "WHERE created < ? ORDER BY created LIMIT ?)",
               before, std::uint64_t{limit}));
    return static_cast<std::size_t>(db.changes());
}

}  // namespace signet::sqlite::paycontrol_event_store
