#include "sqlite/paycontrol_system_store.h"

namespace signet::sqlite::paycontrol_system_store {
namespace {

#define SIGNET_SYSTEM_QUERY                                                                        \
    "SELECT system_id, name, description, created, updated, deleted, key_lifetime, external_url, " \
    "internal_url, events_post_url, callback_url, report_template, license, license_users, "       \
    "license_expires, "                                                                            \
    "users FROM paycontrol_systems "

PayControlSystem system_of(const Statement& row) {
    return {.system_id = row.text(0),
            .name = row.text(1),
            .description = row.text(2),
            .created = row.time(3),
            .updated = row.time(4),
            .deleted = row.optional_time(5),
            .key_lifetime = row.number32(6),
            .external_url = row.text(7),
            .internal_url = row.text(8),
            .events_post_url = row.text(9),
            .callback_url = row.text(10),
            .report_template = row.text(11),
            .license = row.text(12),
            .license_users = row.number(13),
            .license_expires = row.time(14),
            .users = row.number(15)};
}

Status changed_one(Connection& db, std::string_view system_id) {
    if (db.changes() == 1) return {};
    return fail(ErrorCode::not_found, "there is no system " + std::string(system_id));
}

}  // namespace

Result<std::optional<PayControlSystem>> find(Connection& db, std::string_view system_id) {
    SIGNET_ASSIGN(auto query, db.query(SIGNET_SYSTEM_QUERY "WHERE system_id = ?", system_id));
    SIGNET_ASSIGN(const bool row, query.step());
    if (!row) return std::nullopt;
    return system_of(query);
}

Result<std::vector<PayControlSystem>> list(Connection& db, std::string_view after, std::size_t limit) {
    SIGNET_ASSIGN(auto query, db.query(SIGNET_SYSTEM_QUERY "WHERE system_id > ? ORDER BY system_id LIMIT ?",
                                       after, std::uint64_t{limit}));
    std::vector<PayControlSystem> systems;
    while (true) {
        SIGNET_ASSIGN(const bool row, query.step());
        if (!row) return systems;
        systems.push_back(system_of(query));
    }
}

Status insert(Transaction& transaction, const PayControlSystem& system) {
    return transaction.db().run(
        "INSERT INTO paycontrol_systems (system_id, name, description, created, updated, key_lifetime, "
        "external_url, internal_url, events_post_url, callback_url, report_template, license, license_users, "
        "license_expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        system.system_id, system.name, system.description, system.created, system.updated,
        system.key_lifetime, system.external_url, system.internal_url, system.events_post_url,
        system.callback_url, system.report_template, system.license, system.license_users,
        system.license_expires);
}

Status update(Transaction& transaction, const PayControlSystem& system) {
    SIGNET_TRY(transaction.db().run(
        "UPDATE paycontrol_systems SET updated = ?, key_lifetime = ?, external_url = ?, internal_url = ?, "
        "events_post_url = ?, callback_url = ?, report_template = ?, license = ?, license_users = ?, "
        "license_expires = ? WHERE system_id = ?",
        system.updated, system.key_lifetime, system.external_url, system.internal_url, system.events_post_url,
        system.callback_url, system.report_template, system.license, system.license_users,
        system.license_expires, system.system_id));
    return changed_one(transaction.db(), system.system_id);
}

Status count_user(Transaction& transaction, std::string_view system_id, int by) {
    SIGNET_TRY(transaction.db().run("UPDATE paycontrol_systems SET users = users + ? WHERE system_id = ?", by,
                                    system_id));
    return changed_one(transaction.db(), system_id);
}

}  // namespace signet::sqlite::paycontrol_system_store
