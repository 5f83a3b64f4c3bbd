// `signetctl paycontrol`: what operators of a PayControl server do.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <chrono>

#include "base/clock.h"
#include "base/file.h"
#include "daemon/ctl/context.h"
#include "daemon/ctl/device_client.h"
#include "daemon/ctl/files.h"

namespace signet::ctl {
namespace {

namespace json = boost::json;

constexpr std::size_t kLongest = std::size_t{64} << 10;

Result<json::value> ask(Context& context, Surface surface, http::Verb verb, const std::string& target,
                        const json::value* body = nullptr) {
    SIGNET_ASSIGN(const auto answer, context.send(surface, verb, target,
                                                  body == nullptr ? std::string() : json::serialize(*body)));
    std::uint64_t code = 0;
    return opened(answer.body, code);
}

std::string system_path(const Arguments& arguments) {
    return "/pc-api/" + path_segment(arguments.text("SYSTEM"));
}

Outcome issue_system(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto users, arguments.number("--users", 1000, 1, std::uint64_t{1} << 40));
    SIGNET_ASSIGN(const auto days, arguments.number("--days", 365, 1, 36'500));
    const auto expires = SystemClock().now() + std::chrono::days(days);
    json::object body{{"name", arguments.text("NAME")},
                      {"description", arguments.text("--description")},
                      {"users_count", users},
                      {"expires", to_unix_ms(expires)}};
    if (arguments.has("--id")) body["id"] = arguments.text("--id");
    const json::value sent(body);
    SIGNET_ASSIGN(const auto issued,
                  ask(context, Surface::admin, http::Verb::post, "/v1/paycontrol/systems/issue", &sent));
    if (arguments.has("--out")) {
        SIGNET_TRY(
            write_file_atomic(arguments.text("--out"), as_bytes(json::serialize(issued) + "\n"), 0644));
        context.out().note("wrote " + arguments.text("--out") + "; signetctl paycontrol register " +
                           arguments.text("--out") + " registers it");
    }
    context.out().fields({{"system", text_of(issued, "system_id")},
                          {"request", text_of(issued, "request")},
                          {"license", text_of(issued, "license")}});
    context.out().document(issued);
    return ExitCode::ok;
}

// Of what issue-system wrote: the system, then its licence.
Outcome register_system(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto text, read_input(arguments.text("FILE"), kLongest));
    std::error_code error;
    const auto issued = json::parse(text, error);
    if (error || text_of(issued, "request").empty())
        return fail(ErrorCode::invalid_argument, arguments.text("FILE") + " is not what issue-system writes");
    const json::value body{{"request", text_of(issued, "request")}};
    SIGNET_TRY(ask(context, Surface::api, http::Verb::post, "/pc-api", &body));
    const auto id = text_of(issued, "system_id");
    if (const auto licence = text_of(issued, "license"); !licence.empty()) {
        const json::value change{{"license", licence}};
        SIGNET_TRY(ask(context, Surface::api, http::Verb::patch, "/pc-api/" + path_segment(id), &change));
    }
    context.out().line("registered " + id);
    context.out().document(json::object{{"system_id", id}});
    return ExitCode::ok;
}

Outcome systems(Context& context, const Arguments&) {
    SIGNET_ASSIGN(const auto answer, ask(context, Surface::admin, http::Verb::get, "/v1/paycontrol/systems"));
    std::vector<std::vector<std::string>> rows;
    if (const auto* list = answer.if_array())
        for (const auto& system : *list)
            rows.push_back({text_of(system, "system_id"), text_of(system, "name"),
                            std::to_string(number_of(system, "users")),
                            std::to_string(number_of(system, "licensed_users")),
                            text_of(system, "license_expires")});
    context.out().table({"SYSTEM", "NAME", "USERS", "LICENSED", "UNTIL"}, rows);
    context.out().document(answer);
    return ExitCode::ok;
}

Outcome show_system(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto system, ask(context, Surface::api, http::Verb::get, system_path(arguments)));
    context.out().fields(
        {{"name", text_of(system, "name")},
         {"description", text_of(system, "description")},
         {"key lifetime", std::to_string(number_of(system, "user_keys_expiration_period")) + " days"},
         {"external url", text_of(system, "pc_is_external_url")},
         {"internal url", text_of(system, "pc_is_internal_url")},
         {"events url", text_of(system, "events_post_url")},
         {"callback url", text_of(system, "callback_url")}});
    context.out().document(system);
    return ExitCode::ok;
}

// NAME=VALUE pairs, as Change System Settings takes them.
Outcome configure_system(Context& context, const Arguments& arguments) {
    json::object body;
    for (const auto& pair : arguments.all("--set")) {
        const auto equals = pair.find('=');
        if (equals == std::string::npos)
            return fail(ErrorCode::invalid_argument, "--set takes NAME=VALUE, not '" + pair + "'");
        body[pair.substr(0, equals)] = pair.substr(equals + 1);
    }
    const json::value sent(body);
    SIGNET_TRY(ask(context, Surface::api, http::Verb::patch, system_path(arguments), &sent));
    context.out().line("changed");
    context.out().document(sent);
    return ExitCode::ok;
}

Outcome show_user(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto user,
                  ask(context, Surface::api, http::Verb::get,
                      system_path(arguments) + "/users/" + path_segment(arguments.text("USER"))));
    context.out().fields({{"user", text_of(user, "user_id")},
                          {"name", text_of(user, "user_name")},
                          {"blocked", flag_of(user, "blocked") ? "yes" : "no"},
                          {"device", text_of(user, "device_type")},
                          {"public key", text_of(user, "public_key")}});
    context.out().document(user);
    return ExitCode::ok;
}

