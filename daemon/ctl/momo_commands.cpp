#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/random.h"
#include "daemon/ctl/context.h"

namespace signet::ctl {
namespace {

namespace json = boost::json;

constexpr std::string_view kSubscriptions = "/v1/momo/subscriptions";
constexpr std::string_view kUsers = "/v1/momo/users";

// Shown once and nowhere else: on standard output, which the operator directs.
void show_secret(Context& context, const json::value& answer, std::string_view member,
                 std::string_view what) {
    context.out().line(std::string(what) + ": " + text_of(answer, member));
}

Outcome subscribe(Context& context, const Arguments& arguments) {
    json::object body{{"merchant", arguments.text("MERCHANT")}, {"product", arguments.text("PRODUCT")}};
    if (arguments.has("--name")) body["name"] = arguments.text("--name");
    SIGNET_ASSIGN(const auto answer,
                  context.post(std::string(kSubscriptions), body, Surface::admin, random_uuid()));
    context.out().fields({{"subscription", text_of(answer, "id")},
                          {"merchant", text_of(answer, "merchant")},
                          {"product", text_of(answer, "product")}});
    show_secret(context, answer, "primary_key", "primary key");
    show_secret(context, answer, "secondary_key", "secondary key");
    context.out().note("the keys are not shown again");
    context.out().document(answer);
    return ExitCode::ok;
}

std::string page(std::string_view path, const Arguments& arguments, std::uint64_t limit) {
    auto target = std::string(path) + "?limit=" + std::to_string(limit);
    if (arguments.has("--merchant")) target += "&merchant=" + path_segment(arguments.text("--merchant"));
    if (arguments.has("--after")) target += "&after=" + path_segment(arguments.text("--after"));
    return target;
}

Outcome print_page(Context& context, const json::value& answer, std::string_view list,
                   const std::vector<std::string>& header, const std::vector<std::string_view>& members) {
    std::vector<std::vector<std::string>> rows;
    if (const auto* found = answer.as_object().if_contains(list); found != nullptr && found->is_array()) {
        for (const auto& row : found->get_array()) {
            auto& cells = rows.emplace_back();
            for (const auto member : members)
                cells.push_back(text_of(row, member));
        }
    }
    context.out().table(header, rows);
    if (flag_of(answer, "more")) context.out().note("there are more: --after with the last id");
    context.out().document(answer);
    return ExitCode::ok;
}

Outcome subscriptions(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto limit, arguments.number("--limit", 100, 1, 1000));
    SIGNET_ASSIGN(const auto answer, context.get(page(kSubscriptions, arguments, limit), Surface::admin));
    return print_page(context, answer, "subscriptions", {"ID", "MERCHANT", "PRODUCT", "STATE", "NAME"},
                      {"id", "merchant", "product", "state", "name"});
}

std::string path_of(std::string_view base, const Arguments& arguments, std::string_view rest) {
    return std::string(base) + "/" + path_segment(arguments.text("ID")) + std::string(rest);
}

Outcome rotate(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto answer,
                  context.post(path_of(kSubscriptions, arguments,
                                       "/keys/" + path_segment(arguments.text("SLOT")) + "/rotate"),
                               json::object{}, Surface::admin, random_uuid()));
    show_secret(context, answer, "key", arguments.text("SLOT") + " key");
    context.out().note("the key is not shown again; the one before does not work any more");
    context.out().document(answer);
    return ExitCode::ok;
}

Outcome unsubscribe(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto answer, context.post(path_of(kSubscriptions, arguments, "/revoke"),
                                                  json::object{}, Surface::admin));
    context.out().line("revoked the subscription " + arguments.text("ID"));
    context.out().document(answer);
    return ExitCode::ok;
}

Outcome create_user(Context& context, const Arguments& arguments) {
    json::object body{{"merchant", arguments.text("MERCHANT")}, {"callback_host", arguments.text("HOST")}};
    if (arguments.has("--id")) body["id"] = arguments.text("--id");
    SIGNET_ASSIGN(const auto answer, context.post(std::string(kUsers), body, Surface::admin, random_uuid()));
    context.out().line(text_of(answer, "id"));
    context.out().document(answer);
    return ExitCode::ok;
}

Outcome users(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto limit, arguments.number("--limit", 100, 1, 1000));
    SIGNET_ASSIGN(const auto answer, context.get(page(kUsers, arguments, limit), Surface::admin));
    return print_page(context, answer, "users", {"ID", "MERCHANT", "CALLBACK HOST", "STATE", "KEY MADE"},
                      {"id", "merchant", "callback_host", "state", "key_created"});
}

Outcome create_key(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto answer, context.post(path_of(kUsers, arguments, "/apikey"), json::object{},
                                                  Surface::admin, random_uuid()));
    show_secret(context, answer, "api_key", "API key");
    context.out().note("the key is not shown again; an earlier one does not work any more");
    context.out().document(answer);
    return ExitCode::ok;
}

Outcome revoke_key(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto answer,
                  context.post(path_of(kUsers, arguments, "/apikey/revoke"), json::object{}, Surface::admin));
    context.out().line("revoked the API key of " + arguments.text("ID"));
    context.out().document(answer);
    return ExitCode::ok;
}

Outcome revoke_user(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto answer,
                  context.post(path_of(kUsers, arguments, "/revoke"), json::object{}, Surface::admin));
    context.out().line("revoked the API user " + arguments.text("ID"));
    context.out().document(answer);
    return ExitCode::ok;
}

}  // namespace

std::vector<Command> momo_commands() {
    const Positional merchant{"MERCHANT", Value::text, "whose it is: a principal of the policy"};
    const Positional user{"ID", Value::text, "UUID of the API user"};
    const Positional subscription{"ID", Value::text, "of the subscription"};
    const std::vector<Option> paging{{"--merchant", "NAME", "only what this merchant has"},
                                     {"--after", "ID", "go on after this one"},
                                     {"--limit", "NUMBER", "at most so many (default 100)", Value::number}};
    return {
        {"momo",
         "subscribe",
         "subscribe a merchant to a product; shows the two keys, once",
         {merchant, {"PRODUCT", Value::text, "collection, disbursement or remittance"}},
         {{"--name", "TEXT", "for people"}},
         subscribe},
        {"momo", "subscriptions", "list subscriptions", {}, paging, subscriptions},
        {"momo",
         "rotate",
         "replace one of the two keys of a subscription; shows it, once",
         {subscription, {"SLOT", Value::text, "primary or secondary"}},
         {},
         rotate},
        {"momo", "unsubscribe", "revoke a subscription", {subscription}, {}, unsubscribe},
        {"momo",
         "create-user",
         "make an API user",
         {merchant, {"HOST", Value::text, "where callbacks go, such as clinic.com"}},
         {{"--id", "UUID", "its id (default: a new one)"}},
         create_user},
        {"momo", "users", "list API users", {}, paging, users},
        {"momo", "create-key", "make an API key for a user; shows it, once", {user}, {}, create_key},
        {"momo", "revoke-key", "revoke a user's API key and access tokens", {user}, {}, revoke_key},
        {"momo", "revoke-user", "revoke an API user, its key and access tokens", {user}, {}, revoke_user},
    };
}

}  // namespace signet::ctl
