// The audit chain for people: tail, search, report.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <optional>
#include <thread>

#include "base/encoding.h"
#include "base/file.h"
#include "daemon/ctl/audit_keys.h"
#include "daemon/ctl/audit_report.h"
#include "daemon/ctl/context.h"
#include "daemon/ctl/progress.h"
#include "hsm/client/token_client.h"
#include "sqlite/audit_verify.h"
#include "sqlite/connection.h"

namespace signet::ctl {
namespace {

namespace json = boost::json;

constexpr std::size_t kPage = 1000;

Result<sqlite::Connection> open_database(Context& context) {
    SIGNET_ASSIGN(const auto* config, context.config());
    return sqlite::Connection::open(config->database, sqlite::Connection::Mode::read_only);
}

json::object to_json(const sqlite::ChainedRecord& chained) {
    const auto& record = chained.record;
    json::object one{{"seq", record.sequence},          {"time", to_rfc3339(from_unix_ms(record.time_ms))},
                     {"request_id", record.request_id}, {"principal", record.principal},
                     {"action", record.action},         {"object", record.object},
                     {"outcome", record.outcome},       {"hash", to_hex(chained.hash)}};
    boost::system::error_code malformed;
    if (auto details = json::parse(record.details, malformed); !malformed)
        one["details"] = std::move(details);
    return one;
}

std::vector<std::string> to_row(const sqlite::AuditRecord& record) {
    return {std::to_string(record.sequence),
            to_rfc3339(from_unix_ms(record.time_ms)),
            record.principal,
            record.action,
            record.object,
            record.outcome};
}

const std::vector<std::string> kHeader{"SEQ", "TIME", "PRINCIPAL", "ACTION", "OBJECT", "OUTCOME"};

void print(Context& context, const std::vector<sqlite::ChainedRecord>& records) {
    std::vector<std::vector<std::string>> rows;
    json::array array;
    for (const auto& one : records) {
        rows.push_back(to_row(one.record));
        array.emplace_back(to_json(one));
    }
    context.out().table(kHeader, rows);
    context.out().document(json::object{{"records", std::move(array)}});
}

// Each new record on a line of its own, until somebody ends it. With --json, JSON lines.
Outcome follow(Context& context, sqlite::Connection& db, std::uint64_t after) {
    while (true) {
        SIGNET_ASSIGN(const auto page, sqlite::audit_log::read(db, after, kPage));
        for (const auto& one : page.records) {
            std::string line;
            for (const auto& cell : to_row(one.record))
                line += (line.empty() ? "" : "  ") + cell;
            context.out().line(line);
            context.out().document(to_json(one));
        }
        after = page.next_after;
        if (!context.out().flush()) return ExitCode::failed;
        if (!page.more) std::this_thread::sleep_for(std::chrono::milliseconds(500));
    }
}

Outcome tail(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto lines, arguments.number("--lines", 20, 1, 1000));
    SIGNET_ASSIGN(auto db, open_database(context));
    if (arguments.has("--follow")) {
        SIGNET_ASSIGN(const auto head, sqlite::audit_log::head(db));
        return follow(context, db, head.sequence > lines ? head.sequence - lines : 0);
    }
    SIGNET_ASSIGN(const auto page, sqlite::audit_log::tail(db, lines));
    print(context, page.records);
    return ExitCode::ok;
}

Result<std::optional<SystemTime>> time_in(const Arguments& arguments, std::string_view name) {
    if (!arguments.has(name)) return std::nullopt;
    auto text = arguments.text(name);
    // A day alone is its beginning.
    if (text.size() == 10) text += "T00:00:00Z";
    const auto time = from_rfc3339(text);
    if (!time)
        return fail(ErrorCode::invalid_argument,
                    std::string(name) + " takes a day or a time: 2026-01-31, 2026-01-31T09:30:00Z");
    return time;
}

Result<sqlite::AuditFilter> filter_of(const Arguments& arguments) {
    sqlite::AuditFilter filter;
    filter.principal = arguments.text("--principal");
    filter.action = arguments.text("--action");
    filter.object = arguments.text("--object");
    filter.outcome = arguments.text("--outcome");
    filter.request_id = arguments.text("--request");
    SIGNET_ASSIGN(filter.from, time_in(arguments, "--from"));
    SIGNET_ASSIGN(filter.to, time_in(arguments, "--to"));
    return filter;
}

Outcome search(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto filter, filter_of(arguments));
    SIGNET_ASSIGN(const auto limit, arguments.number("--limit", 100, 1, 100'000));
    SIGNET_ASSIGN(auto after, arguments.number("--after", 0, 0, UINT64_MAX));
    SIGNET_ASSIGN(auto db, open_database(context));
    std::vector<sqlite::ChainedRecord> found;
    bool more = true;
    while (more && found.size() < limit) {
        SIGNET_ASSIGN(auto page, sqlite::audit_log::search(
                                     db, filter, after, std::min<std::size_t>(kPage, limit - found.size())));
        std::ranges::move(page.records, std::back_inserter(found));
        after = page.next_after;
        more = page.more;
    }
    print(context, found);
    if (more) context.out().note("there may be more: --after " + std::to_string(after));
    return ExitCode::ok;
}

// Verifies the whole chain, so that the report can say whether it may be believed.
Result<sqlite::AuditReport> verify(Context& context, sqlite::Connection& db, ReportHead& head) {
    AuditKeys keys;
    SIGNET_TRY(keys.add_registered(db));
    sqlite::AuditVerifyOptions options;
    if (!keys.empty())
        options.check_signature = [&](const sqlite::Checkpoint& one) { return keys.check(one); };
    SIGNET_ASSIGN(const auto* config, context.config());
    const auto token = TokenClient::create({.socket = config->token.socket});
    if (const auto anchor = token->read_anchor(Deadline::in(std::chrono::seconds(10))); anchor && *anchor)
        options.anchor = sqlite::ChainHead{(*anchor)->sequence, (*anchor)->head};
    const auto last = sqlite::audit_log::head(db);
    auto verified = [&] {
        Progress progress(context.out(), "verifying", last ? last->sequence : 0);
        options.progress = [&](std::uint64_t sequence) {
            progress.at(sequence);
            return true;
        };
        return sqlite::verify_database(db, options);
    }();
    SIGNET_ASSIGN(auto report, std::move(verified));
    head.whole = report.ok();
    head.chain_head = std::to_string(report.head.sequence) + ":" + to_hex(report.head.hash);
    head.verification =
        report.ok()
            ? "The chain is whole: " + std::to_string(report.records) + " records, signed up to record " +
                  std::to_string(report.last_checkpoint) +
                  (options.anchor ? ", compared with the token's anchor."
                                  : "; the token did not answer, so a missing end would not be noticed.")
            : "The chain is NOT whole: " + report.findings.front().message;
    return report;
}

Outcome report(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(auto filter, filter_of(arguments));
    ReportHead head;
    head.made = SystemClock().now();
    head.appliance = context.options().config.string();
    head.to = filter.to.value_or(head.made);
    head.from = filter.from.value_or(head.to - std::chrono::days(30));
    if (head.from >= head.to) return fail(ErrorCode::invalid_argument, "--from must be before --to");
    filter.from = head.from;
    filter.to = head.to;
    SIGNET_ASSIGN(auto db, open_database(context));
    SIGNET_ASSIGN(const auto verified, verify(context, db, head));
    AuditSummariser summariser;
    std::uint64_t after = 0;
    for (bool more = true; more;) {
        SIGNET_ASSIGN(const auto page, sqlite::audit_log::search(db, filter, after, kPage));
        for (const auto& record : page.records)
            summariser.add(record);
        after = page.next_after;
        more = page.more;
    }
    const auto summary = summariser.take();
    SIGNET_TRY(write_file_atomic(arguments.text("FILE"), as_bytes(render_html(summary, head)), 0600));
    context.out().line(arguments.text("FILE") + ": " + std::to_string(summary.records) + " records, " +
                       std::to_string(summary.refusals_count) + " refusals, " +
                       std::to_string(summary.approvals_count) + " about approvals, " +
                       std::to_string(summary.gaps.size()) + " gaps");
    if (!verified.ok()) context.out().line(head.verification);
    context.out().document(json::object{{"file", arguments.text("FILE")},
                                        {"whole", head.whole},
                                        {"records", summary.records},
                                        {"refusals", summary.refusals_count},
                                        {"approvals", summary.approvals_count},
                                        {"changes", summary.changes_count},
                                        {"gaps", summary.gaps.size()}});
    return verified.ok() ? ExitCode::ok : ExitCode::unsound;
}

}  // namespace

std::vector<Command> audit_people_commands() {
    const Option principal{"--principal", "NAME", "who asked"};
    const Option action{"--action", "NAME", "what: keys.sign, or keys.* for all of a group"};
    const Option object{"--object", "NAME", "on what: document.ec/1, or document.* for all that begin so"};
    const Option from{"--from", "TIME", "not before: a day or a time"};
    const Option to{"--to", "TIME", "before: a day or a time"};
    return {
        {"audit",
         "tail",
         "the newest records",
         {},
         {{"--lines", "N", "how many (default 20)", Value::number},
          {"--follow", "", "go on with each new one, until interrupted"}},
         tail},
        {"audit",
         "search",
         "records by who, what, which key and when",
         {},
         {principal,
          action,
          object,
          {"--outcome",
           "NAME",
           "ok, refused, failed or intent",
           Value::text,
           false,
           false,
           {"ok", "refused", "failed", "intent"}},
          {"--request", "ID", "the request id of an answer"},
          from,
          to,
          {"--limit", "N", "at most so many (default 100)", Value::number},
          {"--after", "N", "only records after this one", Value::number}},
         search},
        {"audit",
         "report",
         "write a period as an HTML page: who did what with which key, refusals, approvals, gaps; exit code "
         "8 when "
         "the chain is not whole",
         {{"FILE", Value::file, "the page"}},
         {{"--from", "TIME", "from this day or time on (default: 30 days before the end)"},
          {"--to", "TIME", "up to this day or time (default: now)"},
          principal},
         report},
    };
}

}  // namespace signet::ctl