Outcome change_user(Context& context, const Arguments& arguments, std::string_view member) {
    const json::value body{{member, true}};
    SIGNET_TRY(ask(context, Surface::api, http::Verb::patch,
                   system_path(arguments) + "/users/" + path_segment(arguments.text("USER")), &body));
    context.out().line("done");
    context.out().document(body);
    return ExitCode::ok;
}
Outcome block_user(Context& context, const Arguments& arguments) {
    return change_user(context, arguments, "block");
}
Outcome unblock_user(Context& context, const Arguments& arguments) {
    return change_user(context, arguments, "unblock");
}

}  // namespace

std::vector<Command> paycontrol_commands() {
    const Positional system{"SYSTEM", Value::text, "system_id"};
    const Positional user{"USER", Value::text, "user_id"};
    return {
        {"paycontrol",
         "issue-system",
         "as the seller: sign a registration request and a licence",
         {{"NAME", Value::text, "the system's name"}},
         {{"--id", "ID", "system_id (default: a new UUID)"},
          {"--description", "TEXT", "a line about it"},
          {"--users", "N", "licensed users (default 1000)", Value::number},
          {"--days", "N", "the licence's life (default 365)", Value::number},
          {"--out", "FILE", "write both as JSON", Value::file}},
         issue_system},
        {"paycontrol",
         "register",
         "register an issued system, with its licence",
         {{"FILE", Value::file, "what issue-system wrote, or -"}},
         {},
         register_system},
        {"paycontrol", "systems", "all systems, with their users and licences", {}, {}, systems},
        {"paycontrol", "system", "a system's settings", {system}, {}, show_system},
        {"paycontrol",
         "configure",
         "change a system's settings",
         {system},
         {{"--set", "NAME=VALUE", "callback_url=https://example.com, …", Value::text, true, true}},
         configure_system},
        {"paycontrol", "user", "a user's keys and settings", {system, user}, {}, show_user},
        {"paycontrol", "block", "block a user", {system, user}, {}, block_user},
        {"paycontrol", "unblock", "unblock a user", {system, user}, {}, unblock_user},
    };
}

}  // namespace signet::ctl
