// signetd-token: the process that holds the token. See signetd-token(8).
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "base/log.h"
#include "hsm/frames/exit_codes.h"
#include "hsm/frames/messages.h"
#include "hsm/token/commands.h"
#include "hsm/token/config.h"
#include "hsm/token/credentials.h"
#include "hsm/token/harden.h"
#include "hsm/token/pin_change.h"
#include "hsm/token/pin_marker.h"
#include "hsm/token/supervisor.h"
#include "hsm/token/worker.h"

namespace signet::token {
namespace {

int complain(const Error& error, int code) {
    const auto detail = error.detail.empty() ? std::string() : " (" + error.detail + ")";
    std::fprintf(stderr, "signetd-token: %s%s\n", error.message.c_str(), detail.c_str());
    return code;
}

int refuse_root(const std::string& config) {
    std::fprintf(stderr,
                 "signetd-token: does not run as root: a flaw in the token's module would own the machine.\n"
                 "Start it as the user who owns the token: systemctl start signetd-token, or\n"
                 "  setpriv --reuid=USER --regid=GROUP --init-groups signetd-token --config %s\n",
                 config.c_str());
    return kExitRoot;
}

int serve(const std::string& file, const std::string& log_level) {
    harden_process();
    auto config = load_token_config(file);
    if (!config) return complain(config.error(), kExitConfiguration);
    if (const auto state = make_state_directory(config->state); !state)
        return complain(state.error(), kExitConfiguration);
    auto credentials = Credentials::load(*config);
    if (!credentials) return complain(credentials.error(), kExitConfiguration);
    return Supervisor(*std::move(config), *std::move(credentials), log_level).run();
}

int run(int argc, char** argv) {
    CLI::App app(
        "Holds the PKCS#11 token for signetd: a supervisor that knows the PIN, and a worker that uses the "
        "token.",
        "signetd-token");
    app.set_version_flag("--version", frames::program_version("signetd-token"));
    std::string config;
    std::string log_level = "info";
    bool worker = false;
    app.add_option("--config", config, "token.yaml");
    app.add_option("--log-level", log_level, "debug, info, warning or error")
        ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
    app.add_flag("--worker", worker)->group("");
    bool change_pin = false;
    app.add_flag("--change-pin", change_pin)->group("");

    const auto subcommand = [&](const char* name, const char* help) {
        auto* const command = app.add_subcommand(name, help);
        command->add_option("--config", config, "token.yaml")->required();
        return command;
    };
    auto* const check = subcommand("check", "Read the configuration, say what is wrong with it, and end");
    auto* const clear =
        subcommand("clear-pin-marker", "Allow the next login after the token refused the PIN");
    InitOptions init;
    auto* const init_command =
        subcommand("init-token", "Make the token of the configuration, with the PIN it names");
    init_command
        ->add_option("--so-pin-file", init.so_pin_file,
                     "File with the security officer's PIN, mode 0600; - for stdin")
        ->required();
    ReanchorOptions reanchor;
    auto* const reanchor_command =
        subcommand("re-anchor",
                   "With everything stopped: have the token take another head of the audit chain for the "
                   "last one it signed");
    reanchor_command->add_option("--sequence", reanchor.sequence, "Number of the record")->required();
    reanchor_command->add_option("--head", reanchor.head, "Its hash, 64 hexadecimal digits")->required();
    reanchor_command->add_option("--reason", reanchor.reason, "Who decided it and why; kept in the token")
        ->required();
    InspectOptions inspected;
    auto* const inspect_command =
        app.add_subcommand("inspect", "Say what a module's tokens are, without logging in; prints JSON");
    inspect_command->add_option("--module", inspected.module, "PKCS#11 module")->required();
    inspect_command->add_option("--module-config", inspected.module_config, "SOFTHSM2_CONF for the module");
    inspect_command->add_option("--module-parameters", inspected.module_parameters,
                                "For C_Initialize's reserved field");
    BenchOptions bench;
    auto* const bench_command = subcommand("bench-raw", "Measure the token called directly; prints JSON");
    bench_command->add_option("--seconds", bench.seconds, "For each case")->check(CLI::Range(0.1, 3600.0));
    bench_command->add_option("--threads", bench.threads, "Threads that sign at once")
        ->check(CLI::Range(1, 256));
    bench_command
        ->add_option("--case", bench.cases, "KEY:ALGORITHM, such as document.ec:ES256 or audit/2:ES256")
        ->required();
    bool json = true;
    bench_command->add_flag("--json", json, "JSON is all it prints; for scripts that say it everywhere");
    app.require_subcommand(0, 1);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kExitOk : kExitUsage;
    }

    log::set_up("signetd-token", log_level);
    if (worker) return run_worker();
    if (change_pin) return run_pin_change();
    if (inspect_command->parsed()) return geteuid() == 0 ? refuse_root("FILE") : inspect(inspected);
    if (config.empty()) {
        std::fputs("signetd-token: --config FILE is missing; see signetd-token --help\n", stderr);
        return kExitUsage;
    }
    if (check->parsed()) return check_config(config);
    if (clear->parsed()) return clear_marker(config);
    if (geteuid() == 0) return refuse_root(config);
    if (init_command->parsed()) return init_token(config, init);
    if (reanchor_command->parsed()) return re_anchor(config, reanchor);
    if (bench_command->parsed()) return bench_raw(config, bench);
    return serve(config, log_level);
}

}  // namespace
}  // namespace signet::token

int main(int argc, char** argv) {
    try {
        return signet::token::run(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "signetd-token: %s\n", error.what());
        return signet::token::kExitFailed;
    }
}
