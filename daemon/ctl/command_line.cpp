#include "daemon/ctl/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <deque>

namespace signet::ctl {
namespace {

constexpr std::string_view kFooter =
    "\nExit codes: 0 ok, 1 failed, 2 usage, 3 refused by the policy, 4 not found, 5 daemon or token "
    "unavailable,\n"
    "6 conflict, 7 disk full or failed, 8 a check found something wrong.\n";

// Where CLI11 leaves the values of one option; stable addresses.
struct Slot {
    std::string name;
    std::string value;                // of what may be given once
    std::vector<std::string> values;  // of what may be repeated
    bool flag = false;
    CLI::Option* option = nullptr;
};

struct Bound {
    const Command* command = nullptr;
    CLI::App* app = nullptr;
    std::deque<Slot> slots;
};

void bind_command(Bound& bound) {
    const auto& command = *bound.command;
    for (const auto& positional : command.positionals) {
        auto& slot = bound.slots.emplace_back();
        slot.name = positional.name;
        slot.option = bound.app->add_option(slot.name, slot.value, std::string(positional.help));
        slot.option->type_name("")->required(positional.required);
    }
    for (const auto& option : command.options) {
        auto& slot = bound.slots.emplace_back();
        slot.name = option.name;
        if (option.placeholder.empty()) {
            slot.option = bound.app->add_flag(slot.name, slot.flag, std::string(option.help));
            continue;
        }
        if (option.repeatable) {
            slot.option = bound.app->add_option(slot.name, slot.values, std::string(option.help));
            slot.option->allow_extra_args(false);  // one value for each time it is given
        } else {
            slot.option = bound.app->add_option(slot.name, slot.value, std::string(option.help));
        }
        slot.option->type_name(std::string(option.placeholder))->required(option.required);
        if (!option.choices.empty()) {
            // A check without a description: the help text names the choices already.
            slot.option->check([choices = option.choices](const std::string& value) -> std::string {
                if (std::ranges::find(choices, value) != choices.end()) return {};
                std::string all;
                for (const auto choice : choices)
                    all += (all.empty() ? "" : ", ") + std::string(choice);
                return "'" + value + "' is none of " + all;
            });
        }
    }
}

}  // namespace

Result<CommandLine> parse_command_line(int count, const char* const* words) {
    CommandLine line;
    std::string socket;
    std::string config = line.global.config.string();
    CLI::App app("signetctl: for people who run a Signet appliance", "signetctl");
    app.require_subcommand(1);
    app.fallthrough();
    app.footer(std::string(kFooter));
    app.add_option("--config", config, "signetd.yaml of the appliance (default " + config + ")")
        ->type_name("FILE");
    app.add_option("--socket", socket, "talk to this Unix socket instead of the configured one")
        ->type_name("PATH");
    app.add_option("--approval", line.global.approval,
                   "others have approved this request: their approval's id (signetctl approvals list)")
        ->type_name("ID");
    app.add_flag("--json", line.global.json, "print one JSON document");

    std::map<std::string_view, CLI::App*> parents;
    for (const auto& group : groups()) {
        auto* parent = app.add_subcommand(std::string(group.name), std::string(group.summary));
        parent->require_subcommand(1);
        parent->fallthrough();
        parents[group.name] = parent;
    }
    std::deque<Bound> bound;
    for (const auto& command : commands()) {
        auto& one = bound.emplace_back();
        one.command = &command;
        auto* parent = command.group.empty() ? &app : parents.at(command.group);
        one.app = parent->add_subcommand(std::string(command.name), std::string(command.summary));
        one.app->fallthrough();
        bind_command(one);
    }

    try {
        app.parse(count, words);
    } catch (const CLI::CallForHelp&) {
        std::string above;
        const CLI::App* asked = &app;
        for (auto chosen = asked->get_subcommands(); !chosen.empty(); chosen = asked->get_subcommands()) {
            above += (above.empty() ? "" : " ") + asked->get_name();
            asked = chosen.front();
        }
        line.text = asked->help(above);
        return line;
    } catch (const CLI::ParseError& error) {
        std::string path = "signetctl";
        const CLI::App* asked = &app;
        for (auto chosen = asked->get_subcommands(); !chosen.empty(); chosen = asked->get_subcommands()) {
            asked = chosen.front();
            path += " " + asked->get_name();
        }
        std::string what = error.what();
        while (!what.empty() && (what.back() == '\n' || what.back() == '.'))
            what.pop_back();
        return fail(ErrorCode::invalid_argument, what + "; see " + path + " --help");
    }

    line.global.config = config;
    if (!socket.empty()) line.global.socket = socket;
    for (auto& one : bound) {
        if (!one.app->parsed()) continue;
        line.command = one.command;
        for (auto& slot : one.slots) {
            if (slot.option->count() == 0) continue;
            if (slot.values.empty() && !slot.flag) slot.values.push_back(std::move(slot.value));
            line.arguments.set(slot.name, std::move(slot.values));
        }
    }
    return line;
}

}  // namespace signet::ctl
