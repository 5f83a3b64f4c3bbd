#include <csignal>

#include "base/log.h"
#include "daemon/ctl/command_line.h"
#include "daemon/ctl/context.h"
#include "daemon/ctl/output.h"

namespace {

// --json must hold for errors of the command line too, before it is parsed.
bool wants_json(int count, char** words) {
    for (int i = 1; i < count; ++i) {
        if (std::string_view(words[i]) == "--json") return true;
    }
    return false;
}

}  // namespace

int main(int count, char** words) {
    using namespace signet;
    using namespace signet::ctl;
    std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is an error of the write, which flush() reports
    log::set_up("signetctl", "warning");
    auto line = parse_command_line(count, words);
    Output out(line ? line->global.json : wants_json(count, words));
    if (!line) {
        out.error(line.error());
        return static_cast<int>(ExitCode::usage);
    }
    if (line->command == nullptr) {
        out.raw(line->text);
        return static_cast<int>(out.flush() ? ExitCode::ok : ExitCode::failed);
    }
    Context context(line->global, out);
    const auto outcome = line->command->run(context, line->arguments);
    if (!outcome) {
        out.error(outcome.error());
        (void)out.flush();
        return static_cast<int>(exit_code_for(outcome.error().code));
    }
    if (!out.flush()) {
        out.error({ErrorCode::storage_failed, "could not write all output", {}});
        return static_cast<int>(ExitCode::failed);
    }
    return static_cast<int>(*outcome);
}
