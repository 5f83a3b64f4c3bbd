// The life of an SDK instance: enrolled, re-keyed, blocked and released, its keys revoked, decommissioned.
//
// Each instance has two certificates of the CA `mpoc.ca`: KEK (keyEncipherment) and sign (digitalSignature). Their private
// keys are in the device (two CSRs), or both in our token as wrapped keys of the owner `mpoc:<sdkId>`.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "daemon/api/mpoc/context.h"
#include "daemon/service/caller.h"
#include "hsm/frames/key_types.h"
#include "sqlite/mpoc_sdk_store.h"

namespace signet::sqlite {
class ReadPool;
}

namespace signet::api::mpoc {

inline constexpr std::string_view kKekClass = "mpoc.kek";          // usage unwrap
inline constexpr std::string_view kSignClass = "mpoc.sign";        // usage sign
inline constexpr std::string_view kPaymentClass = "mpoc.payment";  // payment keys; index 1, 2, …

std::string owner_of(const sqlite::MpocSdk& sdk);   // of its wrapped keys
std::string object_of(const sqlite::MpocSdk& sdk);  // in audit records

// 16 hex digits of either case; lower case comes back.
Result<std::string> check_sdk_id(std::string_view text);
// Error: not_found.
Result<sqlite::MpocSdk> must_find_sdk(Context& context, std::string_view sdk_id);

// Why an instance is INVALID; nullopt for VALID. A certificate that was revoked through the CA's own routes counts as
// revoked keys.
Result<std::optional<std::string>> why_invalid(Context& context, const sqlite::MpocSdk& sdk);
// conflict, naming the reason, unless the instance is VALID and its keys are in the token.
Status check_usable(Context& context, const sqlite::MpocSdk& sdk);
// One of the two private keys of an instance whose keys are in the token.
Result<WrappedKey> key_of(Context& context, const sqlite::MpocSdk& sdk, std::string_view key_class);

// Certificate requests of the two keys, PEM or base64 of DER; absent for keys that the token makes.
struct Requests {
    std::string kek;
    std::string sign;
};
using AlsoOnSdk = std::function<Status(sqlite::Transaction&, const sqlite::MpocSdk&)>;

// `sdk` has sdk_id, customer and version. Errors: already_exists, those of parse_csr and of the profiles (unprocessable),
// the token's.
Result<sqlite::MpocSdk> enrol(Context& context, const service::Caller& caller, sqlite::MpocSdk sdk,
                              const std::optional<Requests>& requests, const AlsoOnSdk& also);
// New keys and certificates; the old ones are superseded on CRL and OCSP, and old private keys of ours are gone.
Result<sqlite::MpocSdk> rekey(Context& context, const service::Caller& caller, sqlite::MpocSdk sdk,
                              const std::optional<Requests>& requests, const AlsoOnSdk& also);

enum class Change : std::uint8_t {
    block,         // both certificates on hold
    unblock,       // released from hold
    revoke_keys,   // both certificates revoked for keyCompromise, until the instance is re-keyed
    decommission,  // revoked for cessationOfOperation, for good; keys of ours are erased
};
// Errors: conflict (it is so already, or decommissioned).
Status change(Context& context, const service::Caller& caller, const sqlite::MpocSdk& sdk, Change change,
              std::string_view note);

}  // namespace signet::api::mpoc
