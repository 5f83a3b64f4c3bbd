// Everything the appliance can ask of its token: typed operations, never a generic wrap, unwrap or import.
//
// One interface, three implementations: the worker's (on PKCS#11), the client's (over the token socket) and the tests'.
// Each method is safe to call from any thread, blocks until the answer or the deadline, and fails with
//   token_unavailable  the token, its module or its process is gone or restarting; the request may be tried again
//   token_pin          the PIN was refused; an operator must act
//   token_refused      a per-key rule or the token refused the operation
//   not_found          no such key (or the token lost it)
//   deadline_exceeded  no answer in time; for what changes the token the outcome is unknown: look before trying again
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/secret.h"
#include "hsm/frames/key_types.h"

namespace signet {

struct SignRequest {
    KeySelector key;
    SignAlgorithm algorithm = SignAlgorithm::es256;
    KeyUsage purpose = KeyUsage::sign;  // sign, certify or tls
    Bytes input;  // the digest, of the algorithm's hash; for EdDSA the message, 1 MiB at most
};

struct SignBatchRequest {
    KeySelector key;
    SignAlgorithm algorithm = SignAlgorithm::es256;
    KeyUsage purpose = KeyUsage::sign;
    std::vector<Bytes> inputs;  // 1,000 at most
};

struct MacRequest {
    KeySelector key;
    MacAlgorithm algorithm = MacAlgorithm::hs256;
    Bytes data;  // 1 MiB at most
};

struct DecryptRequest {
    KeySelector key;
    HashAlgorithm oaep_hash = HashAlgorithm::sha256;  // sha1 or sha256 (RFC 8017 section 7.1)
    HashAlgorithm mgf1_hash = HashAlgorithm::sha256;
    Bytes label;       // OAEP label, usually empty
    Bytes ciphertext;  // as long as the modulus
};

struct GenerateKeyRequest {
    KeyId id;
    KeyAlgorithm algorithm = KeyAlgorithm::ec_p256;
    KeyUsages usages;
    bool extractable = false;  // only for keys made to be backed up
};

struct GenerateWrappedRequest {
    KeyId wrapping_key;
    KeyId binding_key;
    KeyBinding binding;
};
struct GeneratedWrappedKey {
    WrappedKey key;
    Bytes public_key;  // DER SubjectPublicKeyInfo; empty for secret keys
};

struct RewrapRequest {
    WrappedKey key;
    KeyId new_wrapping_key;
    KeyId new_binding_key;
};

// Secrets of a PayControl user on their way to a device: under a key that is derived from a password inside the token's
// process, where no clear value ever meets the request. docs/paycontrol-protocol.md, chapter Key export, has the bytes.
struct ExportedSecrets {
    Bytes salt;  // 16 bytes
    Bytes data;  // each key wrapped (RFC 3394), one after the other: 40 bytes for a secret of 32
    Bytes mac;   // HMAC-SHA-256 over header and data, 32 bytes
};
struct ExportSecretsRequest {
    std::vector<WrappedKey> keys;  // hmac-256, 1 to 4
    ByteView password;             // 1 to 256 bytes
    Bytes header;                  // what the MAC covers beside the data; 4 KiB at most
};
struct ImportSecretsRequest {
    KeyId wrapping_key;
    KeyId binding_key;
    std::vector<KeyBinding> bindings;  // one for each key, in the order of the export
    ByteView password;
    Bytes header;
    ExportedSecrets secrets;
};
struct RevealSecretsRequest {
    std::vector<WrappedKey> keys;  // hmac-256, 1 to 4
};
// The next secret from one that exists, without a look at either: AES-256-ECB of `context` under it.
struct DeriveSecretRequest {
    WrappedKey key;  // hmac-256
    KeyId wrapping_key;
    KeyId binding_key;
    KeyBinding binding;
    Bytes context;  // a digest of 32 bytes
};

struct SealRequest {
    KeyId key;              // usage seal
    Bytes associated_data;  // 1 KiB at most
    ByteView plaintext;     // 64 KiB at most
};
struct UnsealRequest {
    KeyId key;
    Bytes associated_data;
    Bytes sealed;  // nonce (12) ‖ ciphertext ‖ tag (16)
};

// A secret from outside, encrypted under a key of ours (top key loading of payment terminals: RSA-OAEP, RFC 8017 section 7.1).
struct ImportSecretRequest {
    KeySelector key;  // RSA, usage unwrap (or decrypt, whose plaintexts a caller may see anyhow)
    HashAlgorithm oaep_hash = HashAlgorithm::sha256;  // sha1 or sha256
    HashAlgorithm mgf1_hash = HashAlgorithm::sha256;
    Bytes label;       // OAEP label, usually empty
    Bytes ciphertext;  // as long as the modulus
    KeyBinding
        binding;  // of the new wrapped key: usage payment; its algorithm says how long the secret has to be
    KeyId wrapping_key;
    KeyId binding_key;
};
struct ImportedSecret {
    WrappedKey key;
    // Proves to whoever sent the secret that it arrived: the first bytes of AES-CMAC over a block of zeros for AES (ANSI
    // X9.24-1:2017), of a block of zeros encrypted for triple DES.
    std::array<std::uint8_t, 3> check_value{};
};

// A key pair that its owner gets in clear, once, and that nothing here keeps.
struct GenerateClearRequest {
    KeyAlgorithm algorithm = KeyAlgorithm::rsa_2048;  // RSA only
};
struct ClearKeyPair {
    Secret private_key;  // DER PrivateKeyInfo (RFC 5958, PKCS#8)
    Bytes public_key;    // DER SubjectPublicKeyInfo
};

// A signed head of the audit chain. The worker refuses a sequence that is not above the last one it anchored, or more
// than 10^9 above it, and a request whose `previous_…` is not that last one: so the token signs one chain, never a fork.
struct CheckpointRequest {
    KeyId key;  // usage audit
    std::uint64_t sequence = 0;
    std::array<std::uint8_t, 32> head{};
    // The head the token anchored last, as the caller's own chain has it; zeros before the first one.
    std::uint64_t previous_sequence = 0;
    std::array<std::uint8_t, 32> previous_head{};
};
struct Anchor {
    std::uint64_t sequence = 0;
    std::array<std::uint8_t, 32> head{};
};

struct CertificateEntry {
    KeyId key;
    Bytes certificate;  // DER
};

struct TokenStatus {
    std::string label;  // of the token, CKA padding removed
    std::string serial;
    std::string manufacturer;
    std::string model;
    std::string module;  // path of the PKCS#11 module
    std::string quirks;  // name of the quirk set in use
    std::uint64_t worker_pid = 0;
    std::uint64_t supervisor_pid = 0;
    std::uint32_t keys = 0;
    std::uint32_t sessions_open = 0;
    std::uint32_t live_wrapped_keys = 0;
    std::uint32_t queue_depth = 0;
    std::uint64_t resident_bytes = 0;
    std::uint64_t workers_started = 0;    // since the supervisor started
    std::vector<std::string> mechanisms;  // names as in PKCS#11: CKM_RSA_PKCS_PSS, …
};

struct Deadline {
    SteadyTime at;
    static Deadline in(std::chrono::milliseconds time) { return {std::chrono::steady_clock::now() + time}; }
    std::chrono::milliseconds left() const {
        return std::chrono::duration_cast<std::chrono::milliseconds>(at - std::chrono::steady_clock::now());
    }
};

class TokenInterface {
  public:
    virtual ~TokenInterface() = default;

