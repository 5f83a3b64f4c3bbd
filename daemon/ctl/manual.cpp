// The manual pages signetctl(1) and signetctl-GROUP(1), from the table of commands, so that no command lacks its page.
#include <algorithm>

#include "daemon/ctl/command.h"
#include "daemon/ctl/context.h"

namespace signet::ctl {
namespace {

constexpr std::string_view kDate = "November 21, 2026";

// Text in mdoc(7): a line must not begin with a control character, and a backslash is written as \e.
std::string escaped(std::string_view text) {
    std::string out;
    if (text.starts_with('.') || text.starts_with('\'')) out += "\\&";
    for (const char c : text) {
        if (c == '\\')
            out += "\\e";
        else if (c == '\n')
            out += ' ';
        else
            out += c;
    }
    return out;
}

// One line of text for a description: wrapped at 78 bytes, a sentence more than a label gets its full stop.
std::string paragraph(std::string_view text) {
    std::string out;
    std::size_t column = 0;
    const auto whole = std::string(text) + (text.ends_with('.') || text.empty() ? "" : ".");
    std::size_t at = 0;
    while (at < whole.size()) {
        const auto end = std::min(whole.find(' ', at), whole.size());
        const auto word = whole.substr(at, end - at);
        if (column > 0 && column + 1 + word.size() > 78) {
            out += '\n';
            column = 0;
        } else if (column > 0) {
            out += ' ';
            ++column;
        }
        out += column == 0 ? escaped(word) : word.find('\\') == std::string::npos ? word : escaped(word);
        column += word.size();
        at = end + 1;
    }
    return out + '\n';
}

// "--profile" as mdoc wants it after .Fl, which prints the first dash.
std::string flag(std::string_view name) {
    return std::string(name.substr(1));
}

std::string placeholder(const Option& option) {
    if (option.choices.empty()) return "Ar " + escaped(option.placeholder);
    std::string out;
    for (const auto choice : option.choices)
        out += (out.empty() ? "Cm " : " | ") + escaped(choice);
    return out;
}

std::string usage(const Command& command) {
    std::string out = ".Nm signetctl\n.Op Ar option ...\n.Cm";
    if (!command.group.empty()) out += " " + std::string(command.group);
    out += " " + std::string(command.name) + "\n";
    for (const auto& positional : command.positionals)
        out += (positional.required ? ".Ar " : ".Op Ar ") + escaped(positional.name) + "\n";
    for (const auto& option : command.options) {
        out += option.required ? ".Fl " : ".Op Fl ";
        out += flag(option.name);
        // A long list of choices would not fit a line of the synopsis; the description has it.
        if (option.choices.size() > 4)
            out += " Ar " + escaped(option.placeholder);
        else if (!option.placeholder.empty())
            out += " " + placeholder(option);
        out += option.repeatable ? " ...\n" : "\n";
    }
    return out;
}

std::string describe(const Command& command) {
    std::string out = ".It Xo\n.Cm";
    if (!command.group.empty()) out += " " + std::string(command.group);
    out += " " + std::string(command.name);
    for (const auto& positional : command.positionals)
        out += (positional.required ? " Ar " : " Op Ar ") + escaped(positional.name);
    out += "\n.Xc\n" + paragraph(command.summary);
    if (std::ranges::all_of(command.positionals, [](const auto& one) { return one.help.empty(); }) &&
        command.options.empty())
        return out;
    out += ".Bl -tag -width Ds\n";
    for (const auto& positional : command.positionals) {
        if (positional.help.empty()) continue;
        out += ".It Ar " + escaped(positional.name) + "\n" + paragraph(positional.help);
    }
    for (const auto& option : command.options) {
        out += ".It Fl " + flag(option.name);
        if (!option.placeholder.empty()) out += " " + placeholder(option);
        out += "\n" + paragraph(std::string(option.help) + (option.required ? " (required)" : "") +
                                (option.repeatable ? " (may be repeated)" : ""));
    }
    return out + ".El\n";
}

std::string head(std::string name, std::string_view summary) {
    std::string upper = name;
    std::ranges::transform(upper, upper.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    return ".Dd " + std::string(kDate) + "\n.Dt " + upper + " 1\n.Os\n.Sh NAME\n.Nm " + name + "\n.Nd " +
           std::string(summary) + "\n";
}

constexpr std::string_view kOptions = R"(.Bl -tag -width Ds
.It Fl -config Ar file
The appliance's configuration, see
.Xr signetd.yaml 5 ;
default
.Pa /etc/signet/signetd.yaml .
Sockets, database and audit are found by it.
.It Fl -socket Ar path
Another socket than the configured one.
.It Fl -json
Print one JSON document instead of lines for people, errors included.
.It Fl -help
Explain a command and exit.
.El
)";

constexpr std::string_view kExitStatus = R"(.Sh EXIT STATUS
.Bl -tag -width Ds
.It 0
Success.
.It 1
The operation failed.
.It 2
The command line or the input is wrong.
.It 3
The policy refused it, the caller is unknown, or a file may not be read.
.It 4
No such key, certificate or file.
.It 5
The daemon or the token does not answer now; trying again may help.
.It 6
It exists already, or its state forbids it.
.It 7
The disk is full or failed.
.It 8
A check came to its end and found something wrong.
.El
)";

std::string main_page() {
    std::string out = head("signetctl", "make, use and administer a Signet appliance");
    out +=
        ".Sh SYNOPSIS\n.Nm\n.Op Fl -config Ar file\n.Op Fl -socket Ar path\n.Op Fl -json\n.Ar command\n.Op "
        "Ar ...\n";
    out += R"(.Sh DESCRIPTION
.Nm
talks to
.Xr signetd 8
over its local sockets; what the daemon need not know, such as making an
appliance or verifying an audit export, it does by itself.
No secret is ever taken from the command line or the environment.
.Pp
The options before the command are:
)";
    out += kOptions;
    out += ".Sh COMMANDS\n.Bl -tag -width Ds\n";
    for (const auto& command : commands()) {
        if (command.group.empty()) out += describe(command);
    }
    out += ".El\n.Pp\nThese groups have pages of their own:\n.Bl -tag -width Ds\n";
    for (const auto& group : groups()) {
        out += ".It Cm " + std::string(group.name) + "\n" + paragraph(group.summary);
        out += "See\n.Xr signetctl-" + std::string(group.name) + " 1 .\n";
    }
    out += ".El\n";
    out += kExitStatus;
    out += R"(.Sh EXAMPLES
Make an appliance for trying things out, and start it:
.Bd -literal -offset indent
signetctl init ~/appliance
signetd --config ~/appliance/signetd.yaml --with-token
.Ed
.Pp
Sign a file with the installed service:
.Bd -literal -offset indent
signetctl sign document letter.txt --out letter.sig
.Ed
.Sh SEE ALSO
)";
    std::vector<std::string_view> names;
    for (const auto& group : groups())
        names.push_back(group.name);
    std::ranges::sort(names);
    for (const auto name : names)
        out += ".Xr signetctl-" + std::string(name) + " 1 ,\n";
    return out + ".Xr signet-policy 5 ,\n.Xr signetd.yaml 5 ,\n.Xr signetd 8 ,\n.Xr signetd-token 8\n";
}

