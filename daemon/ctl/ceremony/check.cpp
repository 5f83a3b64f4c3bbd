#include "daemon/ctl/ceremony/check.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>

#include "daemon/ctl/ceremony/certificates.h"
#include "hsm/pki/certificate.h"
#include "hsm/pki/draft.h"

namespace signet::ctl::ceremony {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kFreeSpace = std::uint64_t{64} << 20;

void add(std::vector<Finding>& findings, std::string subject, const Status& status, std::string good) {
    findings.push_back({!status, std::move(subject), status ? std::move(good) : status.error().message});
}

// The nearest directory that exists: what is below it will be made.
fs::path nearest_existing(fs::path path) {
    std::error_code ignored;
    while (!path.empty() && path != path.root_path() && !fs::exists(path, ignored))
        path = path.parent_path();
    return path;
}

void check_directory(const std::string& subject, const fs::path& path, std::vector<Finding>& findings) {
    const auto existing = nearest_existing(path);
    if (access(existing.c_str(), W_OK | X_OK) != 0) {
        findings.push_back(
            {true, subject, "cannot write below " + existing.string() + ": " + std::strerror(errno)});
        return;
    }
    struct statvfs space{};
    if (statvfs(existing.c_str(), &space) == 0 && space.f_bavail * space.f_frsize < kFreeSpace) {
        findings.push_back({true, subject, "less than 64 MiB are free below " + existing.string()});
        return;
    }
    findings.push_back({false, subject, path.string()});
}

void check_outputs(const Plan& plan, const Site& site, bool resuming, std::vector<Finding>& findings) {
    check_directory("outputs", site.outputs, findings);
    if (resuming || site.rehearsal) return;
    std::error_code ignored;
    std::vector<fs::path> files{site.transcript(plan)};
    if (plan.backup) files.push_back(site.outputs / "backup");
    for (const auto& key : plan.keys) {
        if (!key.public_key.empty()) files.push_back(site.outputs / key.public_key);
    }
    for (const auto& certificate : plan.certificates)
        files.push_back(site.outputs / certificate.file);
    for (const auto& file : files) {
        if (fs::exists(file, ignored))
            findings.push_back({true, "outputs", file.string() + " is there already; move it away"});
    }
}

void check_appliance(const Plan& plan, const Site& site, bool resuming, std::vector<Finding>& findings) {
    std::error_code ignored;
    if (geteuid() == 0)
        findings.push_back(
            {true, "user", "signetd-token does not run as root; run this as the appliance's user"});
    if (!plan.initialise && !site.rehearsal) {
        const bool there = access(site.config().c_str(), R_OK) == 0;
        findings.push_back({!there, "appliance",
                            there ? site.appliance.string()
                                  : "cannot read " + site.config().string() + ": " + std::strerror(errno)});
        return;
    }
    // Directories alone are what a ceremony leaves that was interrupted before its first step.
    const bool foreign = fs::exists(site.appliance, ignored) && !fs::is_empty(site.appliance, ignored) &&
                         !fs::is_directory(site.appliance / "state", ignored);
    if (!resuming && (foreign || fs::exists(site.config(), ignored)))
        findings.push_back(
            {true, "appliance",
             site.appliance.string() + " is not empty; the ceremony makes a new appliance there"});
    check_directory("appliance", site.appliance, findings);
    for (const auto& pin : {site.pin_file, site.so_pin_file}) {
        struct stat info{};
        if (pin.empty()) continue;
        if (stat(pin.c_str(), &info) != 0)
            findings.push_back({true, "PIN", "cannot look at " + pin.string() + ": " + std::strerror(errno)});
        else if ((info.st_mode & 077U) != 0)
            findings.push_back(
                {true, "PIN", pin.string() + " can be read by others: chmod 600 " + pin.string()});
    }
}

// A wrong clock makes certificates that are not valid yet, or too long.
void check_clock(const Plan& plan, SystemTime now, std::vector<Finding>& findings) {
    const auto text = to_rfc3339(now);
    if (plan.date && !text.starts_with(*plan.date)) {
        findings.push_back(
            {true, "clock", "the clock says " + text + ", the ceremony's file says " + *plan.date});
        return;
    }
    struct stat info{};
    if (stat(plan.file.c_str(), &info) == 0 && from_unix_ms(std::int64_t{info.st_mtime} * 1000) > now) {
        findings.push_back(
            {true, "clock", "the clock says " + text + ", and the ceremony's file is younger than that"});
        return;
    }
    findings.push_back({false, "clock", text + "; compare it with a watch"});
}

}  // namespace

void check_certificates(const Plan& plan, SystemTime now, std::vector<Finding>& findings) {
    std::map<std::string, std::optional<pki::Certificate>, std::less<>> drafts;
    std::map<std::string, pki::PublicKey, std::less<>> keys;
    const auto key_of = [&](const std::string& label) -> Result<pki::PublicKey> {
        if (const auto found = keys.find(label); found != keys.end()) return found->second;
        const auto* planned = plan.key(label);
        SIGNET_ASSIGN(auto key, throwaway_key(planned != nullptr ? planned->algorithm
                                                                 : plan.existing_key(label)->algorithm));
        keys.emplace(label, key);
        return key;
    };
    for (const auto& existing : plan.existing) {
        if (existing.certificate.empty()) continue;
        auto certificate = existing_certificate(plan, existing);
        add(findings, "certificate of " + existing.label,
            certificate ? Status{} : std::unexpected(certificate.error()), "as it was reviewed");
        drafts.emplace(existing.label, certificate ? std::optional(*certificate) : std::nullopt);
    }
    for (const auto& planned : plan.certificates) {
        const auto subject = "certificate " + planned.name;
        const auto draft = [&]() -> Result<std::optional<pki::Certificate>> {
            const pki::Certificate* issuer = nullptr;
            if (planned.kind != CertificateKind::self_signed) {
                const auto& found = drafts.at(planned.issuer);
                if (!found) return std::nullopt;  // its own fault is reported already
                issuer = &*found;
            }
            std::optional<pki::PublicKey> own;
            if (!planned.key.empty()) {
                SIGNET_ASSIGN(own, key_of(planned.key));
            }
            const pki::IssueOptions options{.now = now};
            if (issuer == nullptr)
                return pki::draft(nullptr, profile_of(planned), {*own, planned.subject, {}}, options);
            SIGNET_ASSIGN(const auto request, request_of(plan, planned, own ? &*own : nullptr));
            if (issuer->not_after() < now + planned.validity)
                return fail(ErrorCode::unprocessable, "it would outlive its issuer, which ends " +
                                                          to_rfc3339(issuer->not_after()) +
                                                          ": shorten its validity");
            return pki::draft(issuer, profile_of(planned), request, options);
        }();
        add(findings, subject, draft ? Status{} : std::unexpected(draft.error()), "drafted and linted");
        drafts.emplace(planned.name, draft ? *draft : std::nullopt);
    }
}

std::vector<Finding> check(const Plan& plan, const Site& site, const Clock& clock, bool resuming) {
    std::vector<Finding> findings;
    check_clock(plan, clock.now(), findings);
    check_appliance(plan, site, resuming, findings);
    check_outputs(plan, site, resuming, findings);
    check_certificates(plan, clock.now(), findings);
    check_token(plan, site, resuming, findings);
    return findings;
}

bool sound(const std::vector<Finding>& findings) {
    return std::ranges::none_of(findings, &Finding::fault);
}

}  // namespace signet::ctl::ceremony
