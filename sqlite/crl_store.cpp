#include "sqlite/crl_store.h"

namespace signet::sqlite::crl_store {

Result<std::optional<StoredCrl>> latest(Connection& db, std::string_view ca, std::uint32_t ca_version) {
    SIGNET_ASSIGN(auto query,
                  db.query("SELECT ca, ca_version, number, der, this_update, next_update FROM crls "
                           "WHERE ca = ? AND ca_version = ? ORDER BY number DESC LIMIT 1",
                           ca, ca_version));
    SIGNET_ASSIGN(const bool row, query.step());
    if (!row) return std::nullopt;
    return StoredCrl{.ca = query.text(0),
                     .ca_version = query.number32(1),
                     .number = query.number(2),
                     .der = query.bytes(3),
                     .this_update = query.time(4),
                     .next_update = query.time(5)};
}

Result<std::uint64_t> take_number(Transaction& transaction, std::string_view ca) {
    SIGNET_ASSIGN(auto query, transaction.db().query(
                                  "INSERT INTO crl_numbers (ca, number) VALUES (?, 1) "
                                  "ON CONFLICT (ca) DO UPDATE SET number = number + 1 RETURNING number",
                                  ca));
    SIGNET_TRY(query.step());
    const auto number = query.number(0);
    SIGNET_TRY(query.run());
    return number;
}

Status insert(Transaction& transaction, const StoredCrl& crl) {
    auto inserted = transaction.db().run(
        "INSERT INTO crls (ca, ca_version, number, der, this_update, next_update) VALUES (?, ?, ?, ?, ?, ?)",
        crl.ca, crl.ca_version, crl.number, crl.der, crl.this_update, crl.next_update);
    if (!inserted && inserted.error().code == ErrorCode::already_exists)
        inserted.error().message =
            "the CA " + crl.ca + " issued the CRL number " + std::to_string(crl.number) + " already";
    return inserted;
}

}  // namespace signet::sqlite::crl_store
