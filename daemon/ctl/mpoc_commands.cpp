#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/clock.h"
#include "base/file.h"
#include "base/random.h"
#include "daemon/ctl/context.h"
#include "daemon/ctl/files.h"
#include "hsm/pki/csr.h"

namespace signet::ctl {
namespace {

namespace json = boost::json;
constexpr auto kAdmin = Surface::admin;

std::string customer_path(const Arguments& arguments, const std::string& rest = {}) {
    return "/v1/mpoc/customers/" + path_segment(arguments.text("CUSTOMER")) + rest;
}

std::string sdk_path(const Arguments& arguments, const std::string& rest = {}) {
    return "/v1/mpoc/sdks/" + path_segment(arguments.text("SDK")) + rest;
}

const json::array& list_of(const json::value& answer, std::string_view member) {
    static const json::array kNone;
    const auto* found = answer.is_object() ? answer.get_object().if_contains(member) : nullptr;
    return found != nullptr && found->is_array() ? found->get_array() : kNone;
}

std::string time_of(const json::value& answer, std::string_view member) {
    const auto ms = number_of(answer, member);
    return ms == 0 ? "" : to_rfc3339(from_unix_ms(static_cast<std::int64_t>(ms)));
}

Outcome add_customer(Context& context, const Arguments& arguments) {
    json::object body{{"name", arguments.text("NAME")}};
    if (arguments.has("--id")) body["customerId"] = arguments.text("--id");
    SIGNET_ASSIGN(const auto answer, context.post("/v1/mpoc/customers", body, kAdmin, random_uuid()));
    context.out().line("added customer " + text_of(answer, "customerId"));
    context.out().document(answer);
    return ExitCode::ok;
}

Outcome list_customers(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto after, arguments.number("--after", 0, 0, INT64_MAX));
    SIGNET_ASSIGN(const auto answer,
                  context.get("/v1/mpoc/customers?limit=1000&after=" + std::to_string(after), kAdmin));
    std::vector<std::vector<std::string>> rows;
    for (const auto& one : list_of(answer, "customers"))
        rows.push_back({text_of(one, "customerId"), text_of(one, "state"), text_of(one, "name")});
    context.out().table({"CUSTOMER", "STATE", "NAME"}, rows);
    if (flag_of(answer, "more"))
        context.out().note("there are more: --after " + std::to_string(number_of(answer, "next_after")));
    context.out().document(answer);
    return ExitCode::ok;
}

Outcome show_customer(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto answer, context.get(customer_path(arguments), kAdmin));
    context.out().fields({{"customer", text_of(answer, "customerId")},
                          {"name", text_of(answer, "name")},
                          {"state", text_of(answer, "state")},
                          {"created", text_of(answer, "created")}});
    std::vector<std::vector<std::string>> rows;
    for (const auto& key : list_of(answer, "keys"))
        rows.push_back({text_of(key, "id"), text_of(key, "state"), text_of(key, "created"),
                        text_of(key, "last_used"), text_of(key, "note")});
    context.out().line("");
    context.out().table({"API KEY", "STATE", "CREATED", "LAST USED", "NOTE"}, rows);
    context.out().document(answer);
    return ExitCode::ok;
}

Outcome change_customer(Context& context, const Arguments& arguments, const std::string& verb) {
    SIGNET_ASSIGN(const auto answer,
                  context.post(customer_path(arguments, "/" + verb), json::object{}, kAdmin));
    context.out().line("customer " + text_of(answer, "customerId") + " is " + text_of(answer, "state"));
    context.out().document(answer);
    return ExitCode::ok;
}

Outcome disable_customer(Context& context, const Arguments& arguments) {
    return change_customer(context, arguments, "disable");
}

Outcome enable_customer(Context& context, const Arguments& arguments) {
    return change_customer(context, arguments, "enable");
}

Outcome new_key(Context& context, const Arguments& arguments) {
    json::object body;
    if (arguments.has("--note")) body["note"] = arguments.text("--note");
    SIGNET_ASSIGN(auto answer, context.post(customer_path(arguments, "/keys"), body, kAdmin, random_uuid()));
    if (arguments.has("--out")) {
        SIGNET_TRY(
            write_file_atomic(arguments.text("--out"), as_bytes(text_of(answer, "apiKey") + "\n"), 0600));
        answer.as_object().erase("apiKey");
        context.out().note("wrote the API key " + text_of(answer, "id") + " to " + arguments.text("--out"));
    } else {
        context.out().note("the API key " + text_of(answer, "id") + " is shown this once:");
        context.out().line(text_of(answer, "apiKey"));
    }
    context.out().document(answer);
    return ExitCode::ok;
}

