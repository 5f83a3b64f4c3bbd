#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <optional>

#include "base/clock.h"
#include "base/file.h"
#include "base/random.h"
#include "daemon/ctl/context.h"
#include "daemon/ctl/files.h"
#include "daemon/ctl/progress.h"
#include "daemon/service/attestation.h"
#include "hsm/pki/public_key.h"

namespace signet::ctl {
namespace {

namespace json = boost::json;

std::string key_path(const Arguments& arguments, std::string_view operation = {}) {
    return "/v1/keys/" + path_segment(arguments.text("KEY")) + std::string(operation);
}

const json::array& list_in(const json::value& answer, std::string_view member) {
    static const json::array empty;
    const auto* object = answer.if_object();
    const auto* value = object == nullptr ? nullptr : object->if_contains(member);
    return value != nullptr && value->is_array() ? value->get_array() : empty;
}

Outcome list(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto answer, context.get("/v1/keys"));
    const auto& keys = list_in(answer, "keys");
    if (arguments.has("--labels")) {
        for (const auto& key : keys)
            context.out().line(text_of(key, "label"));
    } else {
        std::vector<std::vector<std::string>> rows;
        for (const auto& key : keys)
            rows.push_back({text_of(key, "label"), text_of(key, "version"), text_of(key, "algorithm"),
                            join_of(key, "usages"), text_of(key, "state")});
        context.out().table({"LABEL", "VERSION", "ALGORITHM", "USAGES", "STATE"}, rows);
    }
    context.out().document(answer);
    return ExitCode::ok;
}

// "SENSITIVE ALWAYS_SENSITIVE NEVER_EXTRACTABLE LOCAL": those that the token says are true.
std::string attributes_of(const json::value& version) {
    const auto* const attributes = version.as_object().if_contains("attributes");
    std::string out;
    if (attributes == nullptr || !attributes->is_object()) return out;
    for (const auto& [name, value] : attributes->get_object())
        if (value.is_bool() && value.get_bool())
            out += (out.empty() ? "" : " ") + std::string(name).substr(4);
    return out;
}

void print_key(Context& context, const json::value& key) {
    context.out().fields({{"label", text_of(key, "label")},
                          {"version", text_of(key, "version")},
                          {"algorithm", text_of(key, "algorithm")},
                          {"usages", join_of(key, "usages")},
                          {"state", text_of(key, "state")}});
    const auto& versions = list_in(key, "versions");
    if (!versions.empty()) {
        std::vector<std::vector<std::string>> rows;
        for (const auto& version : versions)
            rows.push_back({text_of(version, "version"), text_of(version, "state"),
                            text_of(version, "algorithm"), text_of(version, "uses"),
                            text_of(version, "created"), text_of(version, "created_by"),
                            text_of(version, "not_after"), attributes_of(version)});
        context.out().line("");
        context.out().table(
            {"VERSION", "STATE", "ALGORITHM", "USES", "CREATED", "BY", "NOT AFTER", "ATTRIBUTES (TOKEN)"},
            rows);
    }
}

Outcome show(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto key, context.get(key_path(arguments)));
    if (arguments.has("--public-key")) {
        const auto pem = text_of(key, "public_key");
        if (pem.empty())
            return fail(ErrorCode::unprocessable,
                        "'" + arguments.text("KEY") + "' is a secret key: it has no public part");
        context.out().raw(pem);
        return ExitCode::ok;
    }
    print_key(context, key);
    if (const auto pem = text_of(key, "public_key"); !pem.empty() && !context.out().json()) {
        context.out().line("");
        context.out().raw(pem);
    }
    context.out().document(key);
    return ExitCode::ok;
}

// Each change of a key carries an idempotency key of its own, so that a lost answer cannot make a second key.
Outcome change(Context& context, const std::string& target, const json::object& body, std::string_view done) {
    std::optional<Progress> progress(std::in_place, context.out(), "waiting for the token");
    SIGNET_ASSIGN(const auto answer, context.post(target, body, Surface::admin, random_uuid()));
    progress.reset();
    context.out().line(std::string(done) + ": " + text_of(answer, "label") + "/" +
                       text_of(answer, "version") + " (" + text_of(answer, "state") + ")");
    context.out().document(answer);
    return ExitCode::ok;
}

