// A period of the audit chain for people who were not there: who did what with which key, what was refused, what was
// approved, what changed, and where something is missing.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "base/clock.h"
#include "sqlite/audit_log.h"

namespace signet::ctl {

struct ReportedUse {
    std::uint64_t done = 0;
    std::uint64_t failed = 0;
    std::int64_t first_ms = 0;
    std::int64_t last_ms = 0;
};

struct ReportedGap {
    std::int64_t time_ms = 0;
    std::string text;
};

struct AuditSummary {
    static constexpr std::size_t kMaxRows = 5000;  // of each list; what is over it is counted

    std::uint64_t records = 0;
    std::uint64_t first = 0;  // sequence numbers
    std::uint64_t last = 0;
    std::map<std::tuple<std::string, std::string, std::string>, ReportedUse>
        uses;  // principal, action, object
    std::uint64_t uses_left_out = 0;
    std::vector<sqlite::ChainedRecord> changes;  // of keys, certificates' revocation, configuration, archives
    std::vector<sqlite::ChainedRecord> approvals;  // everything about quorums
    std::vector<sqlite::ChainedRecord> refusals;
    std::uint64_t changes_count = 0;
    std::uint64_t approvals_count = 0;
    std::uint64_t refusals_count = 0;
    std::vector<ReportedGap> gaps;
};

// Takes records in the order of the chain.
class AuditSummariser {
  public:
    void add(const sqlite::ChainedRecord& record);
    AuditSummary take() { return std::move(summary_); }

  private:
    void look_for_gaps(const sqlite::AuditRecord& record);
    void gap(std::int64_t time_ms, std::string text);
    AuditSummary summary_;
    std::uint64_t previous_ = 0;
    std::int64_t previous_ms_ = 0;
    std::int64_t stopped_ms_ = 0;  // when the daemon said that it stops; 0 while it runs or nothing is known
    bool known_to_run_ = false;
};

// What stands above the tables.
struct ReportHead {
    std::string appliance{};  // path of its configuration
    SystemTime from{};
    SystemTime to{};
    SystemTime made{};
    bool whole = false;          // the chain was verified
    std::string verification{};  // in words
    std::string chain_head{};    // "1234:<hex>"
};

// One self-contained HTML page, without scripts, that prints well.
std::string render_html(const AuditSummary& summary, const ReportHead& head);

}  // namespace signet::ctl