Outcome revoke_key(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(
        const auto answer,
        context.post(customer_path(arguments, "/keys/" + path_segment(arguments.text("KEY")) + "/revoke"),
                     json::object{}, kAdmin));
    context.out().line("revoked the API key " + arguments.text("KEY"));
    context.out().document(answer);
    return ExitCode::ok;
}

// Both or none.
Status add_requests(const Arguments& arguments, json::object& body) {
    if (arguments.has("--kek-csr") != arguments.has("--sign-csr"))
        return fail(ErrorCode::invalid_argument,
                    "--kek-csr and --sign-csr belong together; without them the token makes both keys");
    if (!arguments.has("--kek-csr")) return {};
    SIGNET_ASSIGN(const auto kek, read_input(arguments.text("--kek-csr"), pki::kMaxCsrSize));
    SIGNET_ASSIGN(const auto sign, read_input(arguments.text("--sign-csr"), pki::kMaxCsrSize));
    body["kekCsr"] = kek;
    body["signCsr"] = sign;
    return {};
}

Outcome enrol(Context& context, const Arguments& arguments) {
    json::object body{{"customerId", arguments.text("CUSTOMER")}, {"version", arguments.text("--version")}};
    if (arguments.has("--sdk")) body["sdkId"] = arguments.text("--sdk");
    SIGNET_TRY(add_requests(arguments, body));
    SIGNET_ASSIGN(const auto answer, context.post("/v1/mpoc/sdks", body, kAdmin, random_uuid()));
    context.out().line("enrolled " + text_of(answer, "sdkId") + ", keys in the " + text_of(answer, "keys"));
    context.out().document(answer);
    return ExitCode::ok;
}

Outcome rekey(Context& context, const Arguments& arguments) {
    json::object body;
    SIGNET_TRY(add_requests(arguments, body));
    SIGNET_ASSIGN(const auto answer,
                  context.post(sdk_path(arguments, "/rekey"), body, kAdmin, random_uuid()));
    context.out().line(text_of(answer, "sdkId") + " has new keys (generation " +
                       std::to_string(number_of(answer, "generation")) +
                       "); the old certificates are revoked");
    context.out().document(answer);
    return ExitCode::ok;
}

Outcome list_sdks(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto after, arguments.number("--after", 0, 0, INT64_MAX));
    std::string target = "/v1/mpoc/sdks?limit=500&after=" + std::to_string(after);
    if (arguments.has("--customer")) target += "&customer=" + path_segment(arguments.text("--customer"));
    SIGNET_ASSIGN(const auto answer, context.get(target, kAdmin));
    std::vector<std::vector<std::string>> rows;
    for (const auto& one : list_of(answer, "sdks"))
        rows.push_back({text_of(one, "sdkId"), text_of(one, "customerId"), text_of(one, "state"),
                        text_of(one, "version"), text_of(one, "attestResult"), time_of(one, "attestTime")});
    context.out().table({"SDK", "CUSTOMER", "STATE", "VERSION", "ATTESTATION", "AT"}, rows);
    if (flag_of(answer, "more"))
        context.out().note("there are more: --after " + std::to_string(number_of(answer, "next_after")));
    context.out().document(answer);
    return ExitCode::ok;
}

void print_sdk(Context& context, const json::value& answer) {
    context.out().fields({{"sdk", text_of(answer, "sdkId")},
                          {"customer", text_of(answer, "customerId")},
                          {"version", text_of(answer, "version")},
                          {"state", text_of(answer, "state")},
                          {"reason", text_of(answer, "reason")},
                          {"keys", text_of(answer, "keys")},
                          {"generation", std::to_string(number_of(answer, "generation"))},
                          {"KEK certificate", text_of(answer, "kekSerial")},
                          {"sign certificate", text_of(answer, "signSerial")},
                          {"attestation", text_of(answer, "attestResult")},
                          {"attested", time_of(answer, "attestTime")},
                          {"enrolled", text_of(answer, "enrolled")}});
}

Outcome show_sdk(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto answer, context.get(sdk_path(arguments), kAdmin));
    print_sdk(context, answer);
    std::vector<std::vector<std::string>> rows;
    for (const auto& key : list_of(answer, "paymentKeys"))
        rows.push_back(
            {text_of(key, "id"), text_of(key, "algorithm"), text_of(key, "kcv"), text_of(key, "created")});
    if (!rows.empty()) {
        context.out().line("");
        context.out().table({"PAYMENT KEY", "ALGORITHM", "KCV", "LOADED"}, rows);
    }
    context.out().document(answer);
    return ExitCode::ok;
}