    virtual Result<TokenStatus> status(Deadline deadline) = 0;

    virtual Result<std::vector<KeyInfo>> list_keys(Deadline deadline) = 0;
    virtual Result<KeyInfo> find_key(const KeyId& id, Deadline deadline) = 0;
    // already_exists when `id` is taken. Nothing remains of a generation that did not end.
    virtual Result<KeyInfo> generate_key(const GenerateKeyRequest& request, Deadline deadline) = 0;
    virtual Status destroy_key(const KeyId& id, Deadline deadline) = 0;
    // Forgets handles and session copies of a key that was disabled; the key itself stays.
    virtual Status forget_key(const KeyId& id, Deadline deadline) = 0;

    // DER (SEQUENCE of r and s) for ECDSA, raw bytes for RSA and Ed25519.
    virtual Result<Bytes> sign(const SignRequest& request, Deadline deadline) = 0;
    // As `sign`; `done` runs once, on a thread of the implementation: it must not block.
    virtual void sign_async(SignRequest request, Deadline deadline, std::function<void(Result<Bytes>)> done) {
        done(sign(request, deadline));
    }
    virtual Result<std::vector<Bytes>> sign_batch(const SignBatchRequest& request, Deadline deadline) = 0;

    virtual Result<Bytes> mac(const MacRequest& request, Deadline deadline) = 0;
    virtual void mac_async(MacRequest request, Deadline deadline, std::function<void(Result<Bytes>)> done) {
        done(mac(request, deadline));
    }
    // Compared in the worker in constant time; false for a wrong MAC of any length.
    virtual Result<bool> mac_verify(const MacRequest& request, ByteView mac, Deadline deadline) = 0;

