#include "sqlite/audit_export.h"

#include "sqlite/chain_reader.h"
#include "sqlite/output_file.h"

namespace signet::sqlite {
namespace {

constexpr std::size_t kDeletedAtOnce = 1000;

// Where the export begins: a record that is there, or the base of the chain.
Result<ChainHead> find_base(Connection& db, std::uint64_t after) {
    SIGNET_ASSIGN(const auto base, audit_log::base(db));
    if (after <= base.sequence) return base;
    SIGNET_ASSIGN(const auto record, audit_log::find(db, after));
    if (!record)
        return fail(ErrorCode::not_found,
                    "there is no audit record " + std::to_string(after) + " to begin after");
    return ChainHead{after, record->hash};
}

Status delete_what_is_archived(Writer& writer) {
    std::size_t deleted = 0;
    do {
        SIGNET_TRY(writer.run([&](Transaction& transaction) -> Status {
            SIGNET_ASSIGN(deleted, audit_log::delete_archived(transaction, kDeletedAtOnce));
            return {};
        }));
    } while (deleted > 0);
    return {};
}

Status check_archive(const std::filesystem::path& path, const Checkpoint& checkpoint,
                     AuditVerifyOptions options) {
    options.anchor = checkpoint.head;
    SIGNET_ASSIGN(const auto report, verify_export(path, options));
    const auto refuse = [&](const std::string& what) {
        return fail(ErrorCode::failed_precondition, "the audit chain is kept as it is, because its archive " +
                                                        path.string() + " does not verify: " + what);
    };
    if (!report.ok()) return refuse(report.findings.front().message);
    if (report.head != checkpoint.head) return refuse("it does not end at the checkpoint");
    if (options.check_signature && report.last_checkpoint != checkpoint.head.sequence)
        return refuse("the checkpoint at its end is missing");
    return {};
}

// A file of this name is from a run that ended before its anchor was recorded, or from before the database was put back to
// an older state: then nothing else may hold what it holds, so it is kept under another name.
Status set_aside(const std::filesystem::path& path) {
    std::error_code failure;
    if (!std::filesystem::exists(path, failure)) return {};
    for (int number = 1; number < 1000; ++number) {
        auto other = path;
        other += ".before-" + std::to_string(number);
        if (std::filesystem::exists(other, failure)) continue;
        std::filesystem::rename(path, other, failure);
        if (!failure) return {};
        break;
    }
    return fail(ErrorCode::storage_failed, "cannot set aside the older archive " + path.string(),
                failure.message());
}

}  // namespace

Result<ExportReport> export_audit(Connection& db, const std::filesystem::path& path,
                                  const ExportOptions& options) {
    SIGNET_ASSIGN(const auto base, find_base(db, options.after));
    SIGNET_ASSIGN(const auto head, audit_log::head(db));
    const auto up_to = options.up_to.value_or(head.sequence);
    if (up_to > head.sequence || up_to <= base.sequence)
        return fail(ErrorCode::not_found, "there are no audit records after " +
                                              std::to_string(base.sequence) + " up to " +
                                              std::to_string(up_to));
    SIGNET_ASSIGN(auto file, OutputFile::create(path));
    std::string line;
    const auto write = [&](const auto& item) {
        line.clear();
        append_line(line, item);
        return file.write(line);
    };
    ExportReport report{.base = base, .head = base};
    SIGNET_TRY(write(ExportStart{base}));
    if (base.sequence > 0) {
        SIGNET_ASSIGN(const auto at_base, audit_log::checkpoints(db, base.sequence - 1, 1));
        if (!at_base.empty() && at_base.front().head.sequence == base.sequence)
            SIGNET_TRY(write(at_base.front()));
    }
    ChainReader reader(db, base.sequence, up_to, options.chunk);
    while (true) {
        SIGNET_ASSIGN(const bool more, reader.next(
                                           [&](const ChainedRecord& record) {
                                               report.head = {record.record.sequence, record.hash};
                                               ++report.records;
                                               return write(record);
                                           },
                                           [&](const Checkpoint& checkpoint) { return write(checkpoint); }));
        if (options.progress && !options.progress(reader.position()))
            return fail(ErrorCode::cancelled, "the export was ended before the end of the chain");
        if (!more) break;
    }
    SIGNET_TRY(write(ExportEnd{report.head, report.records}));
    SIGNET_ASSIGN(report.digest, file.finish());
    report.bytes = file.size();
    return report;
}

Result<std::optional<ExportReport>> archive_audit(Connection& db, Writer& writer,
                                                  const std::filesystem::path& directory, SystemTime before,
                                                  const AuditVerifyOptions& verification) {
    SIGNET_TRY(delete_what_is_archived(writer));
    SIGNET_ASSIGN(const auto checkpoint, audit_log::last_checkpoint_before(db, before));
    SIGNET_ASSIGN(const auto base, audit_log::base(db));
    if (!checkpoint || checkpoint->head.sequence <= base.sequence) return std::nullopt;

    const auto name = "audit-" + std::to_string(base.sequence + 1) + "-" +
                      std::to_string(checkpoint->head.sequence) + ".jsonl";
    const auto path = directory / name;
    SIGNET_TRY(set_aside(path));
    SIGNET_ASSIGN(const auto report, export_audit(db, path,
                                                  ExportOptions{.after = base.sequence,
                                                                .up_to = checkpoint->head.sequence,
                                                                .progress = {}}));
    SIGNET_TRY(check_archive(path, *checkpoint, verification));
    SIGNET_TRY(writer.run([&](Transaction& transaction) -> Status {
        SIGNET_ASSIGN(const auto still, audit_log::base(transaction.db()));
        if (still != base)
            return fail(ErrorCode::conflict, "the audit chain was archived by somebody else meanwhile");
        AuditRecord record;
        record.principal = "system";
        record.action = "audit.archive";
        record.object = name;
        record.outcome = "ok";
        record.details = "{\"first\":" + std::to_string(base.sequence + 1) +
                         ",\"last\":" + std::to_string(report.head.sequence) + "}";
        SIGNET_ASSIGN(const auto sequence, transaction.audit(record));
        SIGNET_ASSIGN(const auto written, audit_log::find(transaction.db(), sequence));
        return audit_log::add_anchor(transaction,
                                     ArchiveAnchor{.head = report.head,
                                                   .time_ms = written ? written->record.time_ms : 0,
                                                   .file = name,
                                                   .file_digest = report.digest});
    }));
    SIGNET_TRY(delete_what_is_archived(writer));
    return report;
}

}  // namespace signet::sqlite
