// PayControl's transactions and what became of them. Everything that ends one goes through `finish`, whose one conditional UPDATE
// decides between those who try at the same time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "sqlite/connection.h"
#include "sqlite/writer.h"

namespace signet::sqlite {

enum class PcStatus : std::uint8_t {
    initialized = 1,
    push_sent = 2,
    data_sent = 3,
    confirmed = 4,
    declined = 5
};
enum class PcOutcome : std::uint8_t {
    none = 0,
    confirmed = 1,
    autosigned = 2,
    declined = 3,
    canceled = 4,
    timed_out = 5
};
enum class PcDataType : std::uint8_t { text = 1, binary = 2, combined = 3, empty = 4 };
// As stored; CSR, CMS and PDF are confirmed with the help of a CA.
enum class PcType : std::uint8_t {
    undefined = 1,
    login = 2,
    payment = 3,
    sign_document = 4,
    operation = 5,
    with_backend_check = 6,
    csr = 7,
    cms = 8,
    pdf = 9
};

struct PcTransaction {
    std::int64_t id = 0;  // the row
    std::string transaction_id{};
    std::string system_id{};
    std::string user_id{};
    std::optional<std::int64_t> operation{};  // the operation's row
    PcType type = PcType::undefined;
    PcStatus status = PcStatus::initialized;
    PcDataType data_type = PcDataType::text;
    std::string text{};
    bool markdown = false;
    Bytes binary{};
    Bytes data_hash{};  // of text and binary, also when they were cleaned
    std::optional<std::string> snippet{};
    bool snippet_markdown = false;
    bool push = false;
    std::string callback_url{};                  // empty: the system's
    std::optional<std::uint32_t> code_length{};  // none: any
    std::uint32_t ttl = 0;                       // seconds; 0: no end
    std::optional<SystemTime> expires{};
    bool extended = false;
    bool autosign = false;
    std::optional<std::string> url_template{};
    bool deeplink_only = false;
    std::optional<std::string> app_start{};
    std::optional<std::string> app_extra{};
    std::uint32_t wrong_codes = 0;
    std::string extra{};  // JSON, by type
    SystemTime created{};
    std::optional<SystemTime> ended{};
    PcOutcome outcome = PcOutcome::none;
    bool operator==(const PcTransaction&) const = default;
};

struct PcConfirmAttempt {
    std::int64_t id = 0;
    std::int64_t transaction = 0;  // the row
    std::int64_t event_id = 0;
    std::uint32_t result = 0;  // PayControl's error code
    std::string signature{};
    std::string confirm_code{};
    std::int64_t check_time = 0;  // seconds
    std::string gost_imit{};
    std::optional<std::int64_t> key_id{};         // whose secret checked the code
    std::optional<std::int64_t> public_key_id{};  // that checked the signature
    std::string scoring{};                        // JSON, or empty
    std::string scoring_settings{};               // JSON, or empty
    std::string scoring_details{};                // JSON, or empty
    SystemTime created{};
    bool operator==(const PcConfirmAttempt&) const = default;
};

namespace paycontrol_transaction_store {

// Returns the row. Error: already_exists (an id is unique among all systems).
Result<std::int64_t> insert(Transaction& transaction, const PcTransaction& value);
Result<std::optional<PcTransaction>> find(Connection& db, std::string_view system_id,
                                          std::string_view user_id, std::string_view transaction_id);
Result<std::optional<PcTransaction>> find_row(Connection& db, std::int64_t row);
// Ids of those that are unfinished and did not expire, newest first.
Result<std::vector<std::string>> unfinished(Connection& db, std::string_view system_id,
                                            std::string_view user_id, bool autosign_only, SystemTime now,
                                            std::size_t limit);
Result<std::vector<PcTransaction>> of_operation(Connection& db, std::int64_t operation);

// Only ever forwards, and only while it is unfinished. Returns whether it did.
Result<bool> advance(Transaction& transaction, std::int64_t row, PcStatus to);
// Ends it, if nobody was faster, it did not expire (an outcome `timed_out` wants it expired) and it has seen fewer than
// `wrong_limit` wrong codes. With `clean` text, binary and snippet go. Returns whether it did; the operation it belongs to then
// has one unfinished transaction less.
struct Finish {
    PcOutcome outcome = PcOutcome::confirmed;
    bool clean = false;
    std::optional<std::uint32_t> wrong_limit{};  // none for what no guessing finds
};
Result<bool> finish(Transaction& transaction, const PcTransaction& value, const Finish& how, SystemTime now);
// Counts a wrong short code; returns how many there were.
Result<std::uint32_t> count_wrong_code(Transaction& transaction, std::int64_t row);
// Those outside operations whose time is over, oldest first.
Result<std::vector<PcTransaction>> expired(Connection& db, SystemTime now, std::size_t limit);

Result<std::int64_t> insert_attempt(Transaction& transaction, const PcConfirmAttempt& attempt);
// The last `limit`, oldest of them first.
Result<std::vector<PcConfirmAttempt>> attempts(Connection& db, std::int64_t row, std::size_t limit);
// By its number, if it is one of a transaction of that user.
Result<std::optional<PcConfirmAttempt>> find_attempt(Connection& db, std::string_view system_id,
                                                     std::string_view user_id, std::int64_t attempt);

// At most `limit` that were created before; with their attempts. Returns how many went.
Result<std::size_t> prune(Transaction& transaction, SystemTime before, std::size_t limit);

// Wrong codes that no transaction counts. `scope` is a SHA-256 over whose code for what; counting begins anew once it expired.
Result<std::uint32_t> wrong_codes(Connection& db, ByteView scope, SystemTime now);
Status add_wrong_code(Transaction& transaction, ByteView scope, SystemTime now, SystemTime expires);
Result<std::size_t> prune_wrong_codes(Transaction& transaction, SystemTime now, std::size_t limit);

}  // namespace paycontrol_transaction_store
}  // namespace signet::sqlite