    // One error, token_refused with one text, for every ciphertext that does not decrypt. failed_precondition where the
    // token leaves the padding to software and in_clear.software_oaep is off.
    virtual Result<Secret> decrypt(const DecryptRequest& request, Deadline deadline) = 0;

    virtual Result<Bytes> random(std::size_t size, Deadline deadline) = 0;  // 4 KiB at most

    virtual Result<Bytes> seal(const SealRequest& request, Deadline deadline) = 0;
    virtual Result<Secret> unseal(const UnsealRequest& request, Deadline deadline) = 0;

    virtual Result<GeneratedWrappedKey> generate_wrapped(const GenerateWrappedRequest& request,
                                                         Deadline deadline) = 0;
    virtual Result<WrappedKey> rewrap(const RewrapRequest& request, Deadline deadline) = 0;

    // token_refused with one text for every ciphertext that does not decrypt to a secret of the algorithm's size.
    // failed_precondition where the token leaves the padding to software and in_clear.software_oaep is off.
    virtual Result<ImportedSecret> import_secret(const ImportSecretRequest& request, Deadline deadline) = 0;
    // failed_precondition where in_clear.merchant_keys is off.
    virtual Result<ClearKeyPair> generate_clear(const GenerateClearRequest& request, Deadline deadline) = 0;
    // The four below: unsupported unless an implementation says otherwise.
    virtual Result<ExportedSecrets> export_secrets(const ExportSecretsRequest& request, Deadline deadline);
    // token_refused for a wrong password and for anything that was altered.
    virtual Result<std::vector<WrappedKey>> import_secrets(const ImportSecretsRequest& request,
                                                           Deadline deadline);
    // In clear, one after the other. Refused (token_refused) unless token.yaml says reveal_secrets: true.
    virtual Result<Secret> reveal_secrets(const RevealSecretsRequest& request, Deadline deadline);
    virtual Result<WrappedKey> derive_secret(const DeriveSecretRequest& request, Deadline deadline);

    virtual Status import_certificate(const CertificateEntry& entry, Deadline deadline) = 0;
    virtual Result<std::vector<CertificateEntry>> list_certificates(Deadline deadline) = 0;

    // conflict when the token's anchor is damaged: custodians re-anchor the chain offline (signetd-token re-anchor).
    virtual Result<Bytes> sign_checkpoint(const CheckpointRequest& request, Deadline deadline) = 0;
    virtual Result<std::optional<Anchor>> read_anchor(Deadline deadline) = 0;
};

// The bytes a checkpoint's signature covers (ES256 or the audit key's default algorithm): "signet-checkpoint-1" ‖ 0 ‖ sequence (8 bytes, big-endian) ‖ head.
Bytes checkpoint_message(std::uint64_t sequence, const std::array<std::uint8_t, 32>& head);

}  // namespace signet
