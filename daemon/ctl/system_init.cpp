#include "daemon/ctl/system_init.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cerrno>
#include <cstring>

#include "base/encoding.h"
#include "base/file.h"
#include "base/random.h"
#include "base/secret.h"
#include "daemon/ctl/appliance_keys.h"
#include "daemon/ctl/context.h"
#include "daemon/ctl/programs.h"
#include "hsm/client/token_client.h"

namespace signet::ctl {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

constexpr std::string_view kDaemonUser = "signet";
constexpr std::string_view kAuthority = "device.ca";  // what make_first_keys makes
constexpr std::string_view kCredentials = "/etc/credstore.encrypted";
constexpr std::string_view kPin = "signet.pin";  // as in signetd-token.service
constexpr std::string_view kSoPin = "signet.so-pin";
constexpr std::string_view kTokenState = "/var/lib/signet-token";
// Present while the appliance is being made; what is there then was never used.
constexpr std::string_view kMarker = ".init-under-way";

struct User {
    uid_t uid = 0;
    gid_t gid = 0;
};

Result<User> find_user(std::string_view name) {
    const std::string text(name);
    const passwd* entry = getpwnam(text.c_str());  // NOLINT(concurrency-mt-unsafe): one thread
    if (entry == nullptr)
        return fail(ErrorCode::failed_precondition,
                    "this system has no user '" + text + "'; --system is for the installed package");
    return User{entry->pw_uid, entry->pw_gid};
}

fs::path credential(std::string_view name) {
    return fs::path(kCredentials) / name;
}

bool has_entries(const fs::path& directory) {
    std::error_code error;
    return fs::directory_iterator(directory, error) != fs::directory_iterator();
}

// Runs one of systemd's programs; its last line is the reason when it fails.
Status run(const fs::path& program, const std::vector<std::string>& arguments,
           std::chrono::seconds time_limit, const Secret* input = nullptr) {
    SIGNET_ASSIGN(const auto finished, run_program(program, arguments, time_limit, input));
    if (finished.code == 0) return {};
    auto text = finished.errors.empty() ? finished.output : finished.errors;
    while (text.ends_with('\n'))
        text.pop_back();
    return fail(ErrorCode::failed_precondition,
                program.filename().string() + " failed: " + text.substr(text.rfind('\n') + 1));
}

// 192 random bits, in letters that every module takes.
Secret random_pin() {
    auto bytes = random_bytes(24);
    auto text = to_base64url(bytes);
    wipe(bytes);
    auto pin = Secret::copy_of(text);
    wipe(text);
    return pin;
}

Status keep_credential(std::string_view name, const Secret& value) {
    if (::mkdir(std::string(kCredentials).c_str(), 0700) != 0 && errno != EEXIST)
        return fail(ErrorCode::internal,
                    "cannot make " + std::string(kCredentials) + ": " + std::strerror(errno));
    const auto path = credential(name);
    SIGNET_TRY(run("/usr/bin/systemd-creds", {"encrypt", "--name=" + std::string(name), "-", path.string()},
                   std::chrono::seconds(60), &value));
    if (::chmod(path.c_str(), 0600) != 0)
        return fail(ErrorCode::internal, "cannot protect " + path.string() + ": " + std::strerror(errno));
    return {};
}

// By the user and with the credential of the unit, so that what works now works for the service. The SO PIN goes through
// a pipe.
Status init_token(const fs::path& token_config, const Secret& so_pin) {
    SIGNET_ASSIGN(const auto program, find_program("signetd-token"));
    return run("/usr/bin/systemd-run",
               {"--quiet",
                "--wait",
                "--pipe",
                "--collect",
                "--unit=signet-init-token",
                "-p",
                "User=signet-token",
                "-p",
                "Group=signet-token",
                "-p",
                "StateDirectory=signet-token signet-token/tokens signet-token/state",
                "-p",
                "StateDirectoryMode=0700",
                "-p",
                "UMask=0077",
                "-p",
                "LoadCredentialEncrypted=" + std::string(kPin),
                "--",
                program.string(),
                "init-token",
                "--config",
                token_config.string(),
                "--so-pin-file",
                "-"},
               std::chrono::seconds(60), &so_pin);
}

// A directory that belongs to the daemon's user.
Status make_directory(const fs::path& path, const User& owner, mode_t mode) {
    if ((::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) ||
        ::chown(path.c_str(), owner.uid, owner.gid) != 0 || ::chmod(path.c_str(), mode) != 0)
        return fail(ErrorCode::internal, "cannot make " + path.string() + ": " + std::strerror(errno));
    return {};
}

Status check_nothing_there(const config::Config& config) {
    const auto refuse = [](const fs::path& what) {
        return fail(ErrorCode::already_exists,
                    what.string() +
                        " is there: this machine has an appliance already; start it: "
                        "systemctl start signetd");
    };
    std::error_code error;
    for (const auto name : {kPin, kSoPin}) {
        if (fs::exists(credential(name), error)) return refuse(credential(name));
    }
    if (fs::exists(config.database, error)) return refuse(config.database);
    const auto tokens = fs::path(kTokenState) / "tokens";
    if (has_entries(tokens)) return refuse(tokens);
    return {};
}

// What an init left that did not come to its end.
void clear(const config::Config& config) {
    std::error_code error;
    for (const auto name : {kPin, kSoPin})
        fs::remove(credential(name), error);
    for (const auto* suffix : {"", "-wal", "-shm", ".lock"})
        fs::remove(config.database.string() + suffix, error);
    for (const auto* name : {"tokens", "state"})
        fs::remove_all(fs::path(kTokenState) / name, error);
}

Status become(const User& user) {
    const std::string name(kDaemonUser);
    if (initgroups(name.c_str(), user.gid) != 0 || setgid(user.gid) != 0 || setuid(user.uid) != 0)
        return fail(ErrorCode::permission_denied, "cannot become " + name + ": " + std::strerror(errno));
    return {};
}

// The unit tells systemd that it is ready once the token is open, so the first try is meant to succeed.
Result<std::unique_ptr<TokenClient>> connect(const fs::path& socket) {
    auto client = TokenClient::create({.socket = socket});
    const auto status = client->status(Deadline::in(std::chrono::seconds(20)));
    if (!status) return std::unexpected(status.error());
    return client;
}

Result<Secret> pin_of(const Arguments& arguments) {
    if (!arguments.has("--pin-file")) return random_pin();
    return read_secret_file(arguments.text("--pin-file"), 256);
}

}  // namespace