std::string group_page(const Group& group) {
    const auto name = "signetctl-" + std::string(group.name);
    std::string out = head(name, group.summary) + ".Sh SYNOPSIS\n";
    std::string list;
    for (const auto& command : commands()) {
        if (command.group != group.name) continue;
        out += usage(command);
        list += describe(command);
    }
    out += ".Sh DESCRIPTION\nThe commands are:\n.Bl -tag -width Ds\n" + list +
           ".El\n.Pp\nThe options before the command are:\n";
    out += kOptions;
    out += kExitStatus;
    return out + ".Sh SEE ALSO\n.Xr signetctl 1 ,\n.Xr signetd 8\n";
}

Outcome manual(Context& context, const Arguments& arguments) {
    const auto asked = arguments.text("GROUP");
    if (asked.empty()) {
        context.out().raw(main_page());
        return ExitCode::ok;
    }
    const auto found = std::ranges::find(groups(), asked, &Group::name);
    if (found == groups().end())
        return fail(ErrorCode::invalid_argument, "there is no group '" + asked + "'; see signetctl --help");
    context.out().raw(group_page(*found));
    return ExitCode::ok;
}

}  // namespace

std::vector<Command> manual_commands() {
    return {{"",
             "manual",
             "print the manual page of signetctl, or of one of its groups, for man(1)",
             {{"GROUP", Value::text, "such as keys", false}},
             {},
             manual}};
}

}  // namespace signet::ctl
