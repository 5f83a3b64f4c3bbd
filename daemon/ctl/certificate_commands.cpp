#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/encoding.h"
#include "base/file.h"
#include "base/random.h"
#include "daemon/ctl/context.h"
#include "daemon/ctl/files.h"
#include "hsm/pki/certificate.h"
#include "hsm/pki/csr.h"
#include "hsm/pki/ocsp.h"

namespace signet::ctl {
namespace {

namespace json = boost::json;

std::string ca_path(const Arguments& arguments, const std::string& rest) {
    return "/v1/ca/" + path_segment(arguments.text("CA")) + rest;
}

json::array words(const std::vector<std::string>& list) {
    json::array array;
    for (const auto& word : list)
        array.emplace_back(word);
    return array;
}

std::string joined(const std::vector<std::string>& list) {
    std::string text;
    for (const auto& word : list)
        text += (text.empty() ? "" : ", ") + word;
    return text;
}

// Reads the request as the daemon would: syntax, key, proof of possession.
Outcome csr_show(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto input, read_input(arguments.text("FILE"), pki::kMaxCsrSize));
    SIGNET_ASSIGN(const auto csr, pki::parse_csr(input));
    std::vector<std::string> names;
    for (const auto& name : csr.extensions.alternative_names)
        names.push_back(to_string(name));
    const auto usages =
        csr.extensions.key_usage ? pki::to_strings(*csr.extensions.key_usage) : std::vector<std::string>{};
    context.out().fields({{"subject", csr.subject_text},
                          {"key", csr.public_key.name()},
                          {"key SHA-256", to_hex(csr.public_key.spki_sha256())},
                          {"proof of possession", "valid"},
                          {"asks for names", joined(names)},
                          {"asks for key usage", joined(usages)},
                          {"asks for extended usage", joined(csr.extensions.extended_key_usage)},
                          {"asks to be an authority", csr.extensions.certificate_authority ? "yes" : ""},
                          {"other extensions", joined(csr.extensions.others)}});
    context.out().document(json::object{{"subject", csr.subject_text},
                                        {"key", csr.public_key.name()},
                                        {"key_sha256", to_hex(csr.public_key.spki_sha256())},
                                        {"alternative_names", words(names)},
                                        {"key_usage", words(usages)},
                                        {"extended_key_usage", words(csr.extensions.extended_key_usage)},
                                        {"certificate_authority", csr.extensions.certificate_authority},
                                        {"other_extensions", words(csr.extensions.others)}});
    return ExitCode::ok;
}

Outcome issue(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto csr, read_input(arguments.text("FILE"), pki::kMaxCsrSize));
    // Parsed here first: a malformed file is named by its line of work, and never sent.
    SIGNET_ASSIGN(const auto request, pki::parse_csr(csr));
    json::object body{{"csr", to_base64(request.der)}, {"profile", arguments.text("--profile", "device")}};
    if (arguments.has("--validity")) body["validity"] = arguments.text("--validity");
    const auto idempotency =
        arguments.has("--idempotency-key") ? arguments.text("--idempotency-key") : random_uuid();
    SIGNET_ASSIGN(const auto answer,
                  context.post(ca_path(arguments, "/certificates"), body, Surface::api, idempotency));
    std::string pem = text_of(answer, "certificate");
    context.out().note("issued " + text_of(answer, "serial") + " for " + request.subject_text +
                       ", valid until " + text_of(answer, "not_after"));
    if (arguments.has("--chain")) {
        if (const auto* chain = answer.as_object().if_contains("chain");
            chain != nullptr && chain->is_array()) {
            for (const auto& one : chain->get_array()) {
                if (one.is_string()) pem += std::string_view(one.get_string());
            }
        }
    }
    if (arguments.has("--out")) {
        SIGNET_TRY(write_file_atomic(arguments.text("--out"), as_bytes(pem), 0644));
    } else if (!context.out().json()) {
        context.out().raw(pem);
    }
    context.out().document(answer);
    return ExitCode::ok;
}

