// OCSP: who asks may be anybody, so answers without a nonce are cached, what strangers may have signed is bounded, and each
// signed answer is in the audit chain.
#include <algorithm>

#include "base/digest.h"
#include "base/encoding.h"
#include "base/log.h"
#include "daemon/service/authorities.h"
#include "daemon/service/details.h"
#include "policy/policy.h"

namespace signet::service {
namespace {

constexpr std::size_t kMaxCached = 4096;

std::string_view name_of(pki::OcspCertificateStatus status) {
    switch (status) {
        case pki::OcspCertificateStatus::good:
            return "good";
        case pki::OcspCertificateStatus::revoked:
            return "revoked";
        case pki::OcspCertificateStatus::unknown:
            return "unknown";
    }
    return "unknown";
}

bool is_stranger(const Caller& caller) {
    return caller.principal == policy::kPublicPrincipal;
}

Sha256 cache_key_of(std::string_view ca, const pki::OcspRequest& request) {
    // By what is asked, not by how: a request has many encodings.
    Bytes text = to_bytes(ca);
    text.push_back(0);
    for (const auto& id : request.certificates)
        text.insert(text.end(), id.der.begin(), id.der.end());
    return sha256(text);
}

}  // namespace

// The generic cell rate algorithm, as in policy/rate_limiter.h, with a second's worth at once.
bool Authorities::may_sign_for_strangers(const Authority& authority) {
    using namespace std::chrono;
    const auto now = parts_.clock.now();
    const auto step =
        duration_cast<SystemTime::duration>(seconds{1}) / authority.settings.ocsp.public_signatures;
    const std::lock_guard lock(mutex_);
    auto& full_at = public_ocsp_full_at_[authority.settings.label];
    const auto next = std::max(full_at, now) + step;
    if (next > now + seconds{1}) {
        ++ocsp_counts_.limited;
        return false;
    }
    full_at = next;
    return true;
}

void Authorities::summarise_ocsp() {
    OcspCounts counts;
    {
        const std::lock_guard lock(mutex_);
        counts = ocsp_counts_;
    }
    if (counts.cached + counts.unknown + counts.limited == 0) return;
    sqlite::AuditRecord record;
    record.principal = "system";
    record.action = "ca.ocsp";
    record.outcome = "ok";
    record.details = Details()
                         .add("from_cache", counts.cached)
                         .add("unknown", counts.unknown)
                         .add("over_rate", counts.limited)
                         .text();
    if (!parts_.writer.append(std::move(record))) return;  // counted on, and told the next time
    const std::lock_guard lock(mutex_);
    ocsp_counts_.cached -= counts.cached;
    ocsp_counts_.unknown -= counts.unknown;
    ocsp_counts_.limited -= counts.limited;
}

Result<std::vector<pki::OcspStatus>> Authorities::statuses(const Authority& authority,
                                                           const KeyVersion& issuer,
                                                           const AuthorityVersion& version,
                                                           const pki::OcspRequest& request) {
    std::vector<pki::OcspStatus> out;
    SIGNET_ASSIGN(const auto db, parts_.readers.lease());
    for (const auto& id : request.certificates) {
        pki::OcspStatus status;
        const auto bytes = from_hex(id.serial);
        if (bytes && bytes->size() == sqlite::Serial{}.size() && id.issued_by(version.certificate)) {
            sqlite::Serial serial{};
            std::ranges::copy(*bytes, serial.begin());
            SIGNET_ASSIGN(const auto row,
                          sqlite::certificate_store::find(*db, authority.settings.label, serial));
            if (row && row->ca_version == issuer.id.version) {
                status.status =
                    row->revocation ? pki::OcspCertificateStatus::revoked : pki::OcspCertificateStatus::good;
                if (row->revocation) {
                    status.revoked_at = row->revocation->at;
                    status.reason = static_cast<pki::RevocationReason>(row->revocation->reason);
                }
            }
        }
        out.push_back(status);
    }
    return out;
}

Result<OcspReply> Authorities::answer_ocsp(const Caller& caller, const Authority& authority,
                                           const pki::OcspRequest& request) {
    const auto version = std::ranges::find_if(authority.versions, [&](const AuthorityVersion& candidate) {
        return request.certificates.front().issued_by(candidate.certificate);
    });
    // RFC 6960 section 2.3: not authorized to answer for this issuer.
    if (version == authority.versions.end()) return OcspReply{pki::ocsp_error(pki::OcspError::unauthorized)};
    SIGNET_ASSIGN(const auto issuer, key_of(authority.settings.label, version->certificate));
    const auto& certificate = version->responder ? *version->responder : version->certificate;
    KeyPtr responder = issuer;
    if (version->responder) {
        SIGNET_ASSIGN(responder, key_of(authority.settings.ocsp.key, certificate));
    }
    if (responder->state != KeyState::active && responder->state != KeyState::retired)
        return fail(ErrorCode::conflict,
                    "the key " + to_string(responder->id) + " is " + std::string(responder->state_name()));
    SIGNET_ASSIGN(const auto key, token_key(*responder));

    pki::OcspAnswer answer;
    SIGNET_ASSIGN(answer.statuses, statuses(authority, *issuer, *version, request));
    if (is_stranger(caller)) {
        if (std::ranges::find(answer.statuses, pki::OcspCertificateStatus::unknown,
                              &pki::OcspStatus::status) != answer.statuses.end()) {
            const std::lock_guard lock(mutex_);
            ++ocsp_counts_.unknown;
            return OcspReply{pki::ocsp_error(pki::OcspError::unauthorized)};
        }
        if (!may_sign_for_strangers(authority)) return OcspReply{pki::ocsp_error(pki::OcspError::try_later)};
    }
    answer.produced_at = parts_.clock.now();
    answer.this_update = answer.produced_at;
    answer.next_update = answer.produced_at + authority.settings.ocsp.validity;
    SIGNET_ASSIGN(auto der, pki::sign_ocsp_answer({*key, certificate, version->certificate}, request, answer,
                                                  caller.deadline));
    Details details;
    details.add("digest", to_hex(sha256(der)));
    for (std::size_t i = 0; i < answer.statuses.size() && i < 16; ++i)
        details.add(request.certificates[i].serial.substr(0, 64), name_of(answer.statuses[i].status));
    sqlite::AuditRecord record;
    record.request_id = caller.request_id;
    record.principal = caller.principal;
    record.action = "ca.ocsp";
    record.object = to_string(issuer->id);
    record.outcome = "ok";
    record.details = details.text();
    SIGNET_TRY(parts_.writer.append(std::move(record)));
    responder->new_uses->fetch_add(1, std::memory_order_relaxed);
    OcspReply reply{std::move(der), std::nullopt};
    if (!request.nonce) reply.next_update = answer.next_update;
    return reply;
}

Result<OcspReply> Authorities::ocsp(const Caller& caller, std::string_view ca, ByteView der) {
    SIGNET_ASSIGN(const auto authority, this->authority(ca));
    auto request = pki::parse_ocsp_request(der);
    if (!request || request->certificates.empty())
        return OcspReply{pki::ocsp_error(pki::OcspError::malformed_request)};

    if (is_stranger(caller)) request->nonce.reset();

    const auto now = parts_.clock.now();
    const auto cache_key = cache_key_of(ca, *request);
    std::uint64_t revocations = 0;
    {
        const std::lock_guard lock(mutex_);
        revocations = revocations_;
        const auto found = ocsp_cache_.find(cache_key);
        if (!request->nonce && found != ocsp_cache_.end() && found->second.until > now &&
            found->second.revocations == revocations) {
            ++ocsp_counts_.cached;
            return found->second.reply;
        }
    }
    auto reply = answer_ocsp(caller, *authority, *request);
    if (!reply) {
        log::warning(
            "ocsp.failed", "an OCSP answer could not be signed",
            {{"ca", std::string(ca)}, {"error", reply.error().message}, {"detail", reply.error().detail}});
        const bool later = reply.error().retryable();
        return OcspReply{pki::ocsp_error(later ? pki::OcspError::try_later : pki::OcspError::internal_error)};
    }
    if (reply->next_update) {
        const std::lock_guard lock(mutex_);
        if (ocsp_cache_.size() >= kMaxCached) ocsp_cache_.clear();
        // For half of its life: a relying party gets an answer that holds for a while yet.
        ocsp_cache_[cache_key] = {*reply, now + authority->settings.ocsp.validity / 2, revocations};
    }
    return reply;
}

}  // namespace signet::service
