#include "daemon/service/health.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

#include "base/log.h"

namespace signet::service {
namespace {

constexpr std::size_t kCanaryBytes = 16;
// The writer goes round at least once a second, also when idle (Writer::heartbeat).
constexpr std::chrono::seconds kWriterStall{15};
constexpr std::chrono::days kExpiryAlarm{30};

HealthReason reason_of(const Error& error) {
    return {std::string(to_string(error.code)), error.message};
}

}  // namespace

void Health::set_free_disk(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    free_disk_ = bytes;
}

std::optional<HealthReason> Health::check_token(std::chrono::milliseconds time_limit) {
    const auto canary = parts_.token.random(kCanaryBytes, Deadline::in(time_limit));
    if (!canary) {
        synchronised_ = false;
        const std::lock_guard lock(mutex_);
        token_status_.reset();
        return reason_of(canary.error());
    }
    auto status = parts_.token.status(Deadline::in(time_limit));
    {
        const std::lock_guard lock(mutex_);
        if (status) token_status_ = *std::move(status);
    }
    if (synchronised_) return std::nullopt;
    const auto report = parts_.keys.synchronise(Deadline::in(time_limit));
    if (!report) return reason_of(report.error());
    if (!parts_.audit.compare_with_anchor(Deadline::in(time_limit)))
        return HealthReason{"token_unavailable",
                            "the token's anchor of the audit chain could not be read yet"};
    synchronised_ = true;
    return std::nullopt;
}

std::optional<HealthReason> Health::check_storage() {
    if (std::chrono::steady_clock::now() - parts_.writer.heartbeat() > kWriterStall)
        return HealthReason{"storage_failed", "the database does not answer: its disk hangs"};
    if (parts_.writer.statistics().healthy) return std::nullopt;
    // Nothing else may try while clients are refused: a record of our own shows when the disk is well again.
    const auto written = parts_.audit.note("system.storage.recovered", "ok", "{}");
    if (!written) return reason_of(written.error());
    log::info("storage.recovered", "the database can be written again");
    return std::nullopt;
}

std::optional<HealthReason> Health::check_disk() const {
    struct statvfs info{};
    if (statvfs(parts_.database.parent_path().c_str(), &info) != 0)
        return HealthReason{"storage_failed", "the database's directory cannot be looked at"};
    const auto available = std::uint64_t{info.f_bavail} * info.f_frsize;
    const std::lock_guard lock(mutex_);
    if (available >= free_disk_) return std::nullopt;
    return HealthReason{"disk_low", "the disk under the database has " + std::to_string(available >> 20) +
                                        " MiB left, less than the " + std::to_string(free_disk_ >> 20) +
                                        " MiB of limits.free_disk; make room"};
}

std::vector<std::string> Health::key_alarms() const {
    std::vector<std::string> out;
    const auto now = parts_.clock.now();
    const auto picture = parts_.keys.registry();
    for (const auto& key : picture->keys()) {
        for (const auto& version : key->versions) {
            const auto name = to_string(version.id);
            if (!version.available && version.state != KeyState::destroyed)
                out.push_back("the token lacks the key " + name);
            if (version.state == KeyState::pending && version.created_by == "system")
                out.push_back(
                    "the token holds " + name +
                    ", which this appliance did not make: activate it (signetctl keys activate) or have it "
                    "destroyed");
            if (version.state == KeyState::active && version.not_after &&
                *version.not_after - now < kExpiryAlarm)
                out.push_back("the key " + name + " is to be used until " + to_rfc3339(*version.not_after) +
                              ": rotate it (signetctl keys rotate)");
        }
    }
    return out;
}

bool Health::check(std::chrono::milliseconds time_limit) {
    Readiness now;
    if (auto reason = check_token(time_limit)) now.reasons.push_back(*std::move(reason));
    if (auto reason = check_storage()) now.reasons.push_back(*std::move(reason));
    if (auto reason = check_disk()) now.reasons.push_back(*std::move(reason));
    if (auto trouble = parts_.audit.trouble(); !trouble.empty())
        now.reasons.push_back({"audit_chain", std::move(trouble)});
    now.ready = now.reasons.empty();
    now.warnings = parts_.authorities.alarms();
    std::ranges::move(key_alarms(), std::back_inserter(now.warnings));
    const std::lock_guard lock(mutex_);
    if (now.ready != readiness_.ready) {
        if (now.ready)
            log::info("health.ready", "the appliance is ready to sign");
        else
            log::error("health.not_ready", now.reasons.front().message,
                       {{"reason", now.reasons.front().code}});
    }
    readiness_ = std::move(now);
    return readiness_.ready;
}

Readiness Health::readiness() const {
    const std::lock_guard lock(mutex_);
    return readiness_;
}

std::optional<TokenStatus> Health::token_status() const {
    const std::lock_guard lock(mutex_);
    return token_status_;
}

}  // namespace signet::service
