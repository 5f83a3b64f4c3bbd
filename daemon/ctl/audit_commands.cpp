#include <charconv>
#include <cstring>
#include <fstream>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/encoding.h"
#include "daemon/ctl/audit_keys.h"
#include "daemon/ctl/context.h"
#include "daemon/ctl/progress.h"
#include "hsm/client/token_client.h"
#include "sqlite/audit_export.h"
#include "sqlite/audit_verify.h"
#include "sqlite/connection.h"

namespace signet::ctl {
namespace {

namespace json = boost::json;

Result<sqlite::Connection> open_database(Context& context) {
    SIGNET_ASSIGN(const auto* config, context.config());
    return sqlite::Connection::open(config->database, sqlite::Connection::Mode::read_only);
}

// "SEQUENCE:HASH", or "token" for the data object that the token keeps.
Result<sqlite::ChainHead> anchor_from(Context& context, const std::string& text) {
    sqlite::ChainHead head;
    if (text == "token") {
        SIGNET_ASSIGN(const auto* config, context.config());
        const auto token = TokenClient::create({.socket = config->token.socket});
        SIGNET_ASSIGN(const auto anchor, token->read_anchor(Deadline::in(std::chrono::seconds(10))));
        if (!anchor)
            return fail(ErrorCode::not_found, "the token keeps no anchor yet: no checkpoint was signed");
        head.sequence = anchor->sequence;
        head.hash = anchor->head;
        return head;
    }
    const auto colon = text.find(':');
    const auto hash =
        colon == std::string::npos ? Bytes{} : from_hex(text.substr(colon + 1)).value_or(Bytes{});
    const auto* const end = text.data() + std::min(colon, text.size());
    const auto parsed = std::from_chars(text.data(), end, head.sequence);
    if (parsed.ec != std::errc{} || parsed.ptr != end || hash.size() != head.hash.size())
        return fail(ErrorCode::invalid_argument,
                    "--anchor takes SEQUENCE:HASH (64 hexadecimal digits), or the word token");
    std::ranges::copy(hash, head.hash.begin());
    return head;
}

json::object to_json(const sqlite::AuditReport& report) {
    json::array findings;
    for (const auto& finding : report.findings)
        findings.push_back(json::object{{"fault", std::string(to_string(finding.fault))},
                                        {"sequence", finding.sequence},
                                        {"message", finding.message}});
    return {{"ok", report.ok()},
            {"records", report.records},
            {"first", report.base.sequence + 1},
            {"head", json::object{{"sequence", report.head.sequence}, {"hash", to_hex(report.head.hash)}}},
            {"checkpoints", report.checkpoints},
            {"unverified_checkpoints", report.unverified_checkpoints},
            {"last_checkpoint", report.last_checkpoint},
            {"finding_count", report.finding_count},
            {"findings", std::move(findings)}};
}

void print_report(Context& context, const std::string& what, const sqlite::AuditReport& report) {
    auto& out = context.out();
    for (const auto& finding : report.findings)
        out.line(std::string(to_string(finding.fault)) + " at record " + std::to_string(finding.sequence) +
                 ": " + finding.message);
    if (report.finding_count > report.findings.size())
        out.line("and " + std::to_string(report.finding_count - report.findings.size()) + " more findings");
    out.fields({{"chain", what},
                {"records", std::to_string(report.records) + " (" + std::to_string(report.base.sequence + 1) +
                                " to " + std::to_string(report.head.sequence) + ")"},
                {"head", std::to_string(report.head.sequence) + ":" + to_hex(report.head.hash)},
                {"checkpoints", std::to_string(report.checkpoints) + " verified, the last one at record " +
                                    std::to_string(report.last_checkpoint)},
                {"not verified", report.unverified_checkpoints == 0
                                     ? ""
                                     : std::to_string(report.unverified_checkpoints) +
                                           " checkpoints: name the audit key's public key with --key"},
                {"result",
                 report.ok() ? "whole" : "NOT WHOLE: keep a copy of this file and ask who could write it"}});
}

// Where the records to verify begin, and how many there are; 0 when that cannot be told, which is no fault of theirs yet.
struct Extent {
    std::uint64_t base = 0;
    std::uint64_t records = 0;
};

Extent extent_of(sqlite::Connection& db) {
    const auto base = sqlite::audit_log::base(db);
    const auto head = sqlite::audit_log::head(db);
    return base && head ? Extent{base->sequence, head->sequence - base->sequence} : Extent{};
}

// By the first and the last line of an export.
Extent extent_of(const std::filesystem::path& file) {
    constexpr std::streamoff kTail = 4096;
    std::ifstream input(file, std::ios::binary);
    std::string first(kTail, '\0');
    input.getline(first.data(), kTail);
    first.resize(input ? std::strlen(first.c_str()) : 0);
    input.clear();
    input.seekg(0, std::ios::end);
    input.seekg(-std::min<std::streamoff>(kTail, input.tellg()), std::ios::end);
    std::string tail((std::istreambuf_iterator<char>(input)), {});
    if (tail.ends_with('\n')) tail.pop_back();
    sqlite::ExportLine line;
    Extent extent;
    if (!sqlite::parse_line(first, line) || !std::holds_alternative<sqlite::ExportStart>(line)) return {};
    extent.base = std::get<sqlite::ExportStart>(line).base.sequence;
    if (!sqlite::parse_line(tail.substr(tail.rfind('\n') + 1), line)) return {};
    if (const auto* const end = std::get_if<sqlite::ExportEnd>(&line)) extent.records = end->records;
    return extent;
}

Outcome verify(Context& context, const Arguments& arguments) {
    sqlite::AuditVerifyOptions options;
    AuditKeys keys;
    for (const auto& file : arguments.all("--key"))
        SIGNET_TRY(keys.add_file(file));
    const bool from_file = arguments.has("FILE");
    std::optional<sqlite::Connection> db;
    // An export can be verified anywhere; where the appliance's database is at hand, its registry knows the audit key.
    if (auto opened = open_database(context); opened) {
        db = std::move(*opened);
        if (keys.empty()) SIGNET_TRY(keys.add_registered(*db));
    } else if (!from_file) {
        return std::unexpected(opened.error());
    }
    if (!keys.empty())
        options.check_signature = [&](const sqlite::Checkpoint& one) { return keys.check(one); };

    std::string anchored;
    if (arguments.has("--anchor")) {
        SIGNET_ASSIGN(options.anchor, anchor_from(context, arguments.text("--anchor")));
        anchored = arguments.text("--anchor");
    } else if (!from_file) {
        // Without an anchor a missing end cannot be noticed, so the token's is used whenever it answers.
        if (auto anchor = anchor_from(context, "token"); anchor) {
            options.anchor = *anchor;
            anchored = "token";
        } else if (anchor.error().code != ErrorCode::not_found) {
            context.out().note("without an anchor, a missing end cannot be noticed: " +
                               anchor.error().message);
        }
    }
    const auto extent = from_file ? extent_of(std::filesystem::path(arguments.text("FILE"))) : extent_of(*db);
    auto verified = [&] {
        Progress progress(context.out(), "verifying", extent.records);
        options.progress = [&](std::uint64_t sequence) {
            progress.at(sequence > extent.base ? sequence - extent.base : 0);
            return true;
        };
        return from_file ? sqlite::verify_export(arguments.text("FILE"), options)
                         : sqlite::verify_database(*db, options);
    }();
    SIGNET_ASSIGN(const auto report, std::move(verified));
    print_report(context, from_file ? arguments.text("FILE") : db->path().string(), report);
    auto document = to_json(report);
    document["anchor"] = anchored;
    context.out().document(document);
    return report.ok() ? ExitCode::ok : ExitCode::unsound;
}

Outcome export_chain(Context& context, const Arguments& arguments) {
    sqlite::ExportOptions options;
    SIGNET_ASSIGN(options.after, arguments.number("--after", 0, 0, UINT64_MAX));
    if (arguments.has("--up-to")) {
        SIGNET_ASSIGN(options.up_to, arguments.number("--up-to", 0, 1, UINT64_MAX));
    }
    SIGNET_ASSIGN(auto db, open_database(context));
    const auto extent = extent_of(db);
    auto exported = [&] {
        Progress progress(context.out(), "exporting", extent.records);
        options.progress = [&](std::uint64_t sequence) {
            progress.at(sequence > extent.base ? sequence - extent.base : 0);
            return true;
        };
        return sqlite::export_audit(db, arguments.text("FILE"), options);
    }();
    SIGNET_ASSIGN(const auto report, std::move(exported));
    const auto head = std::to_string(report.head.sequence) + ":" + to_hex(report.head.hash);
    context.out().fields({{"file", arguments.text("FILE")},
                          {"records", std::to_string(report.records)},
                          {"head", head},
                          {"SHA-256", to_hex(report.digest)}});
    context.out().line("verify it anywhere: signetctl audit verify " + arguments.text("FILE") +
                       " --key AUDIT-PUBLIC-KEY.pem");
    context.out().document(json::object{{"file", arguments.text("FILE")},
                                        {"records", report.records},
                                        {"bytes", report.bytes},
                                        {"head", head},
                                        {"sha256", to_hex(report.digest)}});
    return ExitCode::ok;
}

Outcome checkpoint(Context& context, const Arguments&) {
    SIGNET_ASSIGN(const auto answer, context.post("/v1/audit/checkpoint", json::object{}, Surface::admin));
    context.out().line("signed a checkpoint at record " + text_of(answer, "sequence"));
    context.out().document(answer);
    return ExitCode::ok;
}

Outcome archive(Context& context, const Arguments& arguments) {
    json::object body;
    if (arguments.has("--before")) body["before"] = arguments.text("--before");
    SIGNET_ASSIGN(const auto answer, context.post("/v1/audit/archive", body, Surface::admin));
    const auto file = text_of(answer, "file");
    context.out().line(file.empty() ? "nothing is old enough to be archived"
                                    : "archived " + text_of(answer, "records") + " records into " + file);
    context.out().document(answer);
    return ExitCode::ok;
}

}  // namespace

std::vector<Command> audit_commands() {
    const Option key{"--key",     "FILE", "public key of the audit key, PEM; may be given more than once",
                     Value::file, false,  true};
    return {
        {"audit",
         "verify",
         "prove that the chain is whole: the database, or an export, offline; exit code 8 when it is not",
         {{"FILE", Value::file, "an export (default: the database)", false}},
         {key, {"--anchor", "HEAD", "a head known from elsewhere: SEQUENCE:HASH, or the word token"}},
         verify},
        {"audit",
         "export",
         "write the chain into a file of JSON lines",
         {{"FILE", Value::file, "a new file"}},
         {{"--after", "N", "only records after this one", Value::number},
          {"--up-to", "N", "only records up to this one", Value::number}},
         export_chain},
        {"audit", "checkpoint", "have the daemon sign a checkpoint now", {}, {}, checkpoint},
        {"audit",
         "archive",
         "have the daemon move old records into a verified file",
         {},
         {{"--before", "TIME", "older than this (default: by the configured retention)"}},
         archive},
    };
}

}  // namespace signet::ctl
