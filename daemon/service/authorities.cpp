// Issuing and revoking.
#include "daemon/service/authorities.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/log.h"
#include "daemon/service/details.h"
#include "hsm/pki/csr.h"

namespace signet::service {
namespace {

constexpr int kSerialAttempts = 3;

sqlite::Serial serial_of(const Bytes& bytes) {
    sqlite::Serial out{};
    std::ranges::copy(bytes, out.begin());
    return out;
}

policy::CsrFacts facts_of(const pki::CertificateRequest& csr, std::chrono::seconds validity,
                          std::string_view profile) {
    policy::CsrFacts facts;
    for (const auto& attribute : csr.subject)
        facts.subject.emplace_back(attribute.type, attribute.value);
    for (const auto& name : csr.extensions.alternative_names)
        facts.sans.push_back(pki::to_string(name));
    facts.key_type = csr.public_key.name();
    facts.validity = validity;
    facts.profile = profile;
    return facts;
}

}  // namespace

void Authorities::replace(std::shared_ptr<const AuthorityMap> authorities) {
    const std::lock_guard lock(mutex_);
    authorities_ = std::move(authorities);
    ocsp_cache_.clear();
}

std::shared_ptr<const AuthorityMap> Authorities::authorities() const {
    const std::lock_guard lock(mutex_);
    return authorities_;
}

Result<std::shared_ptr<const Authority>> Authorities::authority(std::string_view ca) const {
    auto all = authorities();
    const auto found = all->find(ca);
    if (found == all->end())
        return fail(ErrorCode::not_found, "no certificate authority '" + std::string(ca) + "'");
    return std::shared_ptr<const Authority>(std::move(all), &found->second);
}

Result<KeyPtr> Authorities::key_of(std::string_view label, const pki::Certificate& certificate) const {
    SIGNET_ASSIGN(const auto key, parts_.keys.find(label));
    for (const auto& version : key->versions) {
        if (version.public_key == certificate.public_key().spki()) return KeyPtr(key, &version);
    }
    return fail(ErrorCode::failed_precondition, "no version of the key '" + std::string(label) +
                                                    "' belongs to the certificate " +
                                                    certificate.subject_text());
}

Result<const AuthorityVersion*> Authorities::version_of(const Authority& authority,
                                                        const KeyVersion& key) const {
    const auto found = std::ranges::find_if(authority.versions, [&](const AuthorityVersion& version) {
        return version.certificate.public_key().spki() == key.public_key;
    });
    if (found != authority.versions.end()) return &*found;
    return fail(ErrorCode::failed_precondition, "the configuration has no certificate for the key " +
                                                    to_string(key.id) + "; add it under ca." +
                                                    authority.settings.label + ".certificate");
}

Result<std::shared_ptr<const provider::TokenKey>> Authorities::token_key(const KeyVersion& key) {
    const std::lock_guard lock(mutex_);
    if (const auto found = token_keys_.find(key.id); found != token_keys_.end()) {
        if (found->second->public_key() == key.public_key) return found->second;
    }
    SIGNET_ASSIGN(auto loaded, parts_.library.load(key.info(), KeyUsage::certify));
    auto shared = std::make_shared<const provider::TokenKey>(std::move(loaded));
    token_keys_[key.id] = shared;
    return shared;
}

Result<Authorities::Signer> Authorities::signer(const Authority& authority,
                                                std::optional<std::uint32_t> version) {
    Signer out;
    if (version) {
        SIGNET_ASSIGN(out.key, parts_.keys.existing(authority.settings.label, KeyUsage::certify, version));
    } else {
        SIGNET_ASSIGN(out.key, parts_.keys.active(authority.settings.label, KeyUsage::certify));
    }
    SIGNET_ASSIGN(out.version, version_of(authority, *out.key));
    SIGNET_ASSIGN(out.token_key, token_key(*out.key));
    return out;
}

Result<IssuedCertificate> Authorities::issue(const Caller& caller, std::string_view ca,
                                             const IssueCertificate& request, const AlsoOnIssue& also) {
    SIGNET_ASSIGN(const auto authority, this->authority(ca));
    const auto profile = authority->profiles.find(request.profile);
    if (profile == authority->profiles.end())
        return fail(ErrorCode::unprocessable,
                    "the CA '" + std::string(ca) + "' has no profile '" + std::string(request.profile) + "'");
    if (request.validity && *request.validity > profile->second.validity)
        return fail(ErrorCode::unprocessable, "the profile '" + profile->first + "' allows no more than " +
                                                  std::to_string(profile->second.validity.count()) +
                                                  " seconds");
    SIGNET_ASSIGN(const auto csr, pki::parse_csr(request.csr));
    if (request.constraints != nullptr) {
        const auto validity = request.validity.value_or(profile->second.validity);
        if (const auto allowed =
                policy::check_csr(*request.constraints, facts_of(csr, validity, request.profile));
            !allowed) {
            // The rule let the caller in and its constraints refuse this request: a refusal like any other.
            sqlite::AuditRecord record;
            record.request_id = caller.request_id;
            record.principal = caller.principal;
            record.action = "ca.issue";
            record.object = ca;
            record.outcome = "refused";
            record.details =
                Details().add("subject", csr.subject_text).add("why", allowed.error().message).text();
            parts_.writer.append_async(std::move(record), [](const Result<std::uint64_t>&) {});
            return std::unexpected(allowed.error());
        }
    }
    for (int attempt = 1;; ++attempt) {
        SIGNET_ASSIGN(const auto prepared, prepare(caller, ca, request.profile, csr, request.validity));
        const auto& certificate = prepared.certificate;
        IssuedCertificate issued{certificate.pem(), chain_of(*authority, certificate.der()),
                                 certificate.serial(), certificate.not_after(), 0};
        const auto recorded = parts_.writer.run([&](sqlite::Transaction& transaction) -> Status {
            SIGNET_TRY(caller.use_approval(transaction));
            SIGNET_ASSIGN(issued.audit, enter(transaction, caller, prepared));
            return also ? also(transaction, issued) : Status{};
        });
        if (recorded) return issued;
        if (recorded.error().code != ErrorCode::already_exists || attempt == kSerialAttempts)
            return std::unexpected(recorded.error());
    }
}

Result<PreparedCertificate> Authorities::prepare(const Caller& caller, std::string_view ca,
                                                 std::string_view profile_name,
                                                 const pki::CertificateRequest& request,
                                                 std::optional<std::chrono::seconds> validity) {
    SIGNET_ASSIGN(const auto authority, this->authority(ca));
    const auto profile = authority->profiles.find(profile_name);
    if (profile == authority->profiles.end())
        return fail(ErrorCode::unprocessable,
                    "the CA '" + std::string(ca) + "' has no profile '" + std::string(profile_name) + "'");
    SIGNET_ASSIGN(const auto content, pki::apply_profile(profile->second, request));
    SIGNET_ASSIGN(auto signer, this->signer(*authority, std::nullopt));
    pki::IssueOptions options;
    options.now = parts_.clock.now();
    options.validity = validity;
    SIGNET_ASSIGN(auto certificate, pki::issue(*signer.token_key, signer.version->certificate,
                                               profile->second, content, options, caller.deadline));
    signer.key->new_uses->fetch_add(1, std::memory_order_relaxed);
    return PreparedCertificate{std::move(certificate), std::move(signer.key), profile->first, options.now};
}

Result<std::uint64_t> Authorities::enter(sqlite::Transaction& transaction, const Caller& caller,
                                         const PreparedCertificate& prepared) const {
    const auto& certificate = prepared.certificate;
    SIGNET_ASSIGN(const auto serial, from_hex(certificate.serial()));
    sqlite::StoredCertificate row;
    row.ca = prepared.key->id.label;
    row.ca_version = prepared.key->id.version;
    row.serial = serial_of(serial);
    row.subject = certificate.subject_text();
    row.not_before = certificate.not_before();
    row.not_after = certificate.not_after();
    row.issued = prepared.issued;
    row.der = certificate.der();
    row.profile = prepared.profile;
    row.requester = caller.principal;
    SIGNET_TRY(sqlite::certificate_store::insert(transaction, row));
    sqlite::AuditRecord record;
    record.request_id = caller.request_id;
    record.principal = caller.principal;
    record.action = "ca.issue";
    record.object = to_string(prepared.key->id);
    record.outcome = "ok";
    record.details = Details()
                         .add("serial", certificate.serial())
                         .add("subject", certificate.subject_text())
                         .add("profile", prepared.profile)
                         .add("not_after", to_rfc3339(certificate.not_after()))
                         .add("fingerprint", to_hex(certificate.fingerprint()))
                         .text();
    return transaction.audit(record);
}

std::vector<std::string> Authorities::chain_of(const Authority& authority, const Bytes& issued) const {
    const auto certificate = pki::Certificate::parse(as_text(issued));
    std::vector<std::string> out;
    if (!certificate) return out;
    for (const auto& version : authority.versions) {
        if (!certificate->signed_by(version.certificate)) continue;
        out.push_back(version.certificate.pem());
        for (const auto& upper : version.chain)
            out.push_back(upper.pem());
        break;
    }
    return out;
}

std::vector<Bytes> Authorities::chain_for(ByteView certificate) const {
    const auto parsed = pki::Certificate::parse(as_text(certificate));
    std::vector<Bytes> out;
    if (!parsed) return out;
    const auto all = authorities();
    for (const auto& [label, authority] : *all) {
        for (const auto& version : authority.versions) {
            if (parsed->der() == version.certificate.der() || !parsed->signed_by(version.certificate))
                continue;
            out.push_back(version.certificate.der());
            for (const auto& upper : version.chain)
                out.push_back(upper.der());
            return out;
        }
    }
    return out;
}

Result<sqlite::StoredCertificate> Authorities::find(std::string_view ca, std::string_view serial) {
    SIGNET_TRY(authority(ca));
    const auto bytes = from_hex(serial);
    if (bytes && bytes->size() == sqlite::Serial{}.size()) {
        SIGNET_ASSIGN(const auto db, parts_.readers.lease());
        SIGNET_ASSIGN(auto row, sqlite::certificate_store::find(*db, ca, serial_of(*bytes)));
        if (row) return *std::move(row);
    }
    return fail(ErrorCode::not_found,
                "the CA '" + std::string(ca) + "' issued no certificate with this serial number");
}

Result<std::uint64_t> Authorities::revoke(const Caller& caller, std::string_view ca, std::string_view serial,
                                          sqlite::RevocationReason reason) {
    SIGNET_ASSIGN(const auto row, find(ca, serial));
    std::uint64_t sequence = 0;
    SIGNET_TRY(parts_.writer.run([&](sqlite::Transaction& transaction) -> Status {
        SIGNET_TRY(caller.use_approval(transaction));
        SIGNET_ASSIGN(sequence, revoke(transaction, caller, row, reason));
        return {};
    }));
    revoked(row);
    return sequence;
}

Result<std::uint64_t> Authorities::revoke(sqlite::Transaction& transaction, const Caller& caller,
                                          const sqlite::StoredCertificate& row,
                                          sqlite::RevocationReason reason) const {
    const bool release = reason == sqlite::RevocationReason::remove_from_crl;
    SIGNET_TRY(release ? sqlite::certificate_store::release(transaction, row.ca, row.serial)
                       : sqlite::certificate_store::revoke(transaction, row.ca, row.serial,
                                                           {parts_.clock.now(), reason}));
    sqlite::AuditRecord record;
    record.request_id = caller.request_id;
    record.principal = caller.principal;
    record.action = "ca.revoke";
    record.object = to_string(KeyId{row.ca, row.ca_version});
    record.outcome = "ok";
    record.details = Details()
                         .add("serial", to_hex(row.serial))
                         .add("reason", pki::to_string(static_cast<pki::RevocationReason>(reason)))
                         .text();
    return transaction.audit(record);
}

void Authorities::revoked(const sqlite::StoredCertificate& row) {
    const std::lock_guard lock(mutex_);
    outdated_[{row.ca, row.ca_version}] = true;
    ++revocations_;
}

}  // namespace signet::service
