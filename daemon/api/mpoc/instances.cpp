#include "daemon/api/mpoc/instances.h"

#include <algorithm>
#include <vector>

#include "base/encoding.h"
#include "daemon/api/mpoc/customers.h"
#include "daemon/config/current.h"
#include "daemon/service/authorities.h"
#include "daemon/service/details.h"
#include "daemon/service/wrapped_keys.h"
#include "hsm/pki/csr.h"
#include "sqlite/wrapped_key_store.h"

namespace signet::api::mpoc {
namespace {

using sqlite::MpocSdk;
using sqlite::RevocationReason;
namespace store = sqlite::mpoc_sdk_store;

// What a transaction has to make durable for new keys.
struct NewKeys {
    std::optional<service::PreparedCertificate> kek;
    std::optional<service::PreparedCertificate> sign;
    std::vector<sqlite::StoredWrappedKey> wrapped;
};

// The subject is ours: what a CSR says of itself is not looked at.
pki::CertificateRequest with_subject(pki::CertificateRequest request, const MpocSdk& sdk) {
    request.subject = {{"CN", sdk.sdk_id}};
    request.subject_text = pki::to_rfc4514(request.subject);
    request.extensions = {};
    return request;
}

Result<pki::CertificateRequest> read_request(std::string_view what, std::string_view text) {
    auto csr = pki::parse_csr(text);
    if (!csr) {
        csr.error().message = std::string(what) + ": " + csr.error().message;
        return csr;
    }
    if (csr->public_key.type() != pki::KeyType::rsa)
        return fail(ErrorCode::unprocessable,
                    std::string(what) + ": expected an RSA key, not " + csr->public_key.name());
    return csr;
}

Result<pki::CertificateRequest> make_in_token(Context& context, const MpocSdk& sdk,
                                              std::string_view key_class, KeyUsage usage, NewKeys& keys,
                                              Deadline deadline) {
    SIGNET_ASSIGN(auto row,
                  context.services.wrapped.generate({owner_of(sdk), std::string(key_class), 0, sdk.generation,
                                                     context.settings().key_type, usage},
                                                    deadline));
    SIGNET_ASSIGN(auto public_key, pki::PublicKey::from_spki(row.public_key));
    keys.wrapped.push_back(std::move(row));
    return pki::CertificateRequest{{}, std::move(public_key), {}, {}, {}, {}};
}

sqlite::MpocCertificate certificate_of(const pki::Certificate& certificate) {
    sqlite::MpocCertificate out;
    out.der = certificate.der();
    const auto serial = from_hex(certificate.serial());
    if (serial && serial->size() == out.serial.size()) std::ranges::copy(*serial, out.serial.begin());
    return out;
}

Result<NewKeys> make_keys(Context& context, const service::Caller& caller, MpocSdk& sdk,
                          const std::optional<Requests>& requests) {
    const auto settings = context.settings();
    NewKeys keys;
    std::optional<pki::CertificateRequest> kek;
    std::optional<pki::CertificateRequest> sign;
    sdk.in_token = !requests;
    if (requests) {
        SIGNET_ASSIGN(kek, read_request("kekCsr", requests->kek));
        SIGNET_ASSIGN(sign, read_request("signCsr", requests->sign));
        // PCI PIN and FIPS 140: a key has one purpose.
        if (kek->public_key == sign->public_key)
            return fail(ErrorCode::unprocessable, "signCsr: expected another key than kekCsr has");
    } else {
        SIGNET_ASSIGN(kek, make_in_token(context, sdk, kKekClass, KeyUsage::unwrap, keys, caller.deadline));
        SIGNET_ASSIGN(sign, make_in_token(context, sdk, kSignClass, KeyUsage::sign, keys, caller.deadline));
    }
    auto& authorities = context.services.authorities;
    SIGNET_ASSIGN(keys.kek, authorities.prepare(caller, settings.ca, settings.kek_profile,
                                                with_subject(*std::move(kek), sdk)));
    SIGNET_ASSIGN(keys.sign, authorities.prepare(caller, settings.ca, settings.sign_profile,
                                                 with_subject(*std::move(sign), sdk)));
    sdk.kek = certificate_of(keys.kek->certificate);
    sdk.sign = certificate_of(keys.sign->certificate);
    return keys;
}

Status enter_keys(Context& context, sqlite::Transaction& transaction, const service::Caller& caller,
                  const NewKeys& keys) {
    SIGNET_TRY(context.services.authorities.enter(transaction, caller, *keys.kek));
    SIGNET_TRY(context.services.authorities.enter(transaction, caller, *keys.sign));
    for (const auto& row : keys.wrapped)
        SIGNET_TRY(sqlite::wrapped_key_store::insert(transaction, row));
    return {};
}

Status record(sqlite::Transaction& transaction, const service::Caller& caller, std::string_view action,
              const MpocSdk& sdk, std::string details) {
    SIGNET_TRY(transaction.audit({.request_id = std::string(caller.request_id),
                                  .principal = std::string(caller.principal),
                                  .action = std::string(action),
                                  .object = object_of(sdk),
                                  .outcome = "ok",
                                  .details = std::move(details)}));
    return {};
}

service::Details details_of(sqlite::Transaction& transaction, const MpocSdk& sdk) {
    service::Details details;
    const auto customer = sqlite::mpoc_customer_store::find(transaction.db(), sdk.customer);
    return details.add("customer", customer && *customer ? (*customer)->customer_id : "");
}

// Revokes what is not revoked yet; returns the rows that changed, for Authorities::revoked.
Result<std::vector<sqlite::StoredCertificate>> revoke_both(Context& context, sqlite::Transaction& transaction,
                                                           const service::Caller& caller, const MpocSdk& sdk,
                                                           RevocationReason reason) {
    std::vector<sqlite::StoredCertificate> changed;
    const bool release = reason == RevocationReason::remove_from_crl;
    for (const auto* certificate : {&sdk.kek, &sdk.sign}) {
        SIGNET_ASSIGN(auto row, sqlite::certificate_store::find(transaction.db(), context.settings().ca,
                                                                certificate->serial));
        if (!row) continue;
        const bool held = row->revocation && row->revocation->reason == RevocationReason::certificate_hold;
        if (release ? !held : row->revocation && (!held || reason == RevocationReason::certificate_hold))
            continue;
        SIGNET_TRY(context.services.authorities.revoke(transaction, caller, *row, reason));
        changed.push_back(*std::move(row));
    }
    return changed;
}

// Private keys of other generations than the one to keep; with 0, all keys of the instance.
Status erase_wrapped(sqlite::Transaction& transaction, const MpocSdk& sdk, std::uint32_t keep_generation) {
    SIGNET_ASSIGN(const auto rows, sqlite::wrapped_key_store::of_owner(transaction.db(), owner_of(sdk)));
    for (const auto& row : rows) {
        const bool payment = row.key_class == kPaymentClass;
        if (keep_generation != 0 && (payment || row.version == keep_generation)) continue;
        SIGNET_TRY(sqlite::wrapped_key_store::erase(transaction, row.id));
    }
    return {};
}

}  // namespace

config::Mpoc Context::settings() const {
    const auto current = services.config.get();
    return current->mpoc.value_or(at_start);
}

std::string owner_of(const MpocSdk& sdk) {
    return "mpoc:" + sdk.sdk_id;
}

std::string object_of(const MpocSdk& sdk) {
    return "mpoc/sdk/" + sdk.sdk_id;
}

Result<std::string> check_sdk_id(std::string_view text) {
    const auto bytes = from_hex(text);
    if (text.size() != 16 || !bytes)
        return fail(ErrorCode::invalid_argument, "sdkId: expected 16 hexadecimal digits");
    return to_hex(*bytes);
}

Result<MpocSdk> must_find_sdk(Context& context, std::string_view sdk_id) {
    if (const auto plain = check_sdk_id(sdk_id)) {
        SIGNET_ASSIGN(const auto db, context.services.readers.lease());
        SIGNET_ASSIGN(auto sdk, store::find(*db, *plain));
        if (sdk) return *std::move(sdk);
    }
    return fail(ErrorCode::not_found, "there is no SDK instance " + std::string(sdk_id));
}

Result<std::optional<std::string>> why_invalid(Context& context, const MpocSdk& sdk) {
    if (sdk.decommissioned) return "the SDK instance is decommissioned";
    if (sdk.keys_revoked) return "the keys of the SDK instance are revoked";
    if (sdk.blocked) return "the SDK instance is blocked";
    const auto ca = context.settings().ca;
    SIGNET_ASSIGN(const auto db, context.services.readers.lease());
    for (const auto* certificate : {&sdk.kek, &sdk.sign}) {
        SIGNET_ASSIGN(const auto row, sqlite::certificate_store::find(*db, ca, certificate->serial));
        if (!row || row->revocation) return "a certificate of the SDK instance is revoked";
    }
    return std::nullopt;
}

Status check_usable(Context& context, const MpocSdk& sdk) {
    SIGNET_ASSIGN(const auto why, why_invalid(context, sdk));
    if (why) return fail(ErrorCode::conflict, *why);
    if (!sdk.in_token)
        return fail(ErrorCode::failed_precondition,
                    "the private keys of the SDK instance " + sdk.sdk_id +
                        " are in the device: it was enrolled with certificate requests");
    return {};
}

Result<WrappedKey> key_of(Context& context, const sqlite::MpocSdk& sdk, std::string_view key_class) {
    SIGNET_ASSIGN(const auto db, context.services.readers.lease());
    SIGNET_ASSIGN(const auto row,
                  sqlite::wrapped_key_store::find(*db, owner_of(sdk), key_class, 0, sdk.generation));
    if (!row)
        return fail(ErrorCode::internal, "the SDK instance has no key of its generation",
                    owner_of(sdk) + " " + std::string(key_class));
    return service::to_wrapped_key(*row);
}

Result<MpocSdk> enrol(Context& context, const service::Caller& caller, MpocSdk sdk,
                      const std::optional<Requests>& requests, const AlsoOnSdk& also) {
    sdk.generation = 1;
    sdk.enrolled = context.services.clock.now();
    SIGNET_ASSIGN(const auto keys, make_keys(context, caller, sdk, requests));
    SIGNET_TRY(context.services.writer.run([&](sqlite::Transaction& transaction) -> Status {
        SIGNET_TRY(enter_keys(context, transaction, caller, keys));
        SIGNET_ASSIGN(sdk.id, store::insert(transaction, sdk));
        SIGNET_TRY(record(transaction, caller, "mpoc.sdks.enrol", sdk,
                          details_of(transaction, sdk)
                              .add("version", sdk.version)
                              .add("keys", sdk.in_token ? "token" : "device")
                              .add("kek", to_hex(sdk.kek.serial))
                              .add("sign", to_hex(sdk.sign.serial))
                              .text()));
        return also(transaction, sdk);
    }));
    return sdk;
}

Result<MpocSdk> rekey(Context& context, const service::Caller& caller, MpocSdk sdk,
                      const std::optional<Requests>& requests, const AlsoOnSdk& also) {
    if (sdk.decommissioned)
        return fail(ErrorCode::conflict, "the SDK instance " + sdk.sdk_id + " is decommissioned");
    if (sdk.blocked)
        return fail(ErrorCode::conflict, "the SDK instance " + sdk.sdk_id + " is blocked; release it first");
    const auto before = sdk;
    ++sdk.generation;
    SIGNET_ASSIGN(const auto keys, make_keys(context, caller, sdk, requests));
    std::vector<sqlite::StoredCertificate> changed;
    SIGNET_TRY(context.services.writer.run([&](sqlite::Transaction& transaction) -> Status {
        SIGNET_TRY(store::rekey(transaction, sdk));
        SIGNET_ASSIGN(changed,
                      revoke_both(context, transaction, caller, before, RevocationReason::superseded));
        SIGNET_TRY(erase_wrapped(transaction, sdk, sdk.generation));
        SIGNET_TRY(enter_keys(context, transaction, caller, keys));
        sdk.keys_revoked.reset();
        SIGNET_TRY(record(transaction, caller, "mpoc.manage", sdk,
                          details_of(transaction, sdk)
                              .add("change", "re-key")
                              .add("generation", std::uint64_t{sdk.generation})
                              .add("keys", sdk.in_token ? "token" : "device")
                              .add("kek", to_hex(sdk.kek.serial))
                              .add("sign", to_hex(sdk.sign.serial))
                              .text()));
        return also(transaction, sdk);
    }));
    for (const auto& row : changed)
        context.services.authorities.revoked(row);
    return sdk;
}

Status change(Context& context, const service::Caller& caller, const MpocSdk& given, Change change,
              std::string_view note) {
    std::vector<sqlite::StoredCertificate> changed;
    const auto work = [&](sqlite::Transaction& transaction) -> Status {
        changed.clear();
        const auto now = context.services.clock.now();
        // As it is now: nothing of the instance was locked since it was read.
        SIGNET_ASSIGN(const auto found, store::find(transaction.db(), given.sdk_id));
        const auto& sdk = found ? *found : given;
        const auto already = [&](std::string_view what) {
            return fail(ErrorCode::conflict, "the SDK instance " + sdk.sdk_id + " is " + std::string(what));
        };
        if (sdk.decommissioned) return already("decommissioned");
        std::string_view name;
        auto reason = RevocationReason::unspecified;
        switch (change) {
            case Change::block:
                if (sdk.blocked) return already("blocked already");
                name = "block";
                reason = RevocationReason::certificate_hold;
                SIGNET_TRY(store::set_blocked(transaction, sdk.id, now));
                break;
            case Change::unblock:
                if (!sdk.blocked) return already("not blocked");
                name = "unblock";
                reason = RevocationReason::remove_from_crl;
                SIGNET_TRY(store::set_blocked(transaction, sdk.id, std::nullopt));
                break;
            case Change::revoke_keys:
                if (sdk.keys_revoked) return already("without valid keys already");
                name = "revoke-keys";
                reason = RevocationReason::key_compromise;
                SIGNET_TRY(store::set_keys_revoked(transaction, sdk.id, now));
                break;
            case Change::decommission:
                name = "decommission";
                reason = RevocationReason::cessation_of_operation;
                SIGNET_TRY(store::set_decommissioned(transaction, sdk.id, now));
                SIGNET_TRY(store::erase_payment_keys(transaction, sdk.id));
                SIGNET_TRY(erase_wrapped(transaction, sdk, 0));
                break;
        }
        SIGNET_ASSIGN(changed, revoke_both(context, transaction, caller, sdk, reason));
        return record(transaction, caller, "mpoc.manage", sdk,
                      details_of(transaction, sdk).add("change", name).add("note", note).text());
    };
    SIGNET_TRY(context.services.writer.run(work));
    for (const auto& row : changed)
        context.services.authorities.revoked(row);
    return {};
}

}  // namespace signet::api::mpoc
