#include <unistd.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdio>

#include "base/encoding.h"
#include "base/file.h"
#include "daemon/ctl/context.h"
#include "daemon/ctl/files.h"
#include "daemon/ctl/person_key.h"
#include "daemon/service/operation.h"
#include "hsm/pki/public_key.h"

namespace signet::ctl {
namespace {

namespace json = boost::json;
using service::Verdict;

constexpr std::size_t kShortDigest = 12;  // hex digits that a person repeats

// What is to be decided, as the daemon shows it, and its digest as we compute it.
struct Shown {
    json::value document;
    std::string body;
    bool body_known = false;
    Sha256 digest{};
};

const json::array& list_in(const json::value& answer, std::string_view member) {
    static const json::array empty;
    const auto* object = answer.if_object();
    const auto* value = object == nullptr ? nullptr : object->if_contains(member);
    return value != nullptr && value->is_array() ? value->get_array() : empty;
}

// The digest is computed here from everything that is shown, so that what is signed is what was seen.
Result<Shown> look(Context& context, const std::string& id) {
    Shown shown;
    SIGNET_ASSIGN(shown.document, context.get("/v1/approvals/" + path_segment(id)));
    const auto* const operation = shown.document.as_object().if_contains("operation");
    if (operation == nullptr) return fail(ErrorCode::internal, "the daemon does not show what is asked for");
    std::vector<std::string> texts;
    for (const auto& text : list_in(*operation, "parameters"))
        texts.emplace_back(text.is_string() ? std::string(text.get_string().c_str()) : std::string());
    const auto verb = text_of(*operation, "verb");
    const auto route = text_of(*operation, "route");
    const auto query = text_of(*operation, "query");
    const auto requester = text_of(shown.document, "requester");
    service::Operation computed;
    computed.verb = verb;
    computed.route = route;
    for (std::size_t i = 0; i + 1 < texts.size(); i += 2)
        computed.parameters.emplace_back(texts[i], texts[i + 1]);
    computed.query = query;
    computed.principal = requester;
    const auto told = from_hex(text_of(shown.document, "digest")).value_or(Bytes{});
    if (told.size() != shown.digest.size()) return fail(ErrorCode::internal, "the daemon shows no digest");
    std::ranges::copy(told, shown.digest.begin());
    if (operation->as_object().contains("body")) {
        shown.body = as_text(from_base64(text_of(*operation, "body")).value_or(Bytes{}));
        shown.body_known = true;
        computed.body = shown.body;
        if (service::operation_digest(computed) != shown.digest)
            return fail(ErrorCode::failed_precondition,
                        "what the daemon shows is not what its digest covers; do not approve it");
    }
    return shown;
}

void print(Context& context, const Shown& shown) {
    auto& out = context.out();
    const auto& document = shown.document;
    const auto* const operation = document.as_object().if_contains("operation");
    std::string decisions;
    for (const auto& decision : list_in(document, "decisions"))
        decisions += (decisions.empty() ? "" : ", ") + text_of(decision, "principal") + " (" +
                     text_of(decision, "verdict") + ")";
    out.fields(
        {{"approval", text_of(document, "id")},
         {"state", text_of(document, "state")},
         {"asked by", text_of(document, "requester")},
         {"permission", text_of(document, "permission")},
         {"on", text_of(document, "resource")},
         {"request", text_of(*operation, "verb") + " " + text_of(*operation, "path") +
                         (text_of(*operation, "query").empty() ? "" : "?" + text_of(*operation, "query"))},
         {"body", shown.body_known ? shown.body : text_of(*operation, "body_size") + " bytes, not kept"},
         {"digest", to_hex(shown.digest)},
         {"needed", text_of(document, "needed")},
         {"decided", decisions},
         {"expires", text_of(document, "expires")}});
}

Outcome list(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto answer,
                  context.get("/v1/approvals?state=" + arguments.text("--state", "waiting")));
    std::vector<std::vector<std::string>> rows;
    for (const auto& one : list_in(answer, "approvals"))
        rows.push_back({text_of(one, "id"), text_of(one, "state"), text_of(one, "requester"),
                        text_of(one, "permission"), text_of(one, "resource"),
                        std::to_string(list_in(one, "decisions").size()) + "/" + text_of(one, "needed"),
                        text_of(one, "expires")});
    context.out().table({"ID", "STATE", "ASKED BY", "PERMISSION", "ON", "DECIDED", "EXPIRES"}, rows);
    context.out().document(answer);
    return ExitCode::ok;
}

Outcome show(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto shown, look(context, arguments.text("ID")));
    print(context, shown);
    context.out().document(shown.document);
    return ExitCode::ok;
}

// An officer's own confirmation: the beginning of the digest, typed or given; nothing skips it.
Status confirm(const Arguments& arguments, const Shown& shown) {
    const auto expected = to_hex(shown.digest).substr(0, kShortDigest);
    std::string given = arguments.text("--digest");
    if (given.empty()) {
        if (isatty(STDIN_FILENO) == 0)
            return fail(ErrorCode::invalid_argument,
                        "confirm what you decide about: --digest " + expected +
                            ", as `signetctl approvals show` tells it (or run this at a terminal)");
        std::fprintf(stderr, "type the first %zu digits of the digest to sign your decision: ", kShortDigest);
        for (int c = std::getchar(); c != EOF && c != '\n' && given.size() < 128; c = std::getchar())
            given += static_cast<char>(c);
    }
    if (given.size() < kShortDigest || !to_hex(shown.digest).starts_with(given))
        return fail(ErrorCode::failed_precondition,
                    "that is not the digest of this request; nothing was decided");
    return {};
}

