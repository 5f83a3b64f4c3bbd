// Certificate revocation lists: made when due, on demand, and after a revocation; one for each version of a CA's key.
#include "hsm/pki/crl.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/file.h"
#include "base/log.h"
#include "daemon/service/authorities.h"
#include "daemon/service/details.h"

namespace signet::service {
namespace {

constexpr std::chrono::days kCertificateAlarm{30};
constexpr std::chrono::days kResponderAlarm{7};

// The file of a CA's older key versions stands beside the one of the newest.
std::filesystem::path file_of(const Authority& authority, std::uint32_t version, bool issuing) {
    auto file = authority.settings.crl.file;
    if (file.empty() || issuing) return file;
    const auto extension = file.extension();
    file.replace_extension();
    file += "." + std::to_string(version);
    file += extension;
    return file;
}

}  // namespace

Result<std::optional<sqlite::StoredCrl>> Authorities::known_crl(const std::string& ca,
                                                                std::uint32_t version) {
    {
        const std::lock_guard lock(mutex_);
        if (const auto found = crls_.find({ca, version}); found != crls_.end()) return found->second;
    }
    SIGNET_ASSIGN(const auto db, parts_.readers.lease());
    SIGNET_ASSIGN(auto stored, sqlite::crl_store::latest(*db, ca, version));
    if (!stored) return std::nullopt;
    // A revocation that was committed before a crash may be newer than the list.
    SIGNET_ASSIGN(const auto revoked,
                  sqlite::certificate_store::revoked(*db, ca, version, stored->this_update));
    const bool outdated = std::ranges::any_of(
        revoked, [&](const auto& entry) { return entry.revocation.at >= stored->this_update; });
    const std::lock_guard lock(mutex_);
    if (outdated) outdated_[{ca, version}] = true;
    crls_.emplace(VersionId{ca, version}, *stored);
    return stored;
}

bool Authorities::is_due(const Authority& authority, const std::optional<sqlite::StoredCrl>& crl,
                         bool on_demand) const {
    if (!crl) return true;
    const auto now = parts_.clock.now();
    {
        const std::lock_guard lock(mutex_);
        if (const auto found = outdated_.find({crl->ca, crl->ca_version});
            found != outdated_.end() && found->second)
            return true;
    }
    if (on_demand) return now >= crl->next_update;
    return now >= crl->this_update + authority.settings.crl.interval;
}

Result<sqlite::StoredCrl> Authorities::make_crl(const Caller& caller, const Authority& authority,
                                                const Signer& signer) {
    const std::lock_guard one_at_a_time(crl_making_);
    const auto& id = signer.key->id;
    const VersionId version_id{id.label, id.version};
    {
        const std::lock_guard lock(mutex_);
        outdated_[version_id] = false;  // before the list is read: a revocation from here on sets it again
    }
    const auto made = [&]() -> Result<sqlite::StoredCrl> {
        pki::CrlRequest request;
        SIGNET_TRY(parts_.writer.run([&](sqlite::Transaction& transaction) -> Status {
            SIGNET_ASSIGN(request.number, sqlite::crl_store::take_number(transaction, id.label));
            return {};
        }));
        request.this_update = parts_.clock.now();
        request.next_update = request.this_update + authority.settings.crl.validity;
        {
            SIGNET_ASSIGN(const auto db, parts_.readers.lease());
            // An expired certificate stays on the list for one more period (RFC 5280 section 3.3).
            SIGNET_ASSIGN(const auto revoked, sqlite::certificate_store::revoked(
                                                  *db, id.label, id.version,
                                                  request.this_update - authority.settings.crl.validity));
            request.entries.reserve(revoked.size());
            for (const auto& entry : revoked)
                request.entries.push_back({to_hex(entry.serial), entry.revocation.at,
                                           static_cast<pki::RevocationReason>(entry.revocation.reason)});
        }
        SIGNET_ASSIGN(const auto crl, pki::issue_crl(*signer.token_key, signer.version->certificate, request,
                                                     caller.deadline));
        sqlite::StoredCrl row{id.label,  id.version,          request.number,
                              crl.der(), request.this_update, request.next_update};
        SIGNET_TRY(parts_.writer.run([&](sqlite::Transaction& transaction) -> Status {
            SIGNET_TRY(sqlite::crl_store::insert(transaction, row));
            sqlite::AuditRecord record;
            record.request_id = caller.request_id;
            record.principal = caller.principal;
            record.action = "ca.publish";
            record.object = to_string(id);
            record.outcome = "ok";
            record.details = Details()
                                 .add("number", row.number)
                                 .add("entries", std::uint64_t{request.entries.size()})
                                 .add("next_update", to_rfc3339(row.next_update))
                                 .add("digest", to_hex(sha256(row.der)))
                                 .text();
            SIGNET_TRY(transaction.audit(record));
            return {};
        }));
        return row;
    }();
    const std::lock_guard lock(mutex_);
    if (!made) {
        outdated_[version_id] = true;
        crl_failures_[version_id] = made.error().message;
        return made;
    }
    crl_failures_.erase(version_id);
    crls_[version_id] = *made;
    return made;
}

Status Authorities::remember_crl(const Authority& authority, const sqlite::StoredCrl& crl) {
    const auto key = parts_.keys.find(crl.ca);
    const bool issuing = key && (*key)->shown().id.version == crl.ca_version;
    const auto file = file_of(authority, crl.ca_version, issuing);
    if (file.empty()) return {};
    return write_file_atomic(file, crl.der, 0644);
}

Result<sqlite::StoredCrl> Authorities::publish(const Caller& caller, std::string_view ca,
                                               std::optional<std::uint32_t> version) {
    SIGNET_ASSIGN(const auto authority, this->authority(ca));
    SIGNET_ASSIGN(const auto signer, this->signer(*authority, version));
    SIGNET_ASSIGN(auto crl, make_crl(caller, *authority, signer));
    if (const auto written = remember_crl(*authority, crl); !written)
        log::error("crl.file.failed", "a CRL could not be written to its file",
                   {{"ca", std::string(ca)},
                    {"error", written.error().message},
                    {"detail", written.error().detail}});
    return crl;
}

Result<sqlite::StoredCrl> Authorities::crl(const Caller& caller, std::string_view ca,
                                           std::optional<std::uint32_t> version) {
    SIGNET_ASSIGN(const auto authority, this->authority(ca));
    SIGNET_ASSIGN(const auto key, parts_.keys.find(ca));
    const auto wanted = version.value_or(key->shown().id.version);
    SIGNET_ASSIGN(auto known, known_crl(authority->settings.label, wanted));
    if (!is_due(*authority, known, true)) return *std::move(known);
    auto fresh = publish(caller, ca, wanted);
    // An older list that still holds is better than none while the token is away.
    if (!fresh && known && parts_.clock.now() < known->next_update) return *std::move(known);
    return fresh;
}

bool Authorities::renew_crls(std::chrono::milliseconds time_limit) {
    bool all_made = true;
    const auto all = authorities();
    for (const auto& [label, authority] : *all) {
        for (const auto& version : authority.versions) {
            const auto key = key_of(label, version.certificate);
            if (!key || ((*key)->state != KeyState::active && (*key)->state != KeyState::retired)) continue;
            if (parts_.clock.now() >= version.certificate.not_after()) continue;
            const auto known = known_crl(label, (*key)->id.version);
            if (known && !is_due(authority, *known, false)) continue;
            const auto made = known ? publish(system_caller(time_limit), label, (*key)->id.version)
                                    : Result<sqlite::StoredCrl>(std::unexpected(known.error()));
            if (made) continue;
            all_made = false;
            log::warning("crl.failed", "a CRL could not be made; it is tried again",
                         {{"key", to_string((*key)->id)},
                          {"error", made.error().message},
                          {"detail", made.error().detail}});
        }
    }
    return all_made;
}

std::vector<std::string> Authorities::alarms() const {
    std::vector<std::string> out;
    const auto now = parts_.clock.now();
    const auto all = authorities();
    const auto near_end = [&](const pki::Certificate& certificate, std::chrono::days before,
                              const std::string& what) {
        if (now + before >= certificate.not_after())
            out.push_back(what + " " + certificate.subject_text() + " ends on " +
                          to_rfc3339(certificate.not_after()));
    };
    for (const auto& [label, authority] : *all) {
        for (const auto& version : authority.versions) {
            const auto key = key_of(label, version.certificate);
            if (!key) {
                out.push_back(key.error().message);
                continue;
            }
            near_end(version.certificate, kCertificateAlarm, "the CA certificate");
            if (version.responder) near_end(*version.responder, kResponderAlarm, "the OCSP certificate");
            const std::lock_guard lock(mutex_);
            const auto crl = crls_.find({label, (*key)->id.version});
            if (crl != crls_.end() && now + authority.settings.crl.alarm >= crl->second.next_update)
                out.push_back("the CRL of " + to_string((*key)->id) + " ends on " +
                              to_rfc3339(crl->second.next_update) + " and has no successor");
        }
    }
    const std::lock_guard lock(mutex_);
    for (const auto& [id, why] : crl_failures_)
        out.push_back("no new CRL for " + id.first + "/" + std::to_string(id.second) + ": " + why);
    return out;
}

std::optional<std::chrono::seconds> Authorities::next_crl_end() const {
    std::optional<std::chrono::seconds> out;
    const auto now = parts_.clock.now();
    const std::lock_guard lock(mutex_);
    for (const auto& [id, crl] : crls_) {
        const auto left = std::chrono::duration_cast<std::chrono::seconds>(crl.next_update - now);
        if (!out || left < *out) out = left;
    }
    return out;
}

}  // namespace signet::service
