#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <filesystem>

#include "base/encoding.h"
#include "base/file.h"
#include "base/random.h"
#include "daemon/ctl/ceremony/check.h"
#include "daemon/ctl/ceremony/commands.h"
#include "daemon/ctl/ceremony/executor.h"
#include "daemon/ctl/ceremony/plan.h"
#include "daemon/ctl/ceremony/site.h"
#include "daemon/ctl/ceremony/transcript.h"
#include "daemon/ctl/context.h"

namespace signet::ctl {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;
using namespace ceremony;

void show_hash(Context& context, const Plan& plan) {
    context.out().line("");
    context.out().line("SHA-256 of " + plan.file.filename().string() + ":");
    context.out().line("  " + plan.hash_hex());
    context.out().line("read aloud:");
    const auto words = plan.hash_words();
    for (std::size_t at = 0; at < words.size();) {
        const auto end = std::min(words.find('\n', at), words.size());
        context.out().line("  " + words.substr(at, end - at));
        at = end + 1;
    }
    context.out().line("");
}

Result<Site> site_for(Context& context, const Arguments& arguments) {
    return arguments.has("--site") ? read_site(arguments.text("--site")) : site_of(context.options().config);
}

bool begun(const Site& site, const Plan& plan) {
    std::error_code ignored;
    return fs::exists(site.journal(plan), ignored);
}

void show_findings(Context& context, const std::vector<Finding>& findings) {
    for (const auto& finding : findings)
        context.out().line((finding.fault ? "FAULT  " : "ok     ") + finding.subject + ": " +
                           finding.message);
}

json::value to_json(const std::vector<Finding>& findings) {
    json::array out;
    for (const auto& finding : findings)
        out.push_back(json::object{
            {"fault", finding.fault}, {"subject", finding.subject}, {"message", finding.message}});
    return out;
}

Outcome check_file(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto plan, read_plan(arguments.text("FILE")));
    SIGNET_ASSIGN(const auto site, site_for(context, arguments));
    const auto findings = ceremony::check(plan, site, SystemClock(), begun(site, plan));
    show_findings(context, findings);
    show_hash(context, plan);
    const bool good = sound(findings);
    context.out().line(good ? "nothing stands in the way; nothing was changed"
                            : "the ceremony cannot begin like this; nothing was changed");
    context.out().document(json::object{{"ok", good},
                                        {"sha256", to_hex(plan.sha256)},
                                        {"words", plan.hash_words()},
                                        {"findings", to_json(findings)}});
    return good ? ExitCode::ok : ExitCode::unsound;
}

Outcome show(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto plan, read_plan(arguments.text("FILE")));
    auto& out = context.out();
    out.line(plan.title);
    show_hash(context, plan);
    std::vector<std::vector<std::string>> rows;
    for (const auto& one : plan.participants)
        rows.push_back({one.name, std::string(to_string(one.role))});
    out.table({"PARTICIPANT", "ROLE"}, rows);
    out.line("");
    out.line((plan.initialise ? "a new token " : "the token ") +
             (plan.token_serial.empty() ? "'" + plan.token_label + "'" : "with serial " + plan.token_serial));
    const auto sharing = [&](std::string_view what, const std::optional<Sharing>& shares) {
        if (shares)
            out.line(std::string(what) + ": " + std::to_string(shares->threshold) + " of " +
                     std::to_string(shares->custodians.size()) + " custodians");
    };
    sharing("PIN and SO PIN", plan.custody);
    sharing("backup key", plan.backup);
    rows.clear();
    for (const auto& key : plan.keys)
        rows.push_back({key.label, std::string(to_string(key.algorithm)), to_string(key.usages),
                        key.extractable ? "for backup" : "never leaves"});
    if (!rows.empty()) {
        out.line("");
        out.table({"KEY TO MAKE", "ALGORITHM", "USAGES", "EXTRACTABLE"}, rows);
    }
    rows.clear();
    for (const auto& certificate : plan.certificates)
        rows.push_back({certificate.name, std::string(to_string(certificate.kind)), certificate.profile,
                        certificate.issuer.empty() ? "itself" : certificate.issuer,
                        std::to_string(certificate.validity.count() / 86400) + " days", certificate.file});
    if (!rows.empty()) {
        out.line("");
        out.table({"CERTIFICATE", "KIND", "PROFILE", "ISSUER", "VALIDITY", "FILE"}, rows);
    }
    for (const auto& destruction : plan.destroy)
        out.line("\ndestroy " + to_string(destruction.key) + ": " + destruction.reason);
    out.document(json::object{{"title", plan.title},
                              {"sha256", to_hex(plan.sha256)},
                              {"words", plan.hash_words()},
                              {"text", plan.text}});
    return ExitCode::ok;
}

Outcome carry_out(Context& context, const Plan& plan, const Site& site, bool pauses) {
    SIGNET_ASSIGN(auto terminal, Terminal::open(context.out()));
    const SystemClock clock;
    const auto findings = ceremony::check(plan, site, clock, begun(site, plan));
    if (!sound(findings)) {
        show_findings(context, findings);
        return fail(ErrorCode::failed_precondition,
                    "the ceremony cannot begin like this; nothing was changed. signetctl ceremony check says "
                    "the same");
    }
    context.out().line(plan.title);
    show_hash(context, plan);
    Executor executor({plan, site, terminal, context.out(), clock, pauses});
    SIGNET_TRY(executor.run());
    auto page = executor.transcript();
    page.replace_extension(".html");
    context.out().line("");
    context.out().line("transcript:  " + executor.transcript().string());
    context.out().line("to print:    " + page.string());
    return ExitCode::ok;
}

