// A signed statement of what the token holds: a key's attributes as the token reports them, or that a destroyed key is gone.
//
// The statement is the details of a record of the audit chain, and the audit key signs the chain's head at that record, so
// that nobody needs more than these few lines and the audit key's public half to check it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "daemon/service/audit.h"
#include "daemon/service/caller.h"
#include "daemon/service/keys.h"
#include "hsm/frames/token_interface.h"
#include "hsm/pki/public_key.h"

namespace signet::service {

struct Attestation {
    SignedRecord record;
    std::string statement;         // the record's details, JSON
    std::string public_key;        // PEM of the key; empty for secret keys
    std::string audit_public_key;  // PEM
};

// Asks the token about that version of the key and has the answer signed. Errors: not_found (no such version), the token's,
// storage_*.
Result<Attestation> attest(TokenInterface& token, const Keys& keys, Audit& audit, const Caller& caller,
                           std::string_view label, std::optional<std::uint32_t> version);

// As a file: JSON, see signetctl(1), `keys attest`.
std::string to_json(const Attestation& attestation);

struct VerifiedAttestation {
    std::string statement;
    SystemTime time{};
    std::string audit_key;  // "audit/1"
};
// Whether the file is a statement signed by this audit key. Errors: invalid_argument (no such file), unprocessable (it was
// changed, or signed by another key), each with what is wrong.
Result<VerifiedAttestation> verify_attestation(std::string_view json, const pki::PublicKey& audit_key);

}  // namespace signet::service
