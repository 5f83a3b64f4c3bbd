// Everything the appliance asks of its token, executed on PKCS#11: the worker's implementation of TokenInterface.
//
// Handles are cached by label and version, each calling thread has a warm session, and the rules of each key are
// checked here again before the token is asked. All methods are safe on any number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/secret.h"
#include "hsm/frames/backup_interface.h"
#include "hsm/frames/token_interface.h"
#include "hsm/token/clear_cases.h"
#include "hsm/token/login_mark.h"

namespace signet::pkcs11 {
class Module;
}

namespace signet::token {

struct OperationsOptions {
    std::filesystem::path module;  // of the PKCS#11 library
    std::string reserved;     // library parameters in C_Initialize's reserved field; NSS softokn wants them
    std::string token_label;  // one of label and serial is needed; both must match when both are given
    std::string token_serial;
    std::string quirks;  // softhsm, nss or generic; empty: chosen by the module's manufacturer
    std::optional<bool> session_copies;  // by quirks when not set
    bool reveal_secrets = false;         // whether user secrets may be given out in clear
    std::size_t live_key_limit = 1024;   // unwrapped session objects kept for the next use
    // Removes what a generation left behind when its process was killed. Only for a cold start: beside another worker
    // it would remove keys that one is just making.
    bool sweep = true;
    // Where a software token keeps its files (SoftHSM's directories.tokendir); empty for hardware. New keys are synced
    // to disk before they are acknowledged, and the state of the directory explains failures the token cannot name.
    std::filesystem::path storage_directory;
    ClearCases in_clear;  // all off
    // Around C_Login: what the first refuses is not tried; the second is called once the PIN was good (login_mark.h).
    std::function<Status(const PinState&)> before_login{};
    std::function<void()> after_login{};
};

class TokenOperations final : public TokenInterface, public BackupInterface {
  public:
    // Loads and initialises the module, finds the token, checks the flags of the PIN, and logs in: once, for the life
    // of the object. No fork between this and the destructor, which finalises the module: it must run before main
    // returns.
    // Errors: token_unavailable (no module, no such token), token_pin (refused, locked, final try; see
    // docs/security.md: never try again without an operator).
    static Result<std::unique_ptr<TokenOperations>> open(OperationsOptions options, const Secret& pin);
    // As `open`, on a module that is loaded already.
    static Result<std::unique_ptr<TokenOperations>> open(OperationsOptions options,
                                                         std::unique_ptr<pkcs11::Module> module,
                                                         const Secret& pin);
    ~TokenOperations() override;
    TokenOperations(const TokenOperations&) = delete;
    TokenOperations& operator=(const TokenOperations&) = delete;

    // Asks the token for signs of life and for its objects; a few microseconds on a software token. Meant for a timer.
    // token_unavailable when it is gone; needs_restart() is true from then on.
    Status probe();

    // The token, its login or the library's state is lost, and only a fresh C_Initialize can bring it back. Every
    // request fails with token_unavailable from now on: the process should end, and its supervisor start another.
    bool needs_restart() const;

    // Puts another head in place of the audit chain's anchor, whatever that says, and leaves a trace in the token: an object
    // with the time, both heads and `reason` (200 bytes at most). For custodians, offline.
    struct Reanchored {
        std::string before;  // what was there, for people
        std::string trace;   // what the object says
    };
    Result<Reanchored> re_anchor(const Anchor& anchor, const std::string& reason);

    // Fields of the supervisor and the queue are left for the process to fill.
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
    Result<ExportedSecrets> export_secrets(const ExportSecretsRequest& request, Deadline deadline) override;
    Result<std::vector<WrappedKey>> import_secrets(const ImportSecretsRequest& request,
                                                   Deadline deadline) override;
    Result<Secret> reveal_secrets(const RevealSecretsRequest& request, Deadline deadline) override;
    Result<WrappedKey> derive_secret(const DeriveSecretRequest& request, Deadline deadline) override;

    Result<ImportedSecret> import_secret(const ImportSecretRequest& request, Deadline deadline) override;
    Result<ClearKeyPair> generate_clear(const GenerateClearRequest& request, Deadline deadline) override;

    Result<BackedUpKey> wrap_for_backup(const KeyId& id, Deadline deadline) override;
    Result<KeyInfo> restore_key(const BackedUpKey& key, Deadline deadline) override;
    // The backup key that custodians' shares gave, of 32 bytes; an empty one is forgotten.
    Status set_backup_key(const Secret& key);

    Status import_certificate(const CertificateEntry& entry, Deadline deadline) override;
    Result<std::vector<CertificateEntry>> list_certificates(Deadline deadline) override;

    Result<Bytes> sign_checkpoint(const CheckpointRequest& request, Deadline deadline) override;
    Result<std::optional<Anchor>> read_anchor(Deadline deadline) override;

  private:
    struct Parts;
    explicit TokenOperations(std::unique_ptr<Parts> parts);

    std::unique_ptr<Parts> parts_;
};

}  // namespace signet::token
