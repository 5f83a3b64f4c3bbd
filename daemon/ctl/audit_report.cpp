#include "daemon/ctl/audit_report.h"

#include <array>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "base/encoding.h"
#include "daemon/ctl/output.h"

namespace signet::ctl {
namespace {

constexpr std::int64_t kClockStep = 60'000;  // ms; less is how records of one moment stand side by side

bool is_change(std::string_view action) {
    constexpr std::array<std::string_view, 13> kChanges{
        "keys.create", "keys.rotate",   "keys.activate", "keys.disable",       "keys.destroy",
        "keys.import", "ca.revoke",     "audit.archive", "system.key.adopted", "system.key.unavailable",
        "system.init", "system.reload", "system.start"};
    return std::ranges::find(kChanges, action) != kChanges.end();
}

std::uint64_t number_in(const std::string& details, std::string_view member) {
    boost::system::error_code malformed;
    const auto value = boost::json::parse(details, malformed);
    const auto* const object = malformed ? nullptr : value.if_object();
    const auto* const number = object == nullptr ? nullptr : object->if_contains(member);
    if (number == nullptr || !number->is_number()) return 0;
    boost::system::error_code odd;
    return number->to_number<std::uint64_t>(odd);
}

void keep(std::vector<sqlite::ChainedRecord>& list, std::uint64_t& count,
          const sqlite::ChainedRecord& record) {
    ++count;
    if (list.size() < AuditSummary::kMaxRows) list.push_back(record);
}

}  // namespace

void AuditSummariser::gap(std::int64_t time_ms, std::string text) {
    if (summary_.gaps.size() < AuditSummary::kMaxRows) summary_.gaps.push_back({time_ms, std::move(text)});
}

void AuditSummariser::look_for_gaps(const sqlite::AuditRecord& record) {
    if (previous_ != 0 && record.sequence != previous_ + 1)
        gap(record.time_ms, "records " + std::to_string(previous_ + 1) + " to " +
                                std::to_string(record.sequence - 1) + " are missing");
    if (previous_ms_ != 0 && record.time_ms + kClockStep < previous_ms_)
        gap(record.time_ms, "the clock went back from " + to_rfc3339(from_unix_ms(previous_ms_)));
    if (record.action == "system.start") {
        if (stopped_ms_ != 0)
            gap(record.time_ms, "the daemon did not run since " + to_rfc3339(from_unix_ms(stopped_ms_)));
        else if (known_to_run_)
            gap(record.time_ms, "the daemon ended without saying so; its last record before is of " +
                                    to_rfc3339(from_unix_ms(previous_ms_)));
        stopped_ms_ = 0;
        known_to_run_ = true;
    }
    if (record.action == "system.stop") {
        stopped_ms_ = record.time_ms;
        known_to_run_ = false;
    }
    if (record.action == "system.refusals") {
        if (const auto lost = number_in(record.details, "not_recorded"); lost != 0)
            gap(record.time_ms, std::to_string(lost) + " refusals found no room and were only counted");
    }
    if (record.action == "system.storage.recovered")
        gap(record.time_ms, "the database took no records for a while; nothing was signed meanwhile");
    previous_ = record.sequence;
    previous_ms_ = record.time_ms;
}

void AuditSummariser::add(const sqlite::ChainedRecord& chained) {
    const auto& record = chained.record;
    look_for_gaps(record);
    if (summary_.records++ == 0) summary_.first = record.sequence;
    summary_.last = record.sequence;
    if (record.outcome == "intent") return;  // its outcome counts
    if (record.outcome == "refused") keep(summary_.refusals, summary_.refusals_count, chained);
    if (record.action.starts_with("approvals.")) keep(summary_.approvals, summary_.approvals_count, chained);
    if (is_change(record.action) && record.outcome != "refused")
        keep(summary_.changes, summary_.changes_count, chained);
    if (record.outcome == "refused") return;
    const auto key = std::make_tuple(record.principal, record.action, record.object);
    auto found = summary_.uses.find(key);
    if (found == summary_.uses.end()) {
        // Objects of some actions are as many as requests.
        if (summary_.uses.size() >= AuditSummary::kMaxRows) {
            ++summary_.uses_left_out;
            return;
        }
        found = summary_.uses.emplace(key, ReportedUse{.first_ms = record.time_ms}).first;
    }
    ++(record.outcome == "ok" ? found->second.done : found->second.failed);
    found->second.last_ms = record.time_ms;
}

namespace {

constexpr std::string_view kStyle = R"(
@page { size: A4 landscape; margin: 15mm }
body { font: 10pt/1.4 sans-serif; color: #111; max-width: 75em; margin: 2em auto; padding: 0 1em }
h1 { font-size: 18pt } h2 { font-size: 13pt; margin-top: 1.6em; break-after: avoid }
table { border-collapse: collapse; width: 100% } thead { display: table-header-group }
th, td { text-align: left; vertical-align: top; padding: .2em .6em .2em 0; border-bottom: .5pt solid #bbb }
tr { break-inside: avoid } td.n { text-align: right; font-variant-numeric: tabular-nums }
code { font: 8.5pt/1.3 monospace; overflow-wrap: anywhere }
.whole { border-left: 4pt solid #2a7a2a; padding-left: .8em } .broken { border-left: 4pt solid #b00; padding-left: .8em; font-weight: bold }
)";

// Text of a record may come from a stranger (a request's subject, a reason).
std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : printable(text)) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            default:
                out += c;
        }
    }
    return out;
}

