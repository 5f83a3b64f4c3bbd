#include <sys/statvfs.h>
#include <sys/timex.h>

#include <cerrno>
#include <cstring>

#include "base/file.h"
#include "daemon/ctl/doctor.h"
#include "hsm/pki/certificate.h"
#include "sqlite/audit_log.h"
#include "sqlite/connection.h"
#include "sqlite/crl_store.h"

namespace signet::ctl::doctor {
namespace {

using std::chrono::days;

void check_disk(const config::Config& config, Findings& findings) {
    struct statvfs info{};
    const auto directory = config.database.parent_path();
    if (statvfs(directory.c_str(), &info) != 0) {
        findings.error("disk", "cannot look at " + directory.string() + ": " + std::strerror(errno),
                       "restore the directory");
        return;
    }
    const auto free = std::uint64_t{info.f_bavail} * info.f_frsize;
    const auto text = std::to_string(free >> 20) + " MiB free under " + directory.string();
    if (free < config.limits.free_disk)
        findings.error(
            "disk",
            text + ": the daemon is not ready below " + std::to_string(config.limits.free_disk >> 20) +
                " MiB",
            "free some space: archive the audit chain (signetctl audit archive), move old backups away");
    else if (free < 4 * config.limits.free_disk)
        findings.warning("disk", text, "free some space before it runs out");
    else
        findings.ok("disk", text);
}

void check_clock(sqlite::Connection* db, Findings& findings) {
    const auto now = SystemClock().now();
    if (db != nullptr) {
        const auto newest = sqlite::audit_log::tail(*db, 1);
        if (newest && !newest->records.empty() &&
            from_unix_ms(newest->records.back().record.time_ms) > now + std::chrono::minutes(1)) {
            findings.error("clock",
                           "it is " + to_rfc3339(now) + ", but the newest audit record is of " +
                               to_rfc3339(from_unix_ms(newest->records.back().record.time_ms)),
                           "set the clock: certificates and audit records carry its time");
            return;
        }
    }
    struct timex state{};
    if (adjtimex(&state) == TIME_ERROR || (state.status & STA_UNSYNC) != 0)
        findings.warning("clock", to_rfc3339(now) + ", not synchronised",
                         "enable time synchronisation: timedatectl set-ntp true");
    else
        findings.ok("clock", to_rfc3339(now) + ", synchronised");
}

void check_end(std::string_view check, const std::string& what, SystemTime end, SystemTime now, days warning,
               const std::string& remedy, Findings& findings) {
    const auto left = std::chrono::floor<days>(end - now);
    if (end <= now)
        findings.error(check, what + " ended at " + to_rfc3339(end), remedy);
    else if (end - now < warning)
        findings.warning(check,
                         what + " ends in " + std::to_string(left.count()) + " days, at " + to_rfc3339(end),
                         remedy);
    else
        findings.ok(check, what + " is valid for " + std::to_string(left.count()) + " days");
}

void check_certificate(const std::filesystem::path& path, const std::string& what, const std::string& remedy,
                       Findings& findings) {
    const auto text = read_file(path, std::size_t{1} << 20);
    const auto certificates = text ? pki::Certificate::parse_bundle(*text)
                                   : Result<std::vector<pki::Certificate>>(std::unexpected(text.error()));
    if (!certificates) {
        findings.error("certificates", what + ": " + path.string() + ": " + certificates.error().message,
                       remedy);
        return;
    }
    check_end("certificates", what + " (" + certificates->front().subject_text() + ")",
              certificates->front().not_after(), SystemClock().now(), days(30), remedy, findings);
}

}  // namespace

void check_state(const config::Config& config, Findings& findings) {
    check_disk(config, findings);
    auto db = sqlite::Connection::open(config.database, sqlite::Connection::Mode::read_only);
    if (!db) {
        findings.error("database", db.error().message,
                       "run this as the appliance's user; restore it from a backup if it is gone");
        check_clock(nullptr, findings);
        return;
    }
    if (const auto head = sqlite::audit_log::head(*db); !head) {
        findings.error("database", head.error().message,
                       "restore it from a backup, then: signetctl audit verify");
    } else {
        const auto checkpoint = sqlite::audit_log::last_checkpoint(*db);
        const auto signed_up_to = checkpoint && *checkpoint ? (*checkpoint)->head.sequence : 0;
        findings.ok("database", config.database.string() + ": " + std::to_string(head->sequence) +
                                    " audit records, signed up to " + std::to_string(signed_up_to));
    }
    check_clock(&*db, findings);
}

void check_certificates(const config::Config& config, Findings& findings) {
    for (const auto& [label, authority] : config.authorities) {
        for (const auto& path : authority.certificates)
            check_certificate(path, "CA " + label, "make its successor: signetctl keys rotate " + label,
                              findings);
        for (const auto& path : authority.ocsp.certificates)
            check_certificate(path, "OCSP responder of " + label,
                              "issue a new certificate for " + authority.ocsp.key, findings);
    }
    for (const auto& listener : config.listeners) {
        if (listener.tls)
            check_certificate(listener.tls->certificate, "listener " + listener.name,
                              "issue a new certificate for " + listener.tls->key + ", then reload the daemon",
                              findings);
    }
    auto db = sqlite::Connection::open(config.database, sqlite::Connection::Mode::read_only);
    if (!db) return;
    for (const auto& [label, authority] : config.authorities) {
        const auto crl =
            sqlite::crl_store::latest(*db, label, static_cast<std::uint32_t>(authority.certificates.size()));
        if (!crl || !*crl) continue;
        check_end("crl", "CRL of " + label, (*crl)->next_update, SystemClock().now(),
                  std::chrono::ceil<days>(authority.crl.alarm),
                  "the daemon makes a new one while it runs: look at its log", findings);
    }
}

}  // namespace signet::ctl::doctor