Outcome show(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto answer,
                  context.get(ca_path(arguments, "/certificates/" + path_segment(arguments.text("SERIAL")))));
    const auto pem = text_of(answer, "certificate");
    if (const auto certificate = pki::Certificate::parse(pem); certificate) {
        context.out().fields({{"serial", certificate->serial()},
                              {"subject", certificate->subject_text()},
                              {"issuer", certificate->issuer_text()},
                              {"valid from", to_rfc3339(certificate->not_before())},
                              {"valid until", to_rfc3339(certificate->not_after())},
                              {"key", certificate->public_key().name()},
                              {"SHA-256", to_hex(certificate->fingerprint())},
                              {"state", text_of(answer, "state")},
                              {"revoked at", text_of(answer, "revoked_at")},
                              {"reason", text_of(answer, "reason")}});
        context.out().line("");
    }
    if (!context.out().json()) context.out().raw(pem);
    context.out().document(answer);
    return ExitCode::ok;
}

Outcome revoke(Context& context, const Arguments& arguments) {
    const json::object body{{"reason", arguments.text("--reason", "unspecified")}};
    SIGNET_ASSIGN(const auto answer,
                  context.post(ca_path(arguments,
                                       "/certificates/" + path_segment(arguments.text("SERIAL")) + "/revoke"),
                               body, Surface::api, random_uuid()));
    context.out().line("revoked " + arguments.text("SERIAL") + "; the next CRL carries it");
    context.out().document(answer);
    return ExitCode::ok;
}

// Binary answers: into --out, or described.
Outcome deliver(Context& context, const Arguments& arguments, const std::string& content,
                std::string_view what) {
    if (!arguments.has("--out")) {
        if (context.out().json())
            context.out().document(json::object{{what, to_base64(as_bytes(content))}});
        else
            context.out().raw(content);
        return ExitCode::ok;
    }
    SIGNET_TRY(write_file_atomic(arguments.text("--out"), as_bytes(content), 0644));
    context.out().note("wrote " + std::to_string(content.size()) + " bytes to " + arguments.text("--out"));
    context.out().document(json::object{{"file", arguments.text("--out")}, {"bytes", content.size()}});
    return ExitCode::ok;
}

Outcome crl(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto answer, context.send(Surface::api, http::Verb::get, ca_path(arguments, "/crl")));
    return deliver(context, arguments, answer.body, "crl");
}

Outcome publish(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto answer,
                  context.post(ca_path(arguments, "/crl"), json::object{}, Surface::admin));
    context.out().line("issued CRL " + text_of(answer, "number") + ", the next one by " +
                       text_of(answer, "next_update"));
    context.out().document(answer);
    return ExitCode::ok;
}

Outcome ocsp(Context& context, const Arguments& arguments) {
    std::string request;
    if (arguments.has("--request")) {
        SIGNET_ASSIGN(request, read_input(arguments.text("--request"), pki::kMaxOcspRequestSize));
    } else {
        if (!arguments.has("--certificate") || !arguments.has("--issuer"))
            return fail(ErrorCode::invalid_argument,
                        "give --certificate and --issuer, or --request with a DER request");
        SIGNET_ASSIGN(const auto certificate_text, read_input(arguments.text("--certificate"), 65536));
        SIGNET_ASSIGN(const auto issuer_text, read_input(arguments.text("--issuer"), 65536));
        SIGNET_ASSIGN(const auto certificate, pki::Certificate::parse(certificate_text));
        SIGNET_ASSIGN(const auto issuer, pki::Certificate::parse(issuer_text));
        SIGNET_ASSIGN(const auto der, pki::make_ocsp_request(certificate, issuer, std::nullopt));
        request = std::string(as_text(der));
    }
    SIGNET_ASSIGN(const auto answer, context.send(Surface::api, http::Verb::post, ca_path(arguments, "/ocsp"),
                                                  request, "application/ocsp-request"));
    return deliver(context, arguments, answer.body, "ocsp");
}