json::array words(const std::vector<std::string>& list) {
    json::array array;
    for (const auto& word : list)
        array.emplace_back(word);
    return array;
}

Outcome create(Context& context, const Arguments& arguments) {
    json::object body{{"label", arguments.text("KEY")},
                      {"algorithm", arguments.text("--algorithm")},
                      {"usages", words(arguments.all("--usage"))}};
    if (arguments.has("--extractable")) body["extractable"] = true;
    if (arguments.has("--pending")) body["activate"] = false;
    if (arguments.has("--not-after")) body["not_after"] = arguments.text("--not-after");
    return change(context, "/v1/keys", body, "created");
}

Outcome rotate(Context& context, const Arguments& arguments) {
    return change(context, key_path(arguments, "/rotate"), {}, "rotated");
}

Outcome on_version(Context& context, const Arguments& arguments, std::string_view operation,
                   std::string_view done) {
    json::object body;
    SIGNET_ASSIGN(const auto version, arguments.number("--key-version", 0, 1, 1'000'000));
    if (version != 0) body["version"] = version;
    return change(context, key_path(arguments, operation), body, done);
}

Outcome activate(Context& context, const Arguments& arguments) {
    return on_version(context, arguments, "/activate", "activated");
}

Outcome disable(Context& context, const Arguments& arguments) {
    return on_version(context, arguments, "/disable", "disabled");
}

Outcome retire(Context& context, const Arguments& arguments) {
    return on_version(context, arguments, "/retire", "retired");
}

Outcome destroy(Context& context, const Arguments& arguments) {
    const auto confirmed = arguments.text("--confirm");
    const auto expected = arguments.text("KEY") + "/" + arguments.text("--key-version");
    if (confirmed != expected)
        return fail(
            ErrorCode::invalid_argument,
            "what is destroyed is gone for good: repeat the key and its version: --confirm " + expected);
    return on_version(context, arguments, "/destroy", "destroyed");
}

Outcome attest(Context& context, const Arguments& arguments) {
    json::object body;
    SIGNET_ASSIGN(const auto version, arguments.number("--key-version", 0, 1, 1'000'000));
    if (version != 0) body["version"] = version;
    SIGNET_ASSIGN(const auto answer, context.send(Surface::api, http::Verb::post,
                                                  key_path(arguments, "/attest"), json::serialize(body)));
    if (!arguments.has("--out")) {
        context.out().raw(answer.body);
        return ExitCode::ok;
    }
    SIGNET_TRY(write_file_atomic(arguments.text("--out"), as_bytes(answer.body), 0644));
    context.out().line("signed statement in " + arguments.text("--out") +
                       "; check it anywhere: signetctl keys verify-attestation " + arguments.text("--out") +
                       " --key AUDIT-PUBLIC-KEY.pem");
    context.out().document(json::object{{"file", arguments.text("--out")}});
    return ExitCode::ok;
}

Outcome verify_attestation(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto text, read_input(arguments.text("FILE"), std::size_t{256} << 10));
    SIGNET_ASSIGN(const auto pem, read_file(arguments.text("--key"), std::size_t{64} << 10));
    SIGNET_ASSIGN(const auto key, pki::PublicKey::from_pem(pem));
    const auto verified = service::verify_attestation(text, key);
    if (!verified && verified.error().code == ErrorCode::unprocessable) {
        context.out().line("NOT genuine: " + verified.error().message);
        context.out().document(json::object{{"genuine", false}, {"why", verified.error().message}});
        return ExitCode::unsound;
    }
    SIGNET_TRY(verified);
    boost::system::error_code malformed;
    const auto statement = json::parse(verified->statement, malformed);
    if (malformed) return fail(ErrorCode::unprocessable, "the statement is no JSON");
    std::vector<std::pair<std::string, std::string>> fields;
    for (const auto& [name, value] : statement.as_object())
        fields.emplace_back(
            name, value.is_string() ? std::string(value.get_string().c_str()) : json::serialize(value));
    fields.emplace_back("signed", to_rfc3339(verified->time) + " by " + verified->audit_key);
    context.out().fields(fields);
    context.out().line("genuine");
    context.out().document(json::object{{"genuine", true},
                                        {"time", to_rfc3339(verified->time)},
                                        {"audit_key", verified->audit_key},
                                        {"statement", statement}});
    return ExitCode::ok;
}

