// The whole TokenInterface in software, for tests above the token: keys live in OpenSSL's default provider,
// and the per-key rules (usages, purposes, algorithms, bounds) are the real token's. Thread-safe.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "hsm/frames/token_interface.h"
#include "hsm/provider/openssl_ptr.h"

namespace signet::testing {

class SoftwareToken final : public TokenInterface {
  public:
    SoftwareToken();
    ~SoftwareToken() override;

    // While set, every operation asks it first; an Error it returns is the answer. The name is the method's.
    using Fault = std::function<std::optional<Error>(std::string_view operation)>;
    void set_fault(Fault fault);
    // Shortcut: everything fails with token_unavailable until set to false.
    void set_unavailable(bool unavailable);
    std::uint64_t operations() const { return operations_; }
    // As after a replacement of the token.
    void forget_anchor() {
        const std::lock_guard lock(mutex_);
        anchor_.reset();
    }
    // Makes a key with these usages, or aborts: for fixtures.
    KeyInfo make(std::string label, KeyAlgorithm algorithm, KeyUsages usages, std::uint32_t version = 1);

    Result<TokenStatus> status(Deadline deadline) override;
    Result<std::vector<KeyInfo>> list_keys(Deadline deadline) override;
    Result<KeyInfo> find_key(const KeyId& id, Deadline deadline) override;
    Result<KeyInfo> generate_key(const GenerateKeyRequest& request, Deadline deadline) override;
    Status destroy_key(const KeyId& id, Deadline deadline) override;
    Status forget_key(const KeyId& id, Deadline deadline) override;
    Result<Bytes> sign(const SignRequest& request, Deadline deadline) override;
    Result<std::vector<Bytes>> sign_batch(const SignBatchRequest& request, Deadline deadline) override;
    Result<Bytes> mac(const MacRequest& request, Deadline deadline) override;
    Result<bool> mac_verify(const MacRequest& request, ByteView mac, Deadline deadline) override;
    Result<Secret> decrypt(const DecryptRequest& request, Deadline deadline) override;
    Result<Bytes> random(std::size_t size, Deadline deadline) override;
    Result<Bytes> seal(const SealRequest& request, Deadline deadline) override;
    Result<Secret> unseal(const UnsealRequest& request, Deadline deadline) override;
    Result<GeneratedWrappedKey> generate_wrapped(const GenerateWrappedRequest& request,
                                                 Deadline deadline) override;
    Result<WrappedKey> rewrap(const RewrapRequest& request, Deadline deadline) override;
    Result<ImportedSecret> import_secret(const ImportSecretRequest& request, Deadline deadline) override;
    Result<ClearKeyPair> generate_clear(const GenerateClearRequest& request, Deadline deadline) override;
    Status import_certificate(const CertificateEntry& entry, Deadline deadline) override;
    Result<std::vector<CertificateEntry>> list_certificates(Deadline deadline) override;
    Result<Bytes> sign_checkpoint(const CheckpointRequest& request, Deadline deadline) override;
    Result<std::optional<Anchor>> read_anchor(Deadline deadline) override;

  private:
    struct Key {
        KeyInfo info;
        std::shared_ptr<evp_pkey_st> pair;  // asymmetric keys
        Bytes secret;                       // AES and HMAC keys
    };
    Status begin(std::string_view operation, Deadline deadline);
    Result<Key> find(const KeyId& id, KeyUsage usage);
    Result<Key> resolve(const KeySelector& selector, KeyUsage usage);
    Result<Key> unwrap(const WrappedKey& wrapped);
    Result<WrappedKey> wrap(const Key& key, const KeyId& wrapping_key, const KeyId& binding_key,
                            const KeyBinding& binding);

    mutable std::mutex mutex_;
    Fault fault_;
    std::map<KeyId, Key> keys_;
    std::vector<CertificateEntry> certificates_;
    std::optional<Anchor> anchor_;
    std::atomic<std::uint64_t> operations_{0};
};

}  // namespace signet::testing
