#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "daemon/ctl/context.h"

namespace signet::ctl {
namespace {

namespace json = boost::json;

Outcome list(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto limit, arguments.number("--limit", 100, 1, 1000));
    SIGNET_ASSIGN(const auto after, arguments.number("--after", 0, 0, std::uint64_t{1} << 62));
    auto target = "/v1/outbox?limit=" + std::to_string(limit) + "&after=" + std::to_string(after);
    if (arguments.has("--state")) target += "&state=" + path_segment(arguments.text("--state"));
    SIGNET_ASSIGN(const auto answer, context.get(target, Surface::admin));
    std::vector<std::vector<std::string>> rows;
    if (const auto* found = answer.as_object().if_contains("messages");
        found != nullptr && found->is_array()) {
        for (const auto& message : found->get_array())
            rows.push_back({std::to_string(number_of(message, "id")), text_of(message, "state"),
                            text_of(message, "kind"), text_of(message, "destination"),
                            std::to_string(number_of(message, "attempts")), text_of(message, "next_at"),
                            text_of(message, "last_error")});
    }
    context.out().table({"ID", "STATE", "KIND", "DESTINATION", "TRIES", "NEXT", "LAST ERROR"}, rows);
    context.out().note(std::to_string(number_of(answer, "waiting")) + " wait, " +
                       std::to_string(number_of(answer, "dead")) + " were given up");
    context.out().document(answer);
    return ExitCode::ok;
}

Outcome revive(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto answer,
                  context.post("/v1/outbox/" + path_segment(arguments.text("ID")) + "/revive", json::object{},
                               Surface::admin));
    context.out().line("message " + arguments.text("ID") + " is sent again");
    context.out().document(answer);
    return ExitCode::ok;
}

}  // namespace

std::vector<Command> outbox_commands() {
    return {{"outbox",
             "list",
             "messages to other systems: waiting, delivered or given up",
             {},
             {{"--state", "STATE", "only these", Value::text, false, false, {"waiting", "delivered", "dead"}},
              {"--after", "ID", "go on after this message", Value::number},
              {"--limit", "NUMBER", "at most so many (default 100)", Value::number}},
             list},
            {"outbox",
             "revive",
             "send a message again that was given up",
             {{"ID", Value::number, "of the message"}},
             {},
             revive}};
}

}  // namespace signet::ctl
