#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/yaml.h"
#include "daemon/ctl/doctor.h"
#include "hsm/client/token_client.h"

namespace signet::ctl::doctor {
namespace {

// The few settings of token.yaml that doctor follows. signetd-token itself reads the file strictly.
struct TokenFile {
    std::filesystem::path module;
    std::filesystem::path module_config;
    std::filesystem::path pin;
    std::filesystem::path pin_shares;
    std::filesystem::path state;
};

Result<TokenFile> read_token_file(const std::filesystem::path& path) {
    SIGNET_ASSIGN(const auto root, yaml::Node::load(path));
    const auto directory = path.parent_path();
    const auto value = [&](std::string_view key) -> std::filesystem::path {
        const auto node = root.optional(key);
        const auto text = node ? node->text() : Result<std::string>{};
        return text && !text->empty() ? (directory / *text).lexically_normal() : std::filesystem::path{};
    };
    return TokenFile{value("module"), value("module_config"), value("pin_file"), value("pin_shares"),
                     value("state")};
}

void check_pin(const std::filesystem::path& config, const TokenFile& file, Findings& findings) {
    if (!file.state.empty() && access((file.state / "pin-refused").c_str(), F_OK) == 0) {
        findings.error("token.pin",
                       "the token refused its PIN: " + (file.state / "pin-refused").string() + " marks it",
                       "put the right PIN into its file, then: signetd-token clear-pin-marker --config " +
                           config.string());
        return;
    }
    if (!file.pin_shares.empty() && access(file.pin_shares.c_str(), F_OK) == 0) {
        findings.ok("token.pin",
                    "is in custodians' shares; a start waits for them (signetctl custody status)");
        return;
    }
    if (file.pin.empty()) {
        findings.ok("token.pin", "comes from a systemd credential");
        return;
    }
    struct stat info{};
    if (stat(file.pin.c_str(), &info) != 0) {
        findings.error("token.pin", "cannot look at " + file.pin.string() + ": " + std::strerror(errno),
                       errno == EACCES ? "run this as the appliance's user"
                                       : "restore the file: without the PIN no key can be used");
    } else if ((info.st_mode & 077U) != 0) {
        findings.error("token.pin", file.pin.string() + " can be read by others",
                       "chmod 600 " + file.pin.string());
    } else {
        findings.ok("token.pin", file.pin.string() + " is private, and no refusal is marked");
    }
}

}  // namespace

void check_token(const config::Config& config, Findings& findings) {
    if (!config.token.config.empty()) {
        if (const auto file = read_token_file(config.token.config); !file) {
            findings.error("token.configuration", file.error().message, "mend token.yaml");
        } else {
            if (access(file->module.c_str(), R_OK) == 0)
                findings.ok("token.module", file->module.string());
            else
                findings.error("token.module",
                               "cannot read " + file->module.string() + ": " + std::strerror(errno),
                               "install the module (SoftHSM: apt install softhsm2), or correct `module` in " +
                                   config.token.config.string());
            if (!file->module_config.empty() && access(file->module_config.c_str(), R_OK) != 0)
                findings.error("token.module_config",
                               "cannot read " + file->module_config.string() + ": " + std::strerror(errno),
                               "restore it, or correct `module_config` in " + config.token.config.string());
            check_pin(config.token.config, *file, findings);
        }
    }
    const auto client = TokenClient::create({.socket = config.token.socket});
    const auto status = client->status(Deadline::in(std::chrono::seconds(10)));
    if (!status && status.error().code == ErrorCode::permission_denied) {
        // The token answers its daemon alone, root not excepted; that it refuses shows that it runs.
        findings.ok("token.slot", "answers the daemon's user only; daemon.ready says whether it serves");
        return;
    }
    if (!status) {
        const bool pin = status.error().code == ErrorCode::token_pin;
        findings.error(
            "token.slot", status.error().message,
            pin ? "put the right PIN into its file and clear the marker"
                : "start it: signetd --with-token, or systemctl start signetd-token; then read its log");
        return;
    }
    findings.ok("token.slot", "'" + status->label + "', serial " + status->serial + ", " +
                                  status->manufacturer + " " + status->model + ", " +
                                  std::to_string(status->keys) + " keys");
    const auto megabytes = status->resident_bytes >> 20;
    if (status->workers_started > 10)
        findings.warning("token.worker",
                         "worker " + std::to_string(status->worker_pid) + " is number " +
                             std::to_string(status->workers_started) + " since the supervisor started",
                         "read signetd-token's log for why workers end");
    else
        findings.ok("token.worker", "process " + std::to_string(status->worker_pid) + ", " +
                                        std::to_string(megabytes) + " MiB, " +
                                        std::to_string(status->sessions_open) + " sessions, quirks " +
                                        status->quirks);
}

}  // namespace signet::ctl::doctor
