// The key with which a person signs approvals: in a private file, or held by an ssh-agent (and so, where the agent's keys
// are, on a card or in a token of the person's own).
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "base/bytes.h"
#include "base/error.h"

namespace signet::ctl {

struct PersonKey {
    Bytes spki;         // DER SubjectPublicKeyInfo
    std::string where;  // for people
    // By the key's default algorithm (RS256, ES256, ES384, EdDSA); DER for ECDSA.
    std::function<Result<Bytes>(ByteView message)> sign;
};

// A PEM private key (PKCS#8 or traditional), readable by its owner alone; an encrypted one asks for its passphrase at the
// terminal. Errors: not_found, permission_denied, invalid_argument, unprocessable (a kind of key that cannot approve).
Result<PersonKey> key_of_file(const std::filesystem::path& file);

// A key of the agent at SSH_AUTH_SOCK (Internet-Draft draft-miller-ssh-agent): Ed25519, ECDSA P-256 or P-384. `name`: its
// comment, or the beginning of the hex SHA-256 of its SubjectPublicKeyInfo; may be empty where the agent has one such key.
// Errors: not_found, invalid_argument, token_unavailable.
Result<PersonKey> key_of_agent(const std::string& name);

}  // namespace signet::ctl
