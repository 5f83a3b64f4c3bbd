#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/random.h"
#include "daemon/ctl/context.h"
#include "daemon/ctl/files.h"

namespace signet::ctl {
namespace {

namespace json = boost::json;

constexpr std::string_view kStores = "/mypos/stores";
constexpr std::size_t kMaxPem = std::size_t{32} << 10;

std::string store_path(const Arguments& arguments, std::string_view rest = {}) {
    return std::string(kStores) + "/" + path_segment(arguments.text("SID")) + std::string(rest);
}

std::string key_path(const Arguments& arguments, std::string_view rest) {
    return store_path(arguments, "/keys/" + path_segment(arguments.text("INDEX")) + std::string(rest));
}

std::vector<std::vector<std::string>> rows_of(const json::value& answer, std::string_view list,
                                              const std::vector<std::string_view>& members) {
    std::vector<std::vector<std::string>> rows;
    const auto* found = answer.as_object().if_contains(list);
    if (found == nullptr || !found->is_array()) return rows;
    for (const auto& row : found->get_array()) {
        auto& cells = rows.emplace_back();
        for (const auto member : members)
            cells.push_back(member == "index" ? std::to_string(number_of(row, member))
                                              : text_of(row, member));
    }
    return rows;
}

Outcome create_store(Context& context, const Arguments& arguments) {
    const json::object body{{"sid", arguments.text("SID")},
                            {"wallet", arguments.text("WALLET")},
                            {"currency", arguments.text("CURRENCY")},
                            {"side", arguments.text("--side", "provider")},
                            {"name", arguments.text("--name")}};
    SIGNET_ASSIGN(const auto answer, context.post(std::string(kStores), body, Surface::admin, random_uuid()));
    context.out().line("made the store " + text_of(answer, "sid"));
    context.out().document(answer);
    return ExitCode::ok;
}

Outcome stores(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto limit, arguments.number("--limit", 100, 1, 1000));
    auto target = std::string(kStores) + "?limit=" + std::to_string(limit);
    if (arguments.has("--after")) target += "&after=" + path_segment(arguments.text("--after"));
    SIGNET_ASSIGN(const auto answer, context.get(target, Surface::admin));
    context.out().table({"SID", "SIDE", "WALLET", "CURRENCY", "STATE", "NAME"},
                        rows_of(answer, "stores", {"sid", "side", "wallet", "currency", "state", "name"}));
    if (flag_of(answer, "more")) context.out().note("there are more: --after with the last SID");
    context.out().document(answer);
    return ExitCode::ok;
}

Outcome show(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto answer, context.get(store_path(arguments), Surface::admin));
    context.out().fields({{"store", text_of(answer, "sid")},
                          {"name", text_of(answer, "name")},
                          {"side", text_of(answer, "side")},
                          {"wallet", text_of(answer, "wallet")},
                          {"currency", text_of(answer, "currency")},
                          {"state", text_of(answer, "state")}});
    context.out().table(
        {"INDEX", "STATE", "MADE", "CERTIFICATE SHA-256", "OTHER SIDE'S KEY SHA-256"},
        rows_of(answer, "keys", {"index", "state", "created", "certificate_sha256", "peer_key_sha256"}));
    context.out().document(answer);
    return ExitCode::ok;
}

Outcome close_store(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto answer,
                  context.post(store_path(arguments, "/close"), json::object{}, Surface::admin));
    context.out().line("closed the store " + arguments.text("SID") + "; its keys are revoked");
    context.out().document(answer);
    return ExitCode::ok;
}

Outcome add_key(Context& context, const Arguments& arguments) {
    json::object body;
    if (arguments.has("--certificate")) {
        SIGNET_ASSIGN(body["certificate"], read_input(arguments.text("--certificate"), kMaxPem));
    }
    if (arguments.has("--index")) {
        SIGNET_ASSIGN(body["index"], arguments.number("--index", 1, 1, 1'000'000));
    }
    SIGNET_ASSIGN(const auto answer,
                  context.post(store_path(arguments, "/keys"), body, Surface::admin, random_uuid()));
    context.out().note("made key " + std::to_string(number_of(answer, "index")) + " of the store " +
                       arguments.text("SID"));
    if (!context.out().json()) context.out().raw(text_of(answer, "certificate"));
    context.out().document(answer);
    return ExitCode::ok;
}

Outcome upload(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto pem, read_input(arguments.text("FILE"), kMaxPem));
    SIGNET_ASSIGN(const auto answer, context.post(key_path(arguments, "/certificate"),
                                                  json::object{{"certificate", pem}}, Surface::admin));
    context.out().line("took the certificate of the other side, key SHA-256 " +
                       text_of(answer, "peer_key_sha256"));
    context.out().document(answer);
    return ExitCode::ok;
}

Outcome certificate(Context& context, const Arguments& arguments) {
    const auto* format = arguments.has("--pkcs7") ? "?format=pkcs7" : "";
    SIGNET_ASSIGN(const auto answer, context.send(Surface::admin, http::Verb::get,
                                                  key_path(arguments, std::string("/certificate") + format)));
    if (!context.out().json()) context.out().raw(answer.body);
    context.out().document(json::object{{"certificate", answer.body}});
    return ExitCode::ok;
}

Outcome retire_key(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto answer,
                  context.post(key_path(arguments, "/retire"), json::object{}, Surface::admin));
    context.out().line("key " + arguments.text("INDEX") + " signs no more; it still verifies");
    context.out().document(answer);
    return ExitCode::ok;
}

Outcome revoke_key(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto answer,
                  context.post(key_path(arguments, "/revoke"), json::object{}, Surface::admin));
    context.out().line("revoked key " + arguments.text("INDEX"));
    context.out().document(answer);
    return ExitCode::ok;
}

}  // namespace

std::vector<Command> mypos_commands() {
    const Positional store{"SID", Value::text, "StoreID"};
    const Positional index{"INDEX", Value::number, "key index"};
    return {
        {"mypos",
         "create-store",
         "make a store",
         {store, {"WALLET", Value::text, "wallet number"}, {"CURRENCY", Value::text, "such as EUR"}},
         {{"--side",
           "SIDE",
           "which end we are (default provider)",
           Value::text,
           false,
           false,
           {"provider", "merchant"}},
          {"--name", "TEXT", "for people"}},
         create_store},
        {"mypos",
         "stores",
         "list stores",
         {},
         {{"--after", "SID", "go on after this one"},
          {"--limit", "NUMBER", "at most so many (default 100)", Value::number}},
         stores},
        {"mypos", "show", "a store and its keys", {store}, {}, show},
        {"mypos", "close-store", "close a store and revoke its keys", {store}, {}, close_store},
        {"mypos",
         "add-key",
         "make a key pair in the token for the next index; prints its certificate",
         {store},
         {{"--certificate", "FILE", "the other side's: certificate, PKCS#7 or public key in PEM",
           Value::file},
          {"--index", "NUMBER", "instead of the next one", Value::number}},
         add_key},
        {"mypos",
         "upload",
         "take the certificate of the other side for a key that has none yet",
         {store, index, {"FILE", Value::file, "PEM; - for standard input"}},
         {},
         upload},
        {"mypos",
         "certificate",
         "our certificate for a key, PEM",
         {store, index},
         {{"--pkcs7", "", "as PKCS#7, as myPOS hands it out"}},
         certificate},
        {"mypos", "retire-key", "sign no more with a key; it still verifies", {store, index}, {}, retire_key},
        {"mypos", "revoke-key", "revoke a key", {store, index}, {}, revoke_key},
    };
}

}  // namespace signet::ctl