Outcome change_sdk(Context& context, const Arguments& arguments, const std::string& verb) {
    json::object body;
    if (arguments.has("--note")) body["note"] = arguments.text("--note");
    SIGNET_ASSIGN(const auto answer,
                  context.post(sdk_path(arguments, "/" + verb), body, kAdmin, random_uuid()));
    print_sdk(context, answer);
    context.out().document(answer);
    return ExitCode::ok;
}

Outcome block(Context& context, const Arguments& arguments) {
    return change_sdk(context, arguments, "block");
}
Outcome unblock(Context& context, const Arguments& arguments) {
    return change_sdk(context, arguments, "unblock");
}
Outcome revoke_keys(Context& context, const Arguments& arguments) {
    return change_sdk(context, arguments, "revoke-keys");
}
Outcome decommission(Context& context, const Arguments& arguments) {
    return change_sdk(context, arguments, "decommission");
}

Outcome attestations(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto limit, arguments.number("--limit", 20, 1, 1000));
    SIGNET_ASSIGN(const auto answer,
                  context.get(sdk_path(arguments, "/attestations?limit=" + std::to_string(limit)), kAdmin));
    std::vector<std::vector<std::string>> rows;
    for (const auto& one : list_of(answer, "attestations"))
        rows.push_back(
            {time_of(one, "time"), text_of(one, "result"), text_of(one, "version"), text_of(one, "advice")});
    context.out().table({"AT", "RESULT", "VERSION", "ADVICE"}, rows);
    context.out().document(answer);
    return ExitCode::ok;
}

}  // namespace

std::vector<Command> mpoc_commands() {
    const Positional customer{"CUSTOMER", Value::text, "customer id"};
    const Positional sdk{"SDK", Value::text, "SDK instance, 16 hexadecimal digits"};
    const Option note{"--note", "TEXT", "for the audit record"};
    const Option after{"--after", "N", "go on after the page before", Value::number};
    const Option kek_csr{"--kek-csr", "FILE", "certificate request of the KEK, made in the device",
                         Value::file};
    const Option sign_csr{"--sign-csr", "FILE", "certificate request of the sign key", Value::file};
    return {
        {"mpoc",
         "customer-add",
         "add a customer of the AMS API",
         {{"NAME", Value::text, "for people"}},
         {{"--id", "ID", "customer id (default: a random one)"}},
         add_customer},
        {"mpoc", "customers", "list customers", {}, {after}, list_customers},
        {"mpoc", "customer", "a customer and its API keys", {customer}, {}, show_customer},
        {"mpoc", "customer-disable", "refuse a customer", {customer}, {}, disable_customer},
        {"mpoc", "customer-enable", "serve a customer again", {customer}, {}, enable_customer},
        {"mpoc",
         "key-new",
         "make an API key; it is shown once",
         {customer},
         {{"--note", "TEXT", "what the key is for"},
          {"--out", "FILE", "write it to a private file instead of showing it", Value::file}},
         new_key},
        {"mpoc",
         "key-revoke",
         "revoke an API key",
         {customer, {"KEY", Value::text, "id of the API key"}},
         {},
         revoke_key},
        {"mpoc",
         "enrol",
         "enrol an SDK instance: two certificates, by requests of the device or with keys in the token",
         {customer},
         {{"--version", "VERSION", "of the SDK instance", Value::text, true},
          {"--sdk", "ID", "16 hexadecimal digits (default: random)"},
          kek_csr,
          sign_csr},
         enrol},
        {"mpoc",
         "sdks",
         "list SDK instances",
         {},
         {{"--customer", "ID", "of this customer only"}, after},
         list_sdks},
        {"mpoc", "sdk", "one SDK instance", {sdk}, {}, show_sdk},
        {"mpoc",
         "rekey",
         "new keys and certificates; the old ones are revoked",
         {sdk},
         {kek_csr, sign_csr},
         rekey},
        {"mpoc", "block", "block an SDK instance; its certificates are put on hold", {sdk}, {note}, block},
        {"mpoc", "unblock", "release a blocked SDK instance", {sdk}, {note}, unblock},
        {"mpoc", "revoke-keys", "revoke both certificates of an SDK instance", {sdk}, {note}, revoke_keys},
        {"mpoc",
         "decommission",
         "take an SDK instance out of service, for good; its keys in the token are erased",
         {sdk},
         {note},
         decommission},
        {"mpoc",
         "attestations",
         "attestation results of an SDK instance, newest first",
         {sdk},
         {{"--limit", "N", "at most so many (default 20)", Value::number}},
         attestations},
    };
}

}  // namespace signet::ctl
