// signetd: the daemon. See signetd(8).
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "base/log.h"
#include "base/log_background.h"
#include "daemon/exit_codes.h"
#include "daemon/process.h"
#include "daemon/signetd.h"
#include "signet_version.h"

namespace signet::daemon {
namespace {

int complain(const Error& error, int code) {
    const auto detail = error.detail.empty() ? std::string() : " (" + error.detail + ")";
    std::fprintf(stderr, "signetd: %s%s\n", error.message.c_str(), detail.c_str());
    return code;
}

int refuse_root(const std::string& config) {
    std::fprintf(stderr,
                 "signetd: does not run as root: whoever found a flaw in it would own the machine.\n"
                 "Start it as the appliance's user: systemctl start signetd; after packaging/quickstart, as "
                 "its user:\n"
                 "  setpriv --reuid=signet --regid=signet --init-groups signetd --config %s --with-token\n",
                 config.c_str());
    return kExitRoot;
}

// What another start cannot mend without somebody changing a file.
bool is_configuration(const Error& error) {
    return error.code == ErrorCode::invalid_argument || error.code == ErrorCode::unprocessable ||
           error.code == ErrorCode::failed_precondition;
}

int run(int argc, char** argv) {
    CLI::App app(
        "Signs, issues certificates and answers for revocation with keys that stay in a PKCS#11 token.",
        "signetd");
    app.set_version_flag("--version", "signetd " SIGNET_VERSION);
    Options options;
    bool check_only = false;
    app.add_option("--config", options.config, "signetd.yaml")->required();
    app.add_flag("--with-token", options.with_token,
                 "Run signetd-token too, by token.config of the configuration");
    app.add_flag("--check", check_only,
                 "Read configuration and policy, say what is wrong with them, and end");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kExitOk : kExitUsage;
    }
    if (check_only) {
        if (const auto checked = check(options.config); !checked)
            return complain(checked.error(), kExitConfiguration);
        std::printf("%s and what it names are in order\n", options.config.c_str());
        return kExitOk;
    }
    auto config = config::load(options.config);
    if (!config) return complain(config.error(), kExitConfiguration);
    log::set_up("signetd", config->log_level);
    if (geteuid() == 0) return refuse_root(options.config);
    harden_process();
    block_signals();
    // Everything that follows has threads that must not wait for whoever reads the log.
    const log::Background logging;
    auto daemon = Signetd::start(options, *std::move(config));
    if (!daemon)
        return complain(daemon.error(), is_configuration(daemon.error()) ? kExitConfiguration : kExitFailed);
    (*daemon)->run();
    return kExitOk;
}

}  // namespace
}  // namespace signet::daemon

int main(int argc, char** argv) {
    try {
        return signet::daemon::run(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "signetd: %s\n", error.what());
        return signet::daemon::kExitFailed;
    }
}
