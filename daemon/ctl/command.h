// A command as data: the parser, the help texts and the shell completion are made from the same table.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "daemon/ctl/exit_code.h"

namespace signet::ctl {

class Context;

// What completion offers for a value.
enum class Value : std::uint8_t { text, number, file, directory, key };

struct Positional {
    std::string_view name;  // "KEY"
    Value value = Value::text;
    std::string_view help;
    bool required = true;
};

struct Option {
    std::string_view name;         // "--profile"
    std::string_view placeholder;  // "NAME"; empty: a flag
    std::string_view help;
    Value value = Value::text;
    bool required = false;
    bool repeatable = false;
    std::vector<std::string_view> choices{};  // empty: anything
};

// What the parser found, by the names above.
class Arguments {
  public:
    void set(std::string name, std::vector<std::string> values) {
        values_[std::move(name)] = std::move(values);
    }

    bool has(std::string_view name) const { return values_.contains(name); }
    // Empty when it was not given.
    std::string text(std::string_view name) const {
        const auto found = values_.find(name);
        return found == values_.end() || found->second.empty() ? std::string{} : found->second.back();
    }
    std::string text(std::string_view name, std::string_view otherwise) const {
        return has(name) ? text(name) : std::string(otherwise);
    }
    std::vector<std::string> all(std::string_view name) const {
        const auto found = values_.find(name);
        return found == values_.end() ? std::vector<std::string>{} : found->second;
    }
    // Decimal. Error: invalid_argument naming the option and its range.
    Result<std::uint64_t> number(std::string_view name, std::uint64_t otherwise, std::uint64_t low,
                                 std::uint64_t high) const;

  private:
    std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

using Outcome = Result<ExitCode>;

struct Command {
    std::string_view group;  // "keys"; empty for a command that stands alone
    std::string_view name;   // "list"
    std::string_view summary;
    std::vector<Positional> positionals;
    std::vector<Option> options;
    Outcome (*run)(Context&, const Arguments&);
};

struct Group {
    std::string_view name;
    std::string_view summary;
};

// One function for each file of commands.
std::vector<Command> init_commands();
std::vector<Command> key_commands();
std::vector<Command> signing_commands();
std::vector<Command> certificate_commands();
std::vector<Command> mosip_commands();
std::vector<Command> mpoc_commands();
std::vector<Command> policy_commands();
std::vector<Command> audit_commands();
std::vector<Command> audit_people_commands();  // tail, search, report
std::vector<Command> approval_commands();
std::vector<Command> top_commands();
std::vector<Command> operation_commands();  // status, backup, version
std::vector<Command> outbox_commands();
std::vector<Command> momo_commands();
std::vector<Command> mypos_commands();
std::vector<Command> doctor_commands();
std::vector<Command> bench_commands();
std::vector<Command> paycontrol_commands();
std::vector<Command> device_commands();
std::vector<Command> completion_commands();
std::vector<Command> manual_commands();

// All of them, in the order of the help text, and the groups they belong to.
const std::vector<Command>& commands();
const std::vector<Group>& groups();

}  // namespace signet::ctl
