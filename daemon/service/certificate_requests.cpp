#include "daemon/service/certificate_requests.h"

#include <algorithm>

#include "base/digest.h"
#include "base/encoding.h"
#include "daemon/service/details.h"
#include "hsm/pki/csr.h"
#include "hsm/pki/pem.h"

namespace signet::service {
namespace {

bool usable(const KeyVersion& version) {
    return version.state == KeyState::pending || version.state == KeyState::active ||
           version.state == KeyState::retired;
}

Result<const KeyVersion*> choose(const Key& key, std::optional<std::uint32_t> number) {
    const KeyVersion* found = nullptr;
    if (number) {
        found = key.find(*number);
        if (found == nullptr)
            return fail(ErrorCode::not_found,
                        "the key '" + key.label + "' has no version " + std::to_string(*number));
        if (!usable(*found))
            return fail(ErrorCode::conflict, "version " + std::to_string(*number) + " of the key '" +
                                                 key.label + "' is " + std::string(found->state_name()));
    } else {
        const auto newest = std::ranges::find_if(key.versions.rbegin(), key.versions.rend(), usable);
        if (newest == key.versions.rend())
            return fail(ErrorCode::conflict, "no version of the key '" + key.label + "' is in use");
        found = &*newest;
    }
    if (!found->available)
        return fail(ErrorCode::token_unavailable, "the token does not have the key " + to_string(found->id));
    return found;
}

Result<KeyUsage> purpose_of(const KeyVersion& key) {
    for (const auto usage : {KeyUsage::tls, KeyUsage::certify, KeyUsage::sign}) {
        if (key.usages.has(usage)) return usage;
    }
    return fail(ErrorCode::unprocessable, "the key " + to_string(key.id) + " is for " +
                                              to_string(key.usages) +
                                              ": only keys for tls, certify or sign have certificates");
}

}  // namespace

Result<MadeRequest> CertificateRequests::make(const Caller& caller, std::string_view label,
                                              std::optional<std::uint32_t> version, const pki::Name& subject,
                                              const std::vector<pki::GeneralName>& names) {
    SIGNET_ASSIGN(const auto key, parts_.keys.find(label));
    SIGNET_ASSIGN(const auto* chosen, choose(*key, version));
    SIGNET_ASSIGN(const auto purpose, purpose_of(*chosen));
    SIGNET_ASSIGN(const auto token_key, parts_.library.load(chosen->info(), purpose));
    SIGNET_ASSIGN(const auto der, pki::make_csr(token_key, subject, names, caller.deadline));
    SIGNET_ASSIGN(const auto sequence,
                  append_record(parts_.writer, caller,
                                {.request_id = std::string(caller.request_id),
                                 .principal = std::string(caller.principal),
                                 .action = "keys.csr",
                                 .object = to_string(chosen->id),
                                 .outcome = "ok",
                                 .details = Details()
                                                .add("subject", pki::to_rfc4514(subject))
                                                .add("sha256", to_hex(digest(HashAlgorithm::sha256, der)))
                                                .text()}));
    return MadeRequest{pki::to_pem("CERTIFICATE REQUEST", der), chosen->id, sequence};
}

}  // namespace signet::service