class Page {
  public:
    void section(std::string_view title, std::string_view remark = {}) {
        out += "<h2>" + escaped(title) + "</h2>\n";
        if (!remark.empty()) out += "<p>" + escaped(remark) + "</p>\n";
    }
    void table(const std::vector<std::string_view>& header, const std::vector<std::vector<std::string>>& rows,
               std::uint64_t left_out, std::string_view none) {
        if (rows.empty()) {
            out += "<p>" + escaped(none) + "</p>\n";
            return;
        }
        out += "<table><thead><tr>";
        for (const auto name : header)
            out += "<th>" + escaped(name) + "</th>";
        out += "</tr></thead><tbody>\n";
        for (const auto& row : rows) {
            out += "<tr>";
            for (const auto& cell : row)
                out += "<td>" + escaped(cell) + "</td>";
            out += "</tr>\n";
        }
        out += "</tbody></table>\n";
        if (left_out != 0) out += "<p>and " + std::to_string(left_out) + " more, which the export has.</p>\n";
    }
    std::string out;
};

std::string time_of(std::int64_t ms) {
    return to_rfc3339(from_unix_ms(ms));
}

std::vector<std::vector<std::string>> rows_of(const std::vector<sqlite::ChainedRecord>& records) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& [record, hash] : records)
        rows.push_back({std::to_string(record.sequence), time_of(record.time_ms), record.principal,
                        record.action, record.object, record.outcome, record.details});
    return rows;
}

void list(Page& page, std::string_view title, std::string_view none,
          const std::vector<sqlite::ChainedRecord>& records, std::uint64_t count) {
    page.section(title);
    page.table({"Record", "Time (UTC)", "Who", "What", "On", "Outcome", "Details"}, rows_of(records),
               count - records.size(), none);
}

}  // namespace

std::string render_html(const AuditSummary& summary, const ReportHead& head) {
    Page page;
    page.out = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Audit report " +
               escaped(to_rfc3339(head.from)) + " to " + escaped(to_rfc3339(head.to)) + "</title><style>" +
               std::string(kStyle) + "</style></head><body>\n<h1>Audit report</h1>\n";
    page.out += "<p>" + escaped(head.appliance) + "<br>from " + escaped(to_rfc3339(head.from)) + " up to " +
                escaped(to_rfc3339(head.to)) + "<br>made " + escaped(to_rfc3339(head.made)) + "</p>\n";
    page.out += "<p class=\"" + std::string(head.whole ? "whole" : "broken") + "\">" +
                escaped(head.verification) + "<br>head of the chain: <code>" + escaped(head.chain_head) +
                "</code></p>\n";
    page.out += "<p>" + std::to_string(summary.records) + " records" +
                (summary.records == 0
                     ? std::string()
                     : ", " + std::to_string(summary.first) + " to " + std::to_string(summary.last)) +
                "; " + std::to_string(summary.refusals_count) + " refusals, " +
                std::to_string(summary.approvals_count) + " about approvals, " +
                std::to_string(summary.changes_count) + " changes, " + std::to_string(summary.gaps.size()) +
                " gaps.</p>\n";

    page.section("Gaps", "Where records are missing, or the appliance did not run or could not record.");
    std::vector<std::vector<std::string>> gaps;
    for (const auto& gap : summary.gaps)
        gaps.push_back({time_of(gap.time_ms), gap.text});
    page.table({"Time (UTC)", "What"}, gaps, 0, "None.");

    page.section("Who did what with which key");
    std::vector<std::vector<std::string>> uses;
    for (const auto& [key, use] : summary.uses)
        uses.push_back({std::get<0>(key), std::get<1>(key), std::get<2>(key), std::to_string(use.done),
                        use.failed == 0 ? std::string() : std::to_string(use.failed), time_of(use.first_ms),
                        time_of(use.last_ms)});
    page.table({"Who", "What", "On", "Done", "Failed", "First (UTC)", "Last (UTC)"}, uses,
               summary.uses_left_out, "Nothing.");

    list(page, "Changes", "None.", summary.changes, summary.changes_count);
    list(page, "Approvals", "None.", summary.approvals, summary.approvals_count);
    list(page, "Refusals", "None.", summary.refusals, summary.refusals_count);
    page.out += "</body></html>\n";
    return std::move(page.out);
}

}  // namespace signet::ctl
