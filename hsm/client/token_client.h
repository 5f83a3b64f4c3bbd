// TokenInterface over the token socket: one multiplexed connection to `signetd-token`, shared by every
// thread.
//
// Requests of many threads leave in few writes and their answers arrive in few reads. The connection is made
// when the first request needs it and made again, with back-off, when it broke. While `signetd-token` cannot
// be reached, each request fails at once with token_unavailable; nothing waits past its deadline. A request
// that was in flight when the connection broke fails with token_unavailable as well; where it may have
// changed the token, the message says so.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include "hsm/frames/backup_interface.h"
#include "hsm/frames/token_interface.h"

namespace signet {
namespace client {
class Channel;
}

class TokenClient final : public TokenInterface, public BackupInterface {
  public:
    struct Options {
        std::filesystem::path socket;
        // Refuse a server of another user (SO_PEERCRED); nullopt trusts the permissions of the socket's
        // directory.
        std::optional<uid_t> server_uid{};
        // Requests in flight at once; one more fails with `overloaded`. 65,535 at most.
        std::size_t max_in_flight = 8192;
        // Waited between attempts to connect, doubling from the first to the second.
        std::chrono::milliseconds first_back_off{20};
        std::chrono::milliseconds longest_back_off{1000};
        // For the server's HELLO after connecting.
        std::chrono::milliseconds hello_time{5000};
    };

    // Starts the reader thread; connects to nothing yet.
    static std::unique_ptr<TokenClient> create(Options options);
    // Fails what is in flight with `cancelled` and joins the reader thread. No other thread may be inside a
    // method.
    ~TokenClient() override;
    TokenClient(const TokenClient&) = delete;
    TokenClient& operator=(const TokenClient&) = delete;

    struct Counters {
        std::uint64_t connections = 0;  // made so far; 1 means: never made again
        std::uint64_t writes = 0;       // system calls
        std::uint64_t reads = 0;
        std::uint64_t requests = 0;
    };
    Counters counters() const;

    Result<TokenStatus> status(Deadline deadline) override;
    Result<std::vector<KeyInfo>> list_keys(Deadline deadline) override;
    Result<KeyInfo> find_key(const KeyId& id, Deadline deadline) override;
    Result<KeyInfo> generate_key(const GenerateKeyRequest& request, Deadline deadline) override;
    Status destroy_key(const KeyId& id, Deadline deadline) override;
    Status forget_key(const KeyId& id, Deadline deadline) override;
    Result<Bytes> sign(const SignRequest& request, Deadline deadline) override;
    // `done` runs on the reader thread (or on the caller's when the request fails before it is sent): it must
    // neither block nor call a blocking method of this object; another *_async call is fine.
    void sign_async(SignRequest request, Deadline deadline, std::function<void(Result<Bytes>)> done) override;
    Result<std::vector<Bytes>> sign_batch(const SignBatchRequest& request, Deadline deadline) override;
    Result<Bytes> mac(const MacRequest& request, Deadline deadline) override;
    void mac_async(MacRequest request, Deadline deadline, std::function<void(Result<Bytes>)> done) override;
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
    Result<ExportedSecrets> export_secrets(const ExportSecretsRequest& request, Deadline deadline) override;
    Result<std::vector<WrappedKey>> import_secrets(const ImportSecretsRequest& request,
                                                   Deadline deadline) override;
    Result<Secret> reveal_secrets(const RevealSecretsRequest& request, Deadline deadline) override;
    Result<WrappedKey> derive_secret(const DeriveSecretRequest& request, Deadline deadline) override;
    Result<BackedUpKey> wrap_for_backup(const KeyId& id, Deadline deadline) override;
    Result<KeyInfo> restore_key(const BackedUpKey& key, Deadline deadline) override;
    Status import_certificate(const CertificateEntry& entry, Deadline deadline) override;
    Result<std::vector<CertificateEntry>> list_certificates(Deadline deadline) override;
    Result<Bytes> sign_checkpoint(const CheckpointRequest& request, Deadline deadline) override;
    Result<std::optional<Anchor>> read_anchor(Deadline deadline) override;

  private:
    explicit TokenClient(std::unique_ptr<client::Channel> channel);

    std::unique_ptr<client::Channel> channel_;
};

}  // namespace signet
