// The audit chain as a file of JSON lines, canonical to the byte: keys in this order, no white space, one
// object a line.
//
//   {"export":"signet-audit-1","base":41,"base_hash":"<hex>"}
//   {"seq":42,"time_ms":…,"request_id":"…","principal":"…","action":"…","object":"…","outcome":"…","details":"…","hash":"<hex>"}
//   {"checkpoint":42,"head":"<hex>","time_ms":…,"key":"audit","version":1,"algorithm":"ES256","signature":"<hex>"}
//   {"end":42,"hash":"<hex>","records":1}
//
// `details` is the record's JSON text as a string, so that the hash covers it to the letter. A checkpoint
// follows the record it signs. The last line tells a file that was cut short by accident; a deliberate cut
// needs an anchor.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/error.h"
#include "sqlite/audit_log.h"
#include "sqlite/audit_verify.h"

namespace signet::sqlite {

struct ExportStart {
    ChainHead base{};
};
struct ExportEnd {
    ChainHead head{};
    std::uint64_t records = 0;
};
using ExportLine = std::variant<ExportStart, ChainedRecord, Checkpoint, ExportEnd>;

// A record whose every byte is escaped (six bytes for one) fits.
inline constexpr std::size_t kMaxExportLine = std::size_t{2} << 20;

// Appends the line with its newline.
void append_line(std::string& out, const ExportStart& start);
void append_line(std::string& out, const ChainedRecord& record);
void append_line(std::string& out, const Checkpoint& checkpoint);
void append_line(std::string& out, const ExportEnd& end);
// The canonical form and nothing else; `line` without its newline. `out` is reused where it holds a record
// already. Error: invalid_argument.
Status parse_line(std::string_view line, ExportLine& out);

struct ExportReport {
    ChainHead base{};
    ChainHead head{};
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;
    Sha256 digest{};  // SHA-256 of the file
};

struct ExportOptions {
    std::uint64_t after = 0;  // the base: from the oldest stored record when it is older than that
    std::optional<std::uint64_t> up_to{};                    // the last record; default: the head
    std::function<bool(std::uint64_t sequence)> progress{};  // false ends it with `cancelled`
    std::size_t chunk = 10'000;
};

// Writes a temporary file beside `path`, syncs it, renames it (mode 0600). Read in chunks.
// Errors: already_exists (`path` is there), not_found (no record to export), storage_full, storage_failed,
// cancelled.
Result<ExportReport> export_audit(Connection& db, const std::filesystem::path& path,
                                  const ExportOptions& options);

// Retention: exports the chain up to the last checkpoint older than `before` into `directory`
// (audit-<first>-<last>.jsonl), verifies the file, records the anchor, and deletes what it covers, in small
// pieces of work so that signing goes on. nullopt when no checkpoint is old enough. Finishes what an earlier
// run left undone; an older file of the same name is kept beside it as <name>.before-<n>. One call at a time.
Result<std::optional<ExportReport>> archive_audit(Connection& db, Writer& writer,
                                                  const std::filesystem::path& directory, SystemTime before,
                                                  const AuditVerifyOptions& verification);

}  // namespace signet::sqlite