Outcome import_certificate(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto certificate, read_input(arguments.text("FILE"), std::size_t{48} << 10));
    return change(context, key_path(arguments, "/certificate"), {{"certificate", certificate}},
                  "imported the certificate of");
}

}  // namespace

std::vector<Command> key_commands() {
    const Positional key{"KEY", Value::key, "label of the key"};
    const Option version{"--key-version", "N", "which version (default: the newest)", Value::number};
    return {
        {"keys", "list", "list the keys", {}, {{"--labels", "", "only the labels, one a line"}}, list},
        {"keys",
         "show",
         "one key, its versions and its public part",
         {key},
         {{"--public-key", "", "only the public key, as PEM"}},
         show},
        {"keys",
         "create",
         "make a key in the token",
         {{"KEY", Value::text, "its label: lower-case words joined by dots"}},
         {{"--algorithm",
           "NAME",
           "rsa-2048, rsa-3072, rsa-4096, ec-p256, ec-p384, ed25519, aes-256, hmac-256, hmac-384 or hmac-512",
           Value::text,
           true,
           false,
           {"rsa-2048", "rsa-3072", "rsa-4096", "ec-p256", "ec-p384", "ed25519", "aes-256", "hmac-256",
            "hmac-384", "hmac-512"}},
          {"--usage",
           "NAME",
           "sign, certify, tls, audit, decrypt, mac, wrap, seal, bind or unwrap; may be given more than once",
           Value::text,
           true,
           true,
           {"sign", "certify", "tls", "audit", "decrypt", "mac", "wrap", "seal", "bind", "unwrap"}},
          {"--extractable", "", "may be wrapped for a backup"},
          {"--pending", "", "do not use it before `signetctl keys activate`"},
          {"--not-after", "TIME", "makes nothing new from then on: 2030-01-31T00:00:00Z"}},
         create},
        {"keys", "rotate", "make the next version of a key; it becomes the active one", {key}, {}, rotate},
        {"keys", "activate", "make a version the one that signs", {key}, {version}, activate},
        {"keys",
         "attest",
         "have a signed statement made of what the token holds: a key's attributes, or that it is gone",
         {key},
         {version, {"--out", "FILE", "write it there", Value::file}},
         attest},
        {"keys",
         "verify-attestation",
         "check such a statement, offline; exit code 8 when it is not genuine",
         {{"FILE", Value::file, "the statement; - for standard input"}},
         {{"--key", "FILE", "public key of the audit key, PEM", Value::file, true}},
         verify_attestation},
        {"keys",
         "import-certificate",
         "put a certificate for a key into the token; CMS signatures carry it",
         {key, {"FILE", Value::file, "the certificate, PEM; - for standard input"}},
         {},
         import_certificate},
        {"keys",
         "disable",
         "refuse a version for everything; it may be activated again",
         {key},
         {version},
         disable},
        {"keys",
         "retire",
         "let a version check and decrypt what exists, and make nothing new",
         {key},
         {version},
         retire},
        {"keys",
         "destroy",
         "destroy a version in the token, for good",
         {key},
         {{"--key-version", "N", "which version", Value::number, true},
          {"--confirm", "LABEL/N", "the key and version once more", Value::text, true}},
         destroy},
    };
}

}  // namespace signet::ctl
