// What keys are used for: signatures, MACs, decryption, JWS and CMS. Nothing leaves before its audit record is durable.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/secret.h"
#include "daemon/service/caller.h"
#include "daemon/service/keys.h"
#include "daemon/service/registry.h"
#include "hsm/frames/token_interface.h"
#include "sqlite/writer.h"

namespace signet::service {

inline constexpr std::size_t kMaxBatch = 1000;
inline constexpr std::size_t kMaxMessage = std::size_t{1} << 20;  // bytes of data to sign or MAC

// What is signed, as the token takes it, and what the audit record says of it.
struct SignInput {
    Bytes bytes;         // SignRequest::input
    std::string digest;  // lower-case hex; for EdDSA the SHA-512 of the message
};
// Hashes data. Error: too_large.
Result<SignInput> input_of_data(SignAlgorithm algorithm, Bytes data);
// Takes a digest that the caller made. Errors: invalid_argument (its size; EdDSA takes none).
Result<SignInput> input_of_digest(SignAlgorithm algorithm, Bytes digest);

struct Signature {
    Bytes value;  // DER for ECDSA
    std::uint64_t audit = 0;
};
struct Signatures {
    std::vector<Bytes> values;
    std::uint64_t audit = 0;
};
struct Plaintext {
    Secret value;
    std::uint64_t audit = 0;
};
struct Document {
    std::string text;  // JWS compact serialisation, or DER of a CMS ContentInfo
    std::uint64_t audit = 0;
};

struct JwsOptions {
    std::optional<std::string> type{};          // typ
    std::optional<std::string> content_type{};  // cty
    std::vector<Bytes> certificates{};          // x5c, leaf first
};
struct CmsRequest {
    Bytes certificate;           // DER, the key's own
    std::vector<Bytes> chain{};  // DER
    std::optional<SystemTime> signing_time{};
};

class Signing {
  public:
    // Runs once, on the thread that brings the last news (or on the caller's, for an error before the start): it must not
    // block.
    using Finished = std::move_only_function<void(Result<Signature>)>;

    struct Parts {
        TokenInterface& token;
        sqlite::Writer& writer;
    };
    explicit Signing(Parts parts) : parts_(parts) {}

    // Keys come from Keys::active with the usage that fits, algorithms are checked against the key here (unprocessable).
    // Errors besides: the token's; storage_full and storage_failed when there is no durable record.
    Result<Signature> sign(const Caller& caller, const KeyPtr& key, SignAlgorithm algorithm, SignInput input);
    // Do not block: the hot routes. The caller's texts may go once these return.
    void begin_sign(const Caller& caller, const KeyPtr& key, SignAlgorithm algorithm, SignInput input,
                    Finished finished);
    void begin_mac(const Caller& caller, const KeyPtr& key, MacAlgorithm algorithm, Bytes data,
                   Finished finished);
    // One audit record with the list of digests.
    Result<Signatures> sign_batch(const Caller& caller, const KeyPtr& key, SignAlgorithm algorithm,
                                  std::vector<SignInput> inputs);
    Result<Signature> mac(const Caller& caller, const KeyPtr& key, MacAlgorithm algorithm, Bytes data);
    Result<Document> jws(const Caller& caller, const KeyPtr& key, SignAlgorithm algorithm, ByteView payload,
                         const JwsOptions& options);
    // Detached.
    Result<Document> cms(const Caller& caller, const KeyPtr& key, SignAlgorithm algorithm, ByteView content,
                         const CmsRequest& request);
    // RSA-OAEP (RFC 8017 section 7.1). Every ciphertext that does not decrypt gives one error: token_refused.
    Result<Plaintext> decrypt(const Caller& caller, const KeyPtr& key, HashAlgorithm oaep_hash,
                              Bytes ciphertext, Bytes label);

    // Checks make nothing and leave no record. `verify` is done in software with the public key.
    static Result<bool> verify(const KeyPtr& key, SignAlgorithm algorithm, ByteView data, ByteView signature);
    static Result<bool> verify_digest(const KeyPtr& key, SignAlgorithm algorithm, ByteView digest,
                                      ByteView signature);
    Result<bool> mac_verify(const Caller& caller, const KeyPtr& key, MacAlgorithm algorithm, Bytes data,
                            ByteView mac);

  private:
    Result<Signature> sign_as(std::string_view action, const Caller& caller, const KeyPtr& key,
                              SignAlgorithm algorithm, SignInput input);
    void record_refusal(std::string_view action, const Caller& caller, const KeyVersion& key,
                        const Error& error);

    Parts parts_;
};

// The algorithm named, or the key's default one. Errors: invalid_argument (no such name), unprocessable (does not fit).
Result<SignAlgorithm> choose_algorithm(const KeyVersion& key, std::optional<std::string_view> name);
Result<MacAlgorithm> choose_mac_algorithm(const KeyVersion& key, std::optional<std::string_view> name);

}  // namespace signet::service