Result<Bytes> signature_for(const Arguments& arguments, const std::string& id, Verdict verdict,
                            const Sha256& digest) {
    if (arguments.has("--key") + arguments.has("--agent") + arguments.has("--signature") != 1)
        return fail(ErrorCode::invalid_argument,
                    "sign your decision with one of --key FILE, --agent or --signature FILE");
    if (arguments.has("--signature")) {
        SIGNET_ASSIGN(const auto text, read_input(arguments.text("--signature"), 4096));
        return to_bytes(text);
    }
    SIGNET_ASSIGN(const auto key, arguments.has("--key") ? key_of_file(arguments.text("--key"))
                                                         : key_of_agent(arguments.text("--agent-key")));
    return key.sign(service::approval_message(id, verdict, digest));
}

Outcome decide(Context& context, const Arguments& arguments, Verdict verdict) {
    const auto id = arguments.text("ID");
    SIGNET_ASSIGN(const auto shown, look(context, id));
    print(context, shown);
    SIGNET_TRY(confirm(arguments, shown));
    SIGNET_ASSIGN(const auto signature, signature_for(arguments, id, verdict, shown.digest));
    json::object body{{"signature", to_base64(signature)}};
    if (arguments.has("--reason")) body["reason"] = arguments.text("--reason");
    SIGNET_ASSIGN(
        const auto answer,
        context.post("/v1/approvals/" + path_segment(id) + "/" + std::string(to_string(verdict)), body));
    const auto count = list_in(answer, "decisions").size();
    if (verdict == Verdict::reject)
        context.out().line("rejected " + id);
    else
        context.out().line("approved " + id + ": " + std::to_string(count) + " of " +
                           text_of(answer, "needed"));
    context.out().document(answer);
    return ExitCode::ok;
}

Outcome approve(Context& context, const Arguments& arguments) {
    return decide(context, arguments, Verdict::approve);
}

Outcome reject(Context& context, const Arguments& arguments) {
    return decide(context, arguments, Verdict::reject);
}

// For keys that only a program of their own can use: a card, another HSM.
Outcome message(Context& context, const Arguments& arguments) {
    const auto id = arguments.text("ID");
    SIGNET_ASSIGN(const auto shown, look(context, id));
    print(context, shown);
    const auto verdict = arguments.has("--reject") ? Verdict::reject : Verdict::approve;
    SIGNET_TRY(write_file_atomic(arguments.text("FILE"), service::approval_message(id, verdict, shown.digest),
                                 0600));
    context.out().line("sign it, for example: openssl dgst -sha256 -sign KEY -out SIGNATURE " +
                       arguments.text("FILE"));
    context.out().line("then: signetctl approvals " + std::string(to_string(verdict)) + " " + id +
                       " --signature SIGNATURE");
    context.out().document(json::object{{"file", arguments.text("FILE")}, {"digest", to_hex(shown.digest)}});
    return ExitCode::ok;
}

Outcome key(Context& context, const Arguments& arguments) {
    Bytes spki;
    if (arguments.has("--agent")) {
        SIGNET_ASSIGN(auto held, key_of_agent(arguments.text("--agent-key")));
        spki = std::move(held.spki);
    } else if (arguments.has("FILE")) {
        SIGNET_ASSIGN(const auto pem, read_input(arguments.text("FILE"), std::size_t{64} << 10));
        SIGNET_ASSIGN(const auto public_key, pki::PublicKey::from_pem(pem));
        spki = public_key.spki();
    } else {
        return fail(ErrorCode::invalid_argument, "name the file of a public key, PEM, or --agent");
    }
    const auto line = "spki:" + to_base64(spki);
    context.out().line("for the policy, under the person's principal:");
    context.out().line("  approval_keys: [\"" + line + "\"]");
    context.out().document(json::object{{"approval_key", line}, {"sha256", to_hex(sha256(spki))}});
    return ExitCode::ok;
}

}  // namespace

std::vector<Command> approval_commands() {
    const Positional id{"ID", Value::text, "the approval's id, as `signetctl approvals list` shows it"};
    const Option key_file{"--key", "FILE", "your approval key, PEM, readable by you alone", Value::file};
    const Option agent{"--agent", "", "your approval key is held by the ssh-agent"};
    const Option agent_key{"--agent-key", "NAME", "which of its keys: its comment, or its SHA-256"};
    const Option signature{"--signature", "FILE", "signed elsewhere: see `signetctl approvals message`",
                           Value::file};
    const Option digest{"--digest", "HEX",
                        "the digest you looked at, 12 digits or more; asked for at a terminal"};
    const Option reason{"--reason", "TEXT", "why, for the record"};
    return {
        {"approvals",
         "list",
         "requests that wait",
         {},
         {{"--state",
           "NAME",
           "waiting, used, rejected, expired or all",
           Value::text,
           false,
           false,
           {"waiting", "used", "rejected", "expired", "all"}}},
         list},
        {"approvals", "show", "one request, to the letter", {id}, {}, show},
        {"approvals",
         "approve",
         "sign that you approve a request, with a key that the policy names for you",
         {id},
         {key_file, agent, agent_key, signature, digest, reason},
         approve},
        {"approvals",
         "reject",
         "sign that a request must not be done",
         {id},
         {key_file, agent, agent_key, signature, digest, reason},
         reject},
        {"approvals",
         "message",
         "write what is to be signed into a file, for a key that another program uses",
         {id, {"FILE", Value::file, "a new file"}},
         {{"--reject", "", "to reject the request instead"}},
         message},
        {"approvals",
         "key",
         "show a public key as the policy takes it",
         {{"FILE", Value::file, "a public key, PEM", false}},
         {agent, agent_key},
         key},
    };
}

}  // namespace signet::ctl
