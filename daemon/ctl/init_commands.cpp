#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cerrno>
#include <cstring>

#include "daemon/ctl/appliance_files.h"
#include "daemon/ctl/appliance_keys.h"
#include "daemon/ctl/appliance_text.h"
#include "daemon/ctl/context.h"
#include "daemon/ctl/system_init.h"
#include "daemon/ctl/token_process.h"
#include "policy/policy.h"

namespace signet::ctl {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

// Present while an appliance is being made: without signetd.yaml, which is written last, nobody can have used it.
constexpr std::string_view kMarker = ".init-under-way";
constexpr std::string_view kMade[] = {"token.yaml", "softhsm2.conf", "policy.yaml", "secrets",
                                      "tokens",     "data",          "run",         "state",
                                      "ca",         "tls",           "archive",     "backup"};
constexpr std::string_view kDefaultModule = "/usr/lib/softhsm/libsofthsm2.so";

struct User {
    std::string name;
    uid_t uid = 0;
    gid_t gid = 0;
};

std::string name_of(uid_t uid) {
    const passwd* entry = getpwuid(uid);  // NOLINT(concurrency-mt-unsafe): one thread
    return entry != nullptr ? entry->pw_name : std::to_string(uid);
}

Result<User> target_user(const Arguments& arguments) {
    if (!arguments.has("--user")) {
        if (geteuid() == 0)
            return fail(ErrorCode::invalid_argument,
                        "the daemon refuses to run as root, so the appliance needs an owner: signetctl init "
                        "DIR --user NAME "
                        "(make one: adduser --system --group signet), or run this as that user");
        return User{name_of(geteuid()), geteuid(), getegid()};
    }
    const auto name = arguments.text("--user");
    const passwd* entry = getpwnam(name.c_str());  // NOLINT(concurrency-mt-unsafe): one thread
    if (entry == nullptr)
        return fail(ErrorCode::not_found,
                    "this system has no user '" + name + "'; make it: adduser --system --group " + name);
    if (entry->pw_uid == 0)
        return fail(ErrorCode::invalid_argument, "the daemon refuses to run as root; name another user");
    if (geteuid() != 0 && geteuid() != entry->pw_uid)
        return fail(ErrorCode::permission_denied,
                    "only root can make an appliance for another user; run this as " + name);
    return User{name, entry->pw_uid, entry->pw_gid};
}

// Makes the directory, or takes an empty one, or clears what an interrupted init left.
Status prepare_directory(Context& context, const fs::path& directory) {
    std::error_code error;
    if (fs::exists(directory / "signetd.yaml", error))
        return fail(ErrorCode::already_exists, directory.string() +
                                                   " is an appliance already; start it: signetd --config " +
                                                   (directory / "signetd.yaml").string() + " --with-token");
    if (fs::exists(directory / kMarker, error)) {
        context.out().note("clearing what an interrupted init left in " + directory.string());
        for (const auto name : kMade)
            fs::remove_all(directory / name, error);
    } else if (fs::exists(directory, error) &&
               (!fs::is_directory(directory, error) || !fs::is_empty(directory, error))) {
        return fail(ErrorCode::already_exists, directory.string() + " is not empty; name a new directory");
    }
    fs::create_directories(directory.parent_path(), error);
    if (::mkdir(directory.c_str(), 0750) != 0 && errno != EEXIST)
        return fail(errno == EACCES ? ErrorCode::permission_denied : ErrorCode::internal,
                    "cannot make " + directory.string() + ": " + std::strerror(errno));
    return {};
}

// From here on everything is made by the owner, with the rights of the owner: what works now works for the daemon.
Status become(const User& user, const fs::path& directory) {
    if (geteuid() != 0) return {};
    if (chown(directory.c_str(), user.uid, user.gid) != 0 || initgroups(user.name.c_str(), user.gid) != 0 ||
        setgid(user.gid) != 0 || setuid(user.uid) != 0)
        return fail(ErrorCode::permission_denied, "cannot become " + user.name + ": " + std::strerror(errno));
    if (access(directory.c_str(), R_OK | W_OK | X_OK) != 0)
        return fail(ErrorCode::permission_denied,
                    user.name + " cannot reach " + directory.string() +
                        "; choose a directory such as /var/lib/signet-appliance");
    return {};
}

Status make_appliance(Context& context, const ApplianceSettings& settings) {
    const fs::path directory = settings.directory;
    const auto step = [&](std::string_view text) { context.out().note("  " + std::string(text)); };
    SIGNET_TRY(write_text(directory / kMarker, "signetctl init\n", 0600));
    SIGNET_TRY(make_directories(directory));
    step("PIN and SO PIN, in " + (directory / "secrets").string());
    SIGNET_TRY(write_pin(directory / "secrets" / "pin"));
    SIGNET_TRY(write_pin(directory / "secrets" / "so-pin"));
    SIGNET_TRY(write_text(directory / "softhsm2.conf", softhsm_text(settings), 0600));
    SIGNET_TRY(write_text(directory / "token.yaml", token_text(settings), 0640));
    SIGNET_TRY(write_text(directory / "policy.yaml", policy_text(settings), 0640));
    // Read back before any key exists: a template that its own reader refuses must not cost a ceremony.
    SIGNET_TRY(policy::Policy::load(directory / "policy.yaml"));
    const auto text = daemon_text(settings);
    SIGNET_ASSIGN(const auto config, config::parse(text, directory / "signetd.yaml"));

    step("token '" + settings.token_label + "' in " + settings.module);
    SIGNET_TRY(init_token(directory));
    SIGNET_ASSIGN(auto process,
                  TokenProcess::start(directory / "token.yaml", config.token.socket,
                                      directory / "state" / "init.log", std::chrono::seconds(30)));
    SIGNET_TRY(make_first_keys(config, process.token(), "operator", directory, settings.families, step,
                               settings.for_backup));
    SIGNET_TRY(write_text(directory / "signetd.yaml", text, 0640));
    std::error_code ignored;
    fs::remove(directory / kMarker, ignored);
    return {};
}

Outcome init(Context& context, const Arguments& arguments) {
    if (arguments.has("--system") == arguments.has("DIR"))
        return fail(
            ErrorCode::invalid_argument,
            "name a directory for an appliance of its own, or give --system to set up the installed service");
    if (arguments.has("--system")) return init_system(context, arguments);
    if (arguments.has("--pin-file"))
        return fail(ErrorCode::invalid_argument, "--pin-file goes with --system");
    SIGNET_ASSIGN(auto families, setups_named(arguments.all("--with")));
    SIGNET_ASSIGN(const auto user, target_user(arguments));
    std::error_code error;
    const auto directory = fs::weakly_canonical(fs::absolute(arguments.text("DIR")), error);
    if (error)
        return fail(ErrorCode::invalid_argument,
                    "no such place: " + arguments.text("DIR") + ": " + error.message());
    // A Unix socket's path has 107 bytes at most (unix(7)).
    if (directory.native().size() > 90)
        return fail(ErrorCode::invalid_argument,
                    directory.string() + " is too long: sockets below it need a path of 107 bytes at most");
    SIGNET_TRY(prepare_directory(context, directory));

    ApplianceSettings settings;
    settings.directory = directory.string();
    settings.module = arguments.text("--module", kDefaultModule);
    settings.token_label = arguments.text("--token-label", "signet");
    settings.service_user = user.name;
    settings.users.push_back(user.name);
    if (geteuid() == 0) settings.users.emplace_back("root");
    settings.tls_address = arguments.text("--tls");
    settings.public_address = arguments.text("--public");
    settings.families = std::move(families);
    settings.for_backup = arguments.has("--for-backup");
    if (access(settings.module.c_str(), R_OK) != 0)
        return fail(ErrorCode::not_found,
                    "cannot read the PKCS#11 module " + settings.module +
                        "; install it (apt install softhsm2), or name another one with --module");

    context.out().note("making an appliance in " + directory.string() + ", owned by " + user.name);
    SIGNET_TRY(become(user, directory));
    if (auto made = make_appliance(context, settings); !made) {
        made.error().message +=
            "; " + directory.string() + " is not finished: run the same command again to begin anew";
        return std::unexpected(std::move(made).error());
    }

    const auto config = (directory / "signetd.yaml").string();
    const auto as_user =
        getuid() != 0 && arguments.has("--user") ? "runuser -u " + user.name + " -- " : std::string();
    context.out().line("appliance ready in " + directory.string());
    context.out().line("");
    context.out().line("  start it:     " + as_user + "signetd --config " + config + " --with-token");
    context.out().line("  look at it:   signetctl --config " + config + " doctor");
    context.out().line("  sign a file:  signetctl --config " + config + " sign document.ec FILE");
    context.out().line("");
    context.out().line("keep " + (directory / "secrets").string() + " and " +
                       (directory / "tokens").string() +
                       " in a safe backup: no key can be used without them");
    context.out().document(json::object{{"directory", directory.string()},
                                        {"config", config},
                                        {"user", user.name},
                                        {"api_socket", (directory / "run" / "api.sock").string()},
                                        {"admin_socket", (directory / "run" / "admin.sock").string()}});
    return ExitCode::ok;
}

}  // namespace

std::vector<Command> init_commands() {
    return {
        {"",
         "init",
         "make a self-contained appliance: token, configuration, policy, database, first keys",
         {{"DIR", Value::directory, "a new or empty directory", false}},
         {{"--system", "", "set up the installed service instead, by /etc/signet"},
          {"--pin-file", "FILE", "with --system: the token exists already, and this is its PIN", Value::file},
          {"--user", "NAME", "who will own it and run the daemon (default: you; root must name somebody)"},
          {"--tls", "ADDRESS:PORT", "listen with TLS there, with client certificates"},
          {"--public", "ADDRESS:PORT", "serve CRLs and OCSP there, to everybody, over plain HTTP"},
          {"--with", "FAMILY",
           "also serve this API family, with its keys and authorities: all, or names such as mpoc",
           Value::text, false, true},
          {"--for-backup", "", "make the keys extractable, for backups under custodians' shares"},
          {"--module", "FILE", "PKCS#11 module (default: SoftHSM)", Value::file},
          {"--token-label", "NAME", "label of the token (default signet)"}},
         init}};
}

}  // namespace signet::ctl
