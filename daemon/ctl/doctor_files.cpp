#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "daemon/ctl/doctor.h"
#include "policy/policy.h"

namespace signet::ctl::doctor {
namespace {

std::string user_name(uid_t uid) {
    const passwd* entry = getpwuid(uid);  // NOLINT(concurrency-mt-unsafe): one thread
    return entry != nullptr ? entry->pw_name : std::to_string(uid);
}

std::string octal(mode_t mode) {
    char text[8];
    std::snprintf(text, sizeof text, "%03o", static_cast<unsigned>(mode & 07777U));
    return text;
}

struct Expectation {
    std::string_view check;
    std::filesystem::path path;
    mode_t forbidden;  // bits that must not be set
    std::string_view chmod;
};

void check_mode(const Expectation& expected, Findings& findings) {
    struct stat info{};
    if (stat(expected.path.c_str(), &info) != 0) {
        if (errno == ENOENT)
            findings.error(expected.check, expected.path.string() + " is missing",
                           "restore it from the backup, or make a new appliance: signetctl init");
        else
            findings.warning(expected.check,
                             "cannot look at " + expected.path.string() + ": " + std::strerror(errno),
                             "run this as the appliance's user");
        return;
    }
    if ((info.st_mode & expected.forbidden) != 0) {
        findings.error(expected.check, expected.path.string() + " has mode " + octal(info.st_mode),
                       "chmod " + std::string(expected.chmod) + " " + expected.path.string());
        return;
    }
    if (info.st_uid == 0 && geteuid() != 0 && (expected.forbidden & 077U) == 077U) {
        findings.error(expected.check, expected.path.string() + " belongs to root: the daemon cannot use it",
                       "chown " + user_name(geteuid()) + " " + expected.path.string());
        return;
    }
    findings.ok(expected.check, expected.path.string() + " (mode " + octal(info.st_mode) + ", " +
                                    user_name(info.st_uid) + ")");
}

}  // namespace

void check_files(const config::Config& config, Findings& findings) {
    if (const auto policy = policy::Policy::load(config.policy)) {
        findings.ok("policy",
                    config.policy.string() + ": " + std::to_string((*policy)->rules().size()) + " rules");
    } else {
        findings.error("policy", policy.error().message,
                       "mend it, check it: signetctl policy check; then reload the daemon");
    }
    check_mode({"files.configuration", config.file, 022, "go-w"}, findings);
    check_mode({"files.policy", config.policy, 022, "go-w"}, findings);
    check_mode({"files.database", config.database, 077, "600"}, findings);
    if (geteuid() == 0)
        findings.warning("files.user", "running as root: what you can read, the daemon's user may not",
                         "run doctor as the appliance's user: runuser -u USER -- signetctl … doctor");
}

}  // namespace signet::ctl::doctor
