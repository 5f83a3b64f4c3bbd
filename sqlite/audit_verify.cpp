#include "sqlite/audit_verify.h"

#include "base/encoding.h"
#include "sqlite/chain_reader.h"

namespace signet::sqlite {

std::string_view to_string(AuditFault fault) {
    switch (fault) {
        case AuditFault::malformed:
            return "malformed";
        case AuditFault::gap:
            return "gap";
        case AuditFault::reordered:
            return "reordered";
        case AuditFault::rewritten:
            return "rewritten";
        case AuditFault::forged_checkpoint:
            return "forged_checkpoint";
        case AuditFault::truncated:
            return "truncated";
        case AuditFault::wrong_anchor:
            return "wrong_anchor";
        case AuditFault::unsigned_start:
            return "unsigned_start";
    }
    return "unknown";
}

ChainVerifier::ChainVerifier(ChainHead base, const AuditVerifyOptions& options) : options_(options) {
    report_.base = base;
    report_.head = base;
    compare_with_anchor(base);
}

void ChainVerifier::add(AuditFault fault, std::uint64_t sequence, std::string message) {
    ++report_.finding_count;
    if (report_.findings.size() < AuditReport::kMaxFindings)
        report_.findings.push_back({fault, sequence, std::move(message)});
}

void ChainVerifier::compare_with_anchor(const ChainHead& head) {
    if (!options_.anchor || options_.anchor->sequence != head.sequence || options_.anchor->hash == head.hash)
        return;
    add(AuditFault::wrong_anchor, head.sequence,
        "record " + std::to_string(head.sequence) + " has the hash " + to_hex(head.hash) +
            ", but the anchor says " + to_hex(options_.anchor->hash) + ": the chain was made anew");
}

void ChainVerifier::record(const AuditRecord& record, const Sha256& hash) {
    const auto expected = report_.head.sequence + 1;
    ++report_.records;
    if (record.sequence < expected) {
        add(AuditFault::reordered, record.sequence,
            "record " + std::to_string(record.sequence) + " stands after record " +
                std::to_string(report_.head.sequence));
        return;
    }
    if (record.sequence > expected) {
        const auto last = record.sequence - 1;
        add(AuditFault::gap, expected,
            last == expected
                ? "record " + std::to_string(expected) + " is missing"
                : "records " + std::to_string(expected) + " to " + std::to_string(last) + " are missing");
    } else if (chain_hash(report_.head.hash, record) != hash) {
        add(AuditFault::rewritten, record.sequence,
            "record " + std::to_string(record.sequence) +
                " does not give its hash: it or the one before was changed after it was written");
    }
    report_.head = {record.sequence, hash};
    compare_with_anchor(report_.head);
}

Status ChainVerifier::checkpoint(const Checkpoint& checkpoint) {
    const auto sequence = checkpoint.head.sequence;
    const auto forged = [&](const std::string& what) {
        add(AuditFault::forged_checkpoint, sequence,
            "the checkpoint at record " + std::to_string(sequence) + " " + what);
        return Status{};
    };
    if (sequence != report_.head.sequence) return forged("stands where that record does not");
    if (checkpoint.head.hash != report_.head.hash) return forged("names another hash than the record");
    if (!options_.check_signature) {
        ++report_.unverified_checkpoints;
        return {};
    }
    SIGNET_ASSIGN(const bool genuine, options_.check_signature(checkpoint));
    if (!genuine)
        return forged("is not signed by the key " + checkpoint.key_label + "/" +
                      std::to_string(checkpoint.key_version));
    ++report_.checkpoints;
    report_.last_checkpoint = sequence;
    return {};
}

AuditReport ChainVerifier::finish() {
    if (options_.anchor && options_.anchor->sequence > report_.head.sequence)
        add(AuditFault::truncated, report_.head.sequence,
            "the chain ends at record " + std::to_string(report_.head.sequence) + ", but record " +
                std::to_string(options_.anchor->sequence) + " is known to have existed");
    return std::move(report_);
}

Result<AuditReport> verify_database(Connection& db, const AuditVerifyOptions& options) {
    ChainHead base;
    ChainHead head;
    std::optional<Checkpoint> newest;
    std::vector<Checkpoint> at_base;
    {
        SIGNET_ASSIGN(auto snapshot, ScopedTransaction::begin(db, ScopedTransaction::Kind::read));
        SIGNET_ASSIGN(base, audit_log::base(db));
        SIGNET_ASSIGN(head, audit_log::head(db));
        SIGNET_ASSIGN(newest, audit_log::last_checkpoint(db));
        if (base.sequence > 0) {
            SIGNET_ASSIGN(at_base, audit_log::checkpoints(db, base.sequence - 1, 1));
        }
    }
    ChainVerifier verifier(base, options);
    if (base.sequence > 0) {
        const auto before = verifier.so_far().finding_count;
        if (at_base.empty() || at_base.front().head.sequence != base.sequence) {
            verifier.add(AuditFault::unsigned_start, base.sequence,
                         "the chain begins after record " + std::to_string(base.sequence) +
                             " as archived, but no checkpoint confirms it");
        } else {
            SIGNET_TRY(verifier.checkpoint(at_base.front()));
            if (verifier.so_far().finding_count != before)
                verifier.add(AuditFault::unsigned_start, base.sequence,
                             "the chain begins after record " + std::to_string(base.sequence) +
                                 " as archived, but its checkpoint is not genuine");
        }
    }
    // A checkpoint past the end is left behind where the records at the end were deleted.
    if (newest && newest->head.sequence > head.sequence)
        verifier.add(AuditFault::truncated, head.sequence,
                     "the chain ends at record " + std::to_string(head.sequence) +
                         ", but a checkpoint signs record " + std::to_string(newest->head.sequence));
    ChainReader reader(db, base.sequence, head.sequence, options.chunk);
    while (true) {
        SIGNET_ASSIGN(const bool more,
                      reader.next(
                          [&](const ChainedRecord& record) -> Status {
                              verifier.record(record.record, record.hash);
                              return {};
                          },
                          [&](const Checkpoint& checkpoint) { return verifier.checkpoint(checkpoint); }));
        if (options.progress && !options.progress(reader.position()))
            return fail(ErrorCode::cancelled, "the verification was ended before the end of the chain");
        if (!more) break;
    }
    return verifier.finish();
}

}  // namespace signet::sqlite