Outcome init_system(Context& context, const Arguments& arguments) {
    if (geteuid() != 0)
        return fail(ErrorCode::permission_denied,
                    "only root can set up the installed service: sudo signetctl init --system");
    if (access("/run/systemd/system", F_OK) != 0)
        return fail(ErrorCode::failed_precondition,
                    "systemd does not run here; make an appliance of its own instead: signetctl init DIR");
    SIGNET_ASSIGN(const auto* config, context.config());
    SIGNET_ASSIGN(const auto families, setups_named(arguments.all("--with")));
    SIGNET_ASSIGN(const auto daemon, find_user(kDaemonUser));
    const auto data = config->database.parent_path();
    if (!config->authorities.contains(std::string(kAuthority)))
        return fail(ErrorCode::failed_precondition,
                    config->file.string() + " has no authority " + std::string(kAuthority) +
                        " under ca; put back the section that the package brought");
    if (config->token.config.empty())
        return fail(ErrorCode::failed_precondition,
                    config->file.string() + " does not name token.yaml; add config: token.yaml to token");
    std::error_code error;
    const auto marker = data / kMarker;
    if (fs::exists(marker, error)) {
        context.out().note("clearing what an interrupted init left");
        (void)run("/usr/bin/systemctl", {"stop", "signetd-token.service"}, std::chrono::seconds(60));
        clear(*config);
    }
    SIGNET_TRY(check_nothing_there(*config));

    const auto step = [&](std::string_view text) { context.out().note("  " + std::string(text)); };
    context.out().note("setting up the installed service by " + config->file.string());
    SIGNET_TRY(make_directory(data, daemon, 0700));
    for (const auto* name : {"ca", "tls"})
        SIGNET_TRY(make_directory(data / name, daemon, 0755));
    for (const auto& directory : {config->audit.archive, config->backup.directory})
        SIGNET_TRY(make_directory(directory, daemon, 0700));
    SIGNET_TRY(write_file_atomic(marker, as_bytes("signetctl init --system\n"), 0600));
    {
        step("PIN, encrypted for this machine, in " + credential(kPin).string());
        SIGNET_ASSIGN(const auto pin, pin_of(arguments));
        SIGNET_TRY(keep_credential(kPin, pin));
    }
    if (!arguments.has("--pin-file")) {
        const auto so_pin = random_pin();
        step("SO PIN in " + credential(kSoPin).string());
        SIGNET_TRY(keep_credential(kSoPin, so_pin));
        step("token, by " + config->token.config.string());
        SIGNET_TRY(init_token(config->token.config, so_pin));
    }
    step("signetd-token.service");
    SIGNET_TRY(run("/usr/bin/systemctl", {"restart", "signetd-token.service"}, std::chrono::seconds(120)));
    SIGNET_TRY(become(daemon));
    SIGNET_ASSIGN(const auto token, connect(config->token.socket));
    SIGNET_TRY(make_first_keys(*config, *token, "operator", data, families, step));
    // Last: until then a second try begins anew. Its directory is the daemon's.
    fs::remove(marker, error);

    context.out().line("the appliance is ready");
    context.out().line("");
    context.out().line("  start it:      systemctl start signetd");
    context.out().line("  let a user in: adduser USER signet-client, and a rule in " +
                       config->policy.string());
    context.out().line("  look at it:    signetctl doctor");
    context.out().line("");
    context.out().line("keep a backup of " + std::string(kTokenState) + ", " + data.string() +
                       " and the PIN: "
                       "/usr/share/doc/signet/operations.md");
    context.out().document(json::object{{"config", config->file.string()},
                                        {"database", config->database.string()},
                                        {"pin", credential(kPin).string()}});
    return ExitCode::ok;
}

}  // namespace signet::ctl
