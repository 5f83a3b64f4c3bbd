// Proof that an audit chain is whole: over the database, or offline over an export.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "sqlite/audit_log.h"

namespace signet::sqlite {

enum class AuditFault : std::uint8_t {
    malformed,  // a line or row is not what an export or the chain can hold
    gap,        // records are missing between two
    reordered,  // a record stands before its predecessor, or twice
    rewritten,  // a record does not give the hash that was stored for it, or does not follow the one before
    forged_checkpoint,  // a checkpoint's signature is not by the key it names, or its head is not the chain's
    truncated,  // the chain ends before a head that is known from elsewhere, or before the export's own end
    wrong_anchor,    // the chain holds another record where the known head says which it must be
    unsigned_start,  // it begins after an archive anchor that no valid checkpoint confirms
};
std::string_view to_string(AuditFault fault);  // "gap", "rewritten", …

struct AuditFinding {
    AuditFault fault;
    std::uint64_t sequence = 0;
    std::string message{};  // for people
};

struct AuditReport {
    static constexpr std::size_t kMaxFindings = 100;  // later ones are only counted
    std::uint64_t records = 0;
    ChainHead base{};                          // what the first record builds on
    ChainHead head{};                          // the last record
    std::uint64_t checkpoints = 0;             // verified
    std::uint64_t unverified_checkpoints = 0;  // no verifier was given
    std::uint64_t last_checkpoint =
        0;  // sequence number of the last verified one; later records are chained but unsigned
    std::vector<AuditFinding> findings;
    std::uint64_t finding_count = 0;
    bool ok() const { return finding_count == 0; }
};

struct AuditVerifyOptions {
    // Whether the signature of a checkpoint is by the key it names; an error ends the verification (the key
    // is not known). Without it, checkpoints are only compared with the chain.
    std::function<Result<bool>(const Checkpoint&)> check_signature{};
    // A head known from elsewhere: the token's data object, the journal, another export's end. Without one, a
    // missing tail cannot be noticed.
    std::optional<ChainHead> anchor{};
    // Called after each chunk with the last sequence number seen; false ends the verification with
    // `cancelled`.
    std::function<bool(std::uint64_t sequence)> progress{};
    std::size_t chunk = 10'000;  // records read in one query, so that no reader pins the WAL
};

// Feeds itself with records and checkpoints in the order of the chain, and collects what is wrong.
class ChainVerifier {
  public:
    // `options` must outlive it.
    ChainVerifier(ChainHead base, const AuditVerifyOptions& options);
    void record(const AuditRecord& record, const Sha256& hash);
    // After the record it signs; the base itself may be signed too.
    Status checkpoint(const Checkpoint& checkpoint);
    void add(AuditFault fault, std::uint64_t sequence, std::string message);
    const AuditReport& so_far() const { return report_; }
    AuditReport finish();

  private:
    void compare_with_anchor(const ChainHead& head);
    const AuditVerifyOptions& options_;
    AuditReport report_;
};

// The chain in the database. Errors only where it could not be read; what is wrong with it is in the report.
Result<AuditReport> verify_database(Connection& db, const AuditVerifyOptions& options);
// An export (audit_export.h), offline.
Result<AuditReport> verify_export(const std::filesystem::path& path, const AuditVerifyOptions& options);

}  // namespace signet::sqlite