Outcome run(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto plan, read_plan(arguments.text("FILE")));
    SIGNET_ASSIGN(const auto site, site_for(context, arguments));
    return carry_out(context, plan, site, !arguments.has("--yes"));
}

// The disposable appliance of a rehearsal, gone with this object.
class RehearsalPlace {
  public:
    explicit RehearsalPlace(fs::path path) : path_(std::move(path)) {}
    ~RehearsalPlace() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    RehearsalPlace(const RehearsalPlace&) = delete;
    RehearsalPlace& operator=(const RehearsalPlace&) = delete;

  private:
    fs::path path_;
};

Outcome rehearse(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto plan, read_plan(arguments.text("FILE")));
    std::error_code failure;
    const auto outputs =
        fs::absolute(arguments.text("--out", "rehearsal-" + to_hex(ByteView(plan.sha256).first(4))), failure);
    const auto directory = fs::temp_directory_path(failure) / ("signet-rehearsal-" + to_hex(random_bytes(6)));
    if (failure)
        return fail(ErrorCode::internal, "there is no directory for temporary files: " + failure.message());
    const RehearsalPlace disposable(directory);
    return carry_out(context, plan, rehearsal_site(directory, outputs), !arguments.has("--yes"));
}

Outcome verify(Context& context, const Arguments& arguments) {
    std::optional<pki::PublicKey> known;
    if (arguments.has("--key")) {
        SIGNET_ASSIGN(const auto pem, read_file(arguments.text("--key"), std::size_t{64} << 10));
        SIGNET_ASSIGN(known, pki::PublicKey::from_pem(pem));
    }
    auto verified = verify_transcript(arguments.text("FILE"), known);
    if (!verified && verified.error().code != ErrorCode::unprocessable)
        return std::unexpected(verified.error());
    std::string trouble = verified ? "" : verified.error().message;
    if (verified && arguments.has("--ceremony")) {
        SIGNET_ASSIGN(const auto text, read_file(arguments.text("--ceremony"), std::size_t{1} << 20));
        if (to_hex(sha256(as_bytes(text))) != verified->file_sha256)
            trouble = "the transcript is of another ceremony than " + arguments.text("--ceremony");
    }
    if (!trouble.empty()) {
        context.out().line("NOT GOOD: " + trouble);
        context.out().document(json::object{{"ok", false}, {"why", trouble}});
        return ExitCode::unsound;
    }
    auto& out = context.out();
    if (verified->rehearsal) out.line("REHEARSAL: nothing of this is real");
    out.fields({{"ceremony", verified->title},
                {"file SHA-256", verified->file_sha256},
                {"transcript SHA-256", verified->proof.sha256},
                {"words", verified->words},
                {"audit record", std::to_string(verified->proof.sequence)},
                {"signed", verified->proof.signed_at + " by " + verified->proof.key},
                {"audit key SHA-256", to_hex(verified->proof.public_key.spki_sha256())}});
    out.line(known ? "good: whole, in the audit chain, and signed by the audit key given"
                   : "whole and signed; that the key is the appliance's audit key is proved by --key only");
    out.document(json::object{{"ok", true},
                              {"rehearsal", verified->rehearsal},
                              {"title", verified->title},
                              {"file_sha256", verified->file_sha256},
                              {"sha256", verified->proof.sha256},
                              {"audit_record", verified->proof.sequence},
                              {"key", verified->proof.key},
                              {"key_known", known.has_value()}});
    return ExitCode::ok;
}

}  // namespace

std::vector<Command> ceremony_commands() {
    const Positional file{"FILE", Value::file, "the ceremony's file (YAML)"};
    const Option site{"--site", "FILE", "where it takes place (YAML); default: the appliance of --config",
                      Value::file};
    const Option yes{"--yes", "", "do not wait for Enter between steps; officers confirm all the same"};
    return {
        {"ceremony",
         "check",
         "find every fault before anything touches the token",
         {file},
         {site},
         check_file},
        {"ceremony",
         "rehearse",
         "run the very same file on a disposable SoftHSM",
         {file},
         {{"--out", "DIR", "where transcript and outputs go (default: rehearsal-HASH)", Value::directory},
          yes},
         rehearse},
        {"ceremony", "run", "carry it out, or go on where it was interrupted", {file}, {site, yes}, run},
        {"ceremony", "show", "what the file says, and its hash as words", {file}, {}, show},
        {"ceremony",
         "verify",
         "check a transcript, offline; exit code 8 when it is not good",
         {{"FILE", Value::file, "the transcript (JSON)"}},
         {{"--key", "FILE", "public key of the audit key, PEM", Value::file},
          {"--ceremony", "FILE", "the ceremony's file that it must be of", Value::file}},
         verify},
    };
}

}  // namespace signet::ctl
