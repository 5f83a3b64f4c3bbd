// The certificates of a ceremony: the serial number and the time are decided and journaled first, so that a step that is done
// again gives the certificate that was recorded, and never a second one.
#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/encoding.h"
#include "daemon/ctl/ceremony/certificates.h"
#include "daemon/ctl/ceremony/executor.h"
#include "daemon/ctl/ceremony/workplace.h"
#include "daemon/ctl/context.h"
#include "sqlite/certificate_store.h"

namespace signet::ctl::ceremony {
namespace {

constexpr std::chrono::seconds kTime{120};

sqlite::Serial serial_of(std::string_view hex) {
    sqlite::Serial out{};
    if (const auto bytes = from_hex(hex); bytes && bytes->size() == out.size())
        std::ranges::copy(*bytes, out.begin());
    return out;
}

}  // namespace

Executor::Step Executor::certificate_step(const PlannedCertificate& planned) {
    return {.id = "certificate:" + planned.name,
            .title = "issue the certificate " + planned.name + " (" + std::string(to_string(planned.kind)) +
                     ", " + planned.profile + ")",
            .act = [this, &planned](const Data& begun, bool) { return issue(planned, begun); },
            .prepare = [this]() -> Result<Data> {
                return Data{{"serial", to_hex(pki::random_serial())},
                            {"now", to_rfc3339(parts_.clock.now())}};
            }};
}

// In a rehearsal the key of an existing CA is another one: its certificate too.
Result<pki::Certificate> Executor::stand_in(const ExistingKey& key) {
    SIGNET_ASSIGN(const auto real, existing_certificate(parts_.plan, key));
    SIGNET_ASSIGN(const auto ca_key,
                  place_->library().load({key.label, 1}, KeyUsage::certify, Deadline::in(kTime)));
    auto profile = pki::root_ca_profile();
    profile.path_length = real.path_length();
    return pki::self_sign(ca_key, profile, real.subject(), {.now = parts_.clock.now()}, Deadline::in(kTime));
}

Result<Executor::Issuer> Executor::issuer_of(const PlannedCertificate& planned) {
    if (planned.kind == CertificateKind::self_signed) return Issuer{planned.key, std::nullopt};
    if (const auto* earlier = parts_.plan.certificate(planned.issuer); earlier != nullptr) {
        const auto* done = journal_->find("certificate:" + earlier->name, "done");
        if (done == nullptr)
            return fail(ErrorCode::internal, "the certificate " + earlier->name + " was not made");
        SIGNET_ASSIGN(auto certificate, pki::Certificate::parse(text_of(*done, "pem")));
        return Issuer{earlier->key, std::move(certificate)};
    }
    const auto& existing = *parts_.plan.existing_key(planned.issuer);
    if (parts_.site.rehearsal) {
        SIGNET_ASSIGN(auto certificate, stand_in(existing));
        return Issuer{existing.label, std::move(certificate)};
    }
    SIGNET_ASSIGN(auto certificate, existing_certificate(parts_.plan, existing));
    return Issuer{existing.label, std::move(certificate)};
}

Result<pki::Certificate> Executor::sign(const PlannedCertificate& planned, const Issuer& issuer,
                                        const Data& begun) {
    const auto now = from_rfc3339(text_of(begun, "now"));
    SIGNET_ASSIGN(auto serial, from_hex(text_of(begun, "serial")));
    if (!now) return fail(ErrorCode::internal, "the journal lacks the certificate's time");
    SIGNET_ASSIGN(const auto active, place_->keys().active(issuer.key, KeyUsage::certify));
    SIGNET_ASSIGN(const auto key, place_->library().load(active->id, KeyUsage::certify, Deadline::in(kTime)));
    const pki::IssueOptions options{.now = *now, .serial = std::move(serial)};
    const auto profile = profile_of(planned);
    if (!issuer.certificate)
        return pki::self_sign(key, profile, planned.subject, options, Deadline::in(kTime));
    std::optional<pki::PublicKey> own;
    if (planned.kind == CertificateKind::for_key) {
        SIGNET_ASSIGN(const auto subject_key, place_->keys().find(planned.key));
        SIGNET_ASSIGN(own, pki::PublicKey::from_spki(subject_key->shown().public_key));
    }
    SIGNET_ASSIGN(const auto request, request_of(parts_.plan, planned, own ? &*own : nullptr));
    return pki::issue(key, *issuer.certificate, profile, request, options, Deadline::in(kTime));
}

// In the register of issued certificates with its audit record; in the token beside its key when that is there.
Status Executor::keep(const PlannedCertificate& planned, const Issuer& issuer,
                      const pki::Certificate& certificate) {
    sqlite::StoredCertificate row;
    row.ca = issuer.key;
    row.serial = serial_of(certificate.serial());
    row.subject = certificate.subject_text();
    row.not_before = certificate.not_before();
    row.not_after = certificate.not_after();
    row.issued = parts_.clock.now();
    row.der = certificate.der();
    row.profile = planned.profile;
    row.requester = kPrincipal;
    const auto caller = place_->caller(kTime);
    const sqlite::AuditRecord record{.request_id = std::string(caller.request_id),
                                     .principal = std::string(caller.principal),
                                     .action = "ca.issue",
                                     .object = issuer.key + "/1",
                                     .outcome = "ok",
                                     .details = R"({"serial":")" + certificate.serial() + R"(","sha256":")" +
                                                to_hex(certificate.fingerprint()) + R"(","certificate":")" +
                                                planned.name + "\"}"};
    return place_->writer().run([&](sqlite::Transaction& transaction) -> Status {
        SIGNET_TRY(sqlite::certificate_store::insert(transaction, row));
        SIGNET_TRY(transaction.audit(record));
        return {};
    });
}

Result<Executor::Data> Executor::issue(const PlannedCertificate& planned, const Data& begun) {
    SIGNET_ASSIGN(const auto issuer, issuer_of(planned));
    std::optional<pki::Certificate> certificate;
    {
        SIGNET_ASSIGN(const auto db, place_->readers().lease());
        SIGNET_ASSIGN(const auto recorded,
                      sqlite::certificate_store::find(*db, issuer.key, serial_of(text_of(begun, "serial"))));
        if (recorded) {
            SIGNET_ASSIGN(certificate, pki::Certificate::parse(as_text(recorded->der)));
        }
    }
    if (!certificate) {
        SIGNET_ASSIGN(certificate, sign(planned, issuer, begun));
        SIGNET_TRY(keep(planned, issuer, *certificate));
    }
    // Once more, as whoever relies on it will see it.
    if (const auto findings = pki::lint(*certificate); !findings.empty())
        return fail(ErrorCode::unprocessable, findings.front());
    if (!planned.key.empty())
        SIGNET_TRY(place_->keys().import_certificate(place_->caller(kTime), planned.key, certificate->der()));
    SIGNET_TRY(write_output(planned.file, certificate->pem()));
    return Data{{"subject", certificate->subject_text()},
                {"issuer", certificate->issuer_text()},
                {"serial", certificate->serial()},
                {"not_before", to_rfc3339(certificate->not_before())},
                {"not_after", to_rfc3339(certificate->not_after())},
                {"key_sha256", to_hex(certificate->public_key().spki_sha256())},
                {"sha256", to_hex(certificate->fingerprint())},
                {"file", planned.file},
                {"pem", certificate->pem()}};
}

}  // namespace signet::ctl::ceremony
