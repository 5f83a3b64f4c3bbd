#include <set>

#include "daemon/ctl/command.h"
#include "daemon/ctl/context.h"

namespace signet::ctl {
namespace {

std::string words_of_group(std::string_view group) {
    std::string words;
    for (const auto& command : commands()) {
        if (command.group == group) words += (words.empty() ? "" : " ") + std::string(command.name);
    }
    if (group.empty()) {
        for (const auto& one : groups())
            words += " " + std::string(one.name);
    }
    return words;
}

std::string_view bash_action(Value value) {
    switch (value) {
        case Value::file:
            return "COMPREPLY=($(compgen -f -- \"$word\"))";
        case Value::directory:
            return "COMPREPLY=($(compgen -d -- \"$word\"))";
        case Value::key:
            return "_signetctl_keys \"$word\"";
        case Value::text:
        case Value::number:
            return "";
    }
    return "";
}

// Key labels come from the running daemon; without one there is nothing to offer.
constexpr std::string_view kHead = R"bash(# bash completion for signetctl
_signetctl_keys() {
    local config=() i
    for ((i = 1; i < COMP_CWORD; i++)); do
        [[ ${COMP_WORDS[i]} == --config ]] && config=(--config "${COMP_WORDS[i + 1]}")
    done
    COMPREPLY=($(compgen -W "$(signetctl "${config[@]}" keys list --labels 2>/dev/null)" -- "$1"))
}
_signetctl() {
    local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} path="" positional=0 i skip=0
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        if ((skip)); then skip=0; continue; fi
        case ${COMP_WORDS[i]} in
            --config | --socket | --approval) skip=1 ;;
            -*) case "$path ${COMP_WORDS[i]}" in @VALUED@) skip=1 ;; esac ;;
            *)  case $path in
                    "" | @GROUPS@) path+="${path:+ }${COMP_WORDS[i]}" ;;
                    *) positional=$((positional + 1)) ;;
                esac ;;
        esac
    done
    case $previous in
        --config) COMPREPLY=($(compgen -f -X '!*.yaml' -- "$word") $(compgen -d -- "$word")); return ;;
        --socket) COMPREPLY=($(compgen -f -- "$word")); return ;;
    esac
    case "$path $previous" in
)bash";

std::string in_quotes(std::string_view text) {
    return "\"" + std::string(text) + "\"";
}

void replace(std::string& text, std::string_view what, std::string_view by) {
    if (const auto at = text.find(what); at != std::string::npos) text.replace(at, what.size(), by);
}

std::string path_of(const Command& command) {
    return command.group.empty() ? std::string(command.name)
                                 : std::string(command.group) + " " + std::string(command.name);
}

std::string bash_completion() {
    std::string valued;
    std::string group_names;
    for (const auto& group : groups())
        group_names += (group_names.empty() ? "" : " | ") + std::string(group.name);
    std::string option_values;
    std::string by_position;
    for (const auto& command : commands()) {
        const auto path = path_of(command);
        std::string flags = "--config --socket --approval --json --help";
        for (const auto& option : command.options) {
            flags += " " + std::string(option.name);
            if (option.placeholder.empty()) continue;
            const auto pattern = in_quotes(path + " " + std::string(option.name));
            valued += (valued.empty() ? "" : " | ") + pattern;
            std::string action(bash_action(option.value));
            if (!option.choices.empty()) {
                std::string words;
                for (const auto choice : option.choices)
                    words += (words.empty() ? "" : " ") + std::string(choice);
                action = "COMPREPLY=($(compgen -W " + in_quotes(words) + " -- \"$word\"))";
            }
            option_values +=
                "        " + pattern + ") " + (action.empty() ? "" : action + "; ") + "return ;;\n";
        }
        by_position += "        " + in_quotes(path) +
                       ")\n            if [[ $word == -* ]]; then COMPREPLY=($(compgen -W " +
                       in_quotes(flags) + " -- \"$word\")); return; fi\n";
        std::string cases;
        for (std::size_t i = 0; i < command.positionals.size(); ++i) {
            const auto action = bash_action(command.positionals[i].value);
            if (!action.empty()) cases += " " + std::to_string(i) + ") " + std::string(action) + " ;;";
        }
        if (!cases.empty()) by_position += "            case $positional in" + cases + " esac\n";
        by_position += "            ;;\n";
    }
    std::string script(kHead);
    replace(script, "@VALUED@", valued);
    replace(script, "@GROUPS@", group_names);
    script += option_values + "    esac\n    case $path in\n";
    script += "        \"\") COMPREPLY=($(compgen -W " +
              in_quotes(words_of_group("") + " --config --socket --approval --json --help") +
              " -- \"$word\")) ;;\n";
    for (const auto& group : groups())
        script += "        " + std::string(group.name) + ") COMPREPLY=($(compgen -W " +
                  in_quotes(words_of_group(group.name)) + " -- \"$word\")) ;;\n";
    script += by_position + "    esac\n}\ncomplete -o filenames -F _signetctl signetctl\n";
    return script;
}

Outcome completion(Context& context, const Arguments& arguments) {
    if (arguments.text("SHELL") != "bash")
        return fail(ErrorCode::unsupported,
                    "there is a completion for bash, not for '" + arguments.text("SHELL") + "'");
    context.out().raw(bash_completion());
    return ExitCode::ok;
}

}  // namespace

std::vector<Command> completion_commands() {
    return {{"",
             "completion",
             "print a completion script: source <(signetctl completion bash)",
             {{"SHELL", Value::text, "bash", true}},
             {},
             completion}};
}

}  // namespace signet::ctl