// For an authority elsewhere: the daemon signs with the key, which stays where it is.
Outcome csr_create(Context& context, const Arguments& arguments) {
    json::array names;
    for (const auto& [option, kind] :
         {std::pair{"--dns", "dns:"}, {"--ip", "ip:"}, {"--uri", "uri:"}, {"--email", "email:"}})
        for (const auto& name : arguments.all(option))
            names.emplace_back(kind + name);
    json::object body{{"subject", arguments.text("--subject")}, {"names", std::move(names)}};
    if (arguments.has("--key-version")) {
        SIGNET_ASSIGN(body["version"], arguments.number("--key-version", 1, 1, 1'000'000));
    }
    SIGNET_ASSIGN(const auto answer, context.post("/v1/keys/" + path_segment(arguments.text("KEY")) + "/csr",
                                                  body, ctl::Surface::admin));
    return deliver(context, arguments, text_of(answer, "csr"), "csr");
}

}  // namespace

std::vector<Command> certificate_commands() {
    const Positional ca{"CA", Value::key, "label of the authority's key, as under `ca` in signetd.yaml"};
    const Positional csr{"FILE", Value::file, "the request: PEM, DER or base64 of DER; - for standard input"};
    const Positional serial{"SERIAL", Value::text, "serial number, hexadecimal"};
    const Option out{"--out", "FILE", "write it here instead of standard output", Value::file};
    return {
        {"csr",
         "create",
         "a request for one of the appliance's keys, to have it certified elsewhere",
         {{"KEY", Value::key, "label of a key for tls, certify or sign"}},
         {{"--subject", "NAME", "such as CN=sign.example,O=Example (RFC 4514)", Value::text, true},
          {"--dns", "NAME", "an alternative name", Value::text, false, true},
          {"--ip", "ADDRESS", "an alternative name", Value::text, false, true},
          {"--uri", "URI", "an alternative name", Value::text, false, true},
          {"--email", "ADDRESS", "an alternative name", Value::text, false, true},
          {"--key-version", "N", "of the key (default: the newest)", Value::number},
          out},
         csr_create},
        {"csr", "show", "show what a certificate request asks for", {csr}, {}, csr_show},
        {"csr", "check", "check syntax, key and proof of possession of a request", {csr}, {}, csr_show},
        {"cert",
         "issue",
         "issue a certificate for a request",
         {ca, csr},
         {{"--profile", "NAME", "profile of the authority (default device)"},
          {"--validity", "TIME", "shorter than the profile's: 90d, 12h"},
          {"--idempotency-key", "KEY", "the same key and request give the same certificate again"},
          {"--chain", "", "append the issuing certificates"},
          out},
         issue},
        {"cert", "show", "a certificate that was issued, and whether it is revoked", {ca, serial}, {}, show},
        {"cert",
         "revoke",
         "revoke a certificate",
         {ca, serial},
         {{"--reason",
           "NAME",
           "reason of RFC 5280 section 5.3.1 (default unspecified)",
           Value::text,
           false,
           false,
           {"unspecified", "keyCompromise", "cACompromise", "affiliationChanged", "superseded",
            "cessationOfOperation", "certificateHold", "removeFromCRL", "privilegeWithdrawn",
            "aACompromise"}}},
         revoke},
        {"cert", "crl", "the authority's current revocation list, DER", {ca}, {out}, crl},
        {"cert", "publish", "issue a revocation list now, and write its file", {ca}, {}, publish},
        {"cert",
         "ocsp",
         "ask the authority's OCSP responder; the answer is DER",
         {ca},
         {{"--certificate", "FILE", "whose status to ask for", Value::file},
          {"--issuer", "FILE", "the certificate of its issuer", Value::file},
          {"--request", "FILE", "a DER request instead", Value::file},
          out},
         ocsp},
    };
}

}  // namespace signet::ctl
