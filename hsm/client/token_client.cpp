#include "hsm/client/token_client.h"

#include "hsm/client/channel.h"
#include "hsm/client/latch.h"
#include "hsm/frames/frame.h"
#include "hsm/frames/messages.h"

namespace signet {
namespace {

using client::Channel;
using client::Latch;
using client::Waiter;
using frames::Exchange;
using frames::Operation;

template <Operation operation>
using ReplyOf = Result<typename Exchange<operation>::Reply>;

template <Operation operation>
ReplyOf<operation> decode_reply(ByteView message) {
    auto reply = frames::decode<typename Exchange<operation>::Reply>(message);
    if (!reply)
        return fail(ErrorCode::internal, "the token process answered with a message that cannot be read",
                    std::string(frames::traits(operation).name));
    return reply;
}

// Waits on the caller's stack.
template <Operation operation>
class BlockingCall final : public Waiter {
  public:
    void answered(ByteView message) override {
        reply_ = decode_reply<operation>(message);
        latch_.open();
    }
    void failed(Error error) override {
        reply_ = std::unexpected(std::move(error));
        latch_.open();
    }
    ReplyOf<operation> wait() {
        latch_.wait();
        return std::move(reply_);
    }

  private:
    ReplyOf<operation> reply_ = std::unexpected(Error{});
    Latch latch_;
};

// Lives until its one answer.
template <Operation operation>
class AsyncCall final : public Waiter {
  public:
    explicit AsyncCall(std::function<void(ReplyOf<operation>)> done) : done_(std::move(done)) {}
    void answered(ByteView message) override { finish(decode_reply<operation>(message)); }
    void failed(Error error) override { finish(std::unexpected(std::move(error))); }

  private:
    void finish(ReplyOf<operation> reply) {
        const std::unique_ptr<AsyncCall> self(this);
        done_(std::move(reply));
    }
    std::function<void(ReplyOf<operation>)> done_;
};

// Each thread encodes into memory of its own, which it keeps.
template <Operation operation>
void send(Channel& channel, const typename Exchange<operation>::Request& request, Deadline deadline,
          Waiter& waiter) {
    constexpr std::size_t kKept = std::size_t{64} << 10;
    static thread_local Bytes scratch;
    Bytes frame = std::move(scratch);
    frame.clear();
    frames::begin_frame(frame, {.kind = frames::FrameKind::request, .operation = operation});
    auto status = frames::encode(frame, request);
    if (status && frame.size() > frames::kMaxFrame)
        status = fail(ErrorCode::too_large, "a request to the token has more than 4 MiB");
    if (status) {
        frames::end_frame(frame, 0);
        channel.send(operation, frame, deadline, waiter);
    }
    if (frames::traits(operation).secret_request) wipe(frame);
    if (frame.capacity() <= kKept) scratch = std::move(frame);
    if (!status) waiter.failed(std::move(status).error());
}

template <Operation operation>
ReplyOf<operation> call(Channel& channel, const typename Exchange<operation>::Request& request,
                        Deadline deadline) {
    BlockingCall<operation> waiter;
    send<operation>(channel, request, deadline, waiter);
    return waiter.wait();
}

template <Operation operation>
Status call_for_nothing(Channel& channel, const typename Exchange<operation>::Request& request,
                        Deadline deadline) {
    SIGNET_TRY(call<operation>(channel, request, deadline));
    return {};
}

}  // namespace

TokenClient::TokenClient(std::unique_ptr<Channel> channel) : channel_(std::move(channel)) {}
TokenClient::~TokenClient() = default;

std::unique_ptr<TokenClient> TokenClient::create(Options options) {
    return std::unique_ptr<TokenClient>(new TokenClient(std::make_unique<Channel>(std::move(options))));
}

TokenClient::Counters TokenClient::counters() const {
    return channel_->counters();
}

Result<TokenStatus> TokenClient::status(Deadline deadline) {
    return call<Operation::status>(*channel_, {}, deadline);
}

Result<std::vector<KeyInfo>> TokenClient::list_keys(Deadline deadline) {
    return call<Operation::list_keys>(*channel_, {}, deadline);
}

Result<KeyInfo> TokenClient::find_key(const KeyId& id, Deadline deadline) {
    return call<Operation::find_key>(*channel_, id, deadline);
}

Result<KeyInfo> TokenClient::generate_key(const GenerateKeyRequest& request, Deadline deadline) {
    return call<Operation::generate_key>(*channel_, request, deadline);
}

Status TokenClient::destroy_key(const KeyId& id, Deadline deadline) {
    return call_for_nothing<Operation::destroy_key>(*channel_, id, deadline);
}

Status TokenClient::forget_key(const KeyId& id, Deadline deadline) {
    return call_for_nothing<Operation::forget_key>(*channel_, id, deadline);
}

Result<Bytes> TokenClient::sign(const SignRequest& request, Deadline deadline) {
    return call<Operation::sign>(*channel_, request, deadline);
}

void TokenClient::sign_async(SignRequest request, Deadline deadline,
                             std::function<void(Result<Bytes>)> done) {
    send<Operation::sign>(*channel_, request, deadline, *new AsyncCall<Operation::sign>(std::move(done)));
}

Result<std::vector<Bytes>> TokenClient::sign_batch(const SignBatchRequest& request, Deadline deadline) {
    return call<Operation::sign_batch>(*channel_, request, deadline);
}

Result<Bytes> TokenClient::mac(const MacRequest& request, Deadline deadline) {
    return call<Operation::mac>(*channel_, request, deadline);
}

void TokenClient::mac_async(MacRequest request, Deadline deadline, std::function<void(Result<Bytes>)> done) {
    send<Operation::mac>(*channel_, request, deadline, *new AsyncCall<Operation::mac>(std::move(done)));
}

Result<bool> TokenClient::mac_verify(const MacRequest& request, ByteView mac, Deadline deadline) {
    return call<Operation::mac_verify>(*channel_, {request, to_bytes(mac)}, deadline);
}

Result<Secret> TokenClient::decrypt(const DecryptRequest& request, Deadline deadline) {
    return call<Operation::decrypt>(*channel_, request, deadline);
}

Result<Bytes> TokenClient::random(std::size_t size, Deadline deadline) {
    constexpr std::size_t kMost = 4096;
    if (size > kMost)
        return fail(ErrorCode::too_large, "at most " + std::to_string(kMost) + " random bytes at once");
    return call<Operation::random>(*channel_, {static_cast<std::uint32_t>(size)}, deadline);
}

Result<Bytes> TokenClient::seal(const SealRequest& request, Deadline deadline) {
    return call<Operation::seal>(*channel_, request, deadline);
}

Result<Secret> TokenClient::unseal(const UnsealRequest& request, Deadline deadline) {
    return call<Operation::unseal>(*channel_, request, deadline);
}

Result<GeneratedWrappedKey> TokenClient::generate_wrapped(const GenerateWrappedRequest& request,
                                                          Deadline deadline) {
    return call<Operation::generate_wrapped>(*channel_, request, deadline);
}

Result<WrappedKey> TokenClient::rewrap(const RewrapRequest& request, Deadline deadline) {
    return call<Operation::rewrap>(*channel_, request, deadline);
}

Result<ImportedSecret> TokenClient::import_secret(const ImportSecretRequest& request, Deadline deadline) {
    return call<Operation::import_secret>(*channel_, request, deadline);
}

Result<ClearKeyPair> TokenClient::generate_clear(const GenerateClearRequest& request, Deadline deadline) {
    return call<Operation::generate_clear>(*channel_, request, deadline);
}

Result<ExportedSecrets> TokenClient::export_secrets(const ExportSecretsRequest& request, Deadline deadline) {
    return call<Operation::export_secrets>(*channel_, request, deadline);
}

Result<std::vector<WrappedKey>> TokenClient::import_secrets(const ImportSecretsRequest& request,
                                                            Deadline deadline) {
    return call<Operation::import_secrets>(*channel_, request, deadline);
}

Result<Secret> TokenClient::reveal_secrets(const RevealSecretsRequest& request, Deadline deadline) {
    return call<Operation::reveal_secrets>(*channel_, request, deadline);
}

Result<WrappedKey> TokenClient::derive_secret(const DeriveSecretRequest& request, Deadline deadline) {
    return call<Operation::derive_secret>(*channel_, request, deadline);
}

Result<BackedUpKey> TokenClient::wrap_for_backup(const KeyId& id, Deadline deadline) {
    return call<Operation::wrap_for_backup>(*channel_, id, deadline);
}

Result<KeyInfo> TokenClient::restore_key(const BackedUpKey& key, Deadline deadline) {
    return call<Operation::restore_key>(*channel_, key, deadline);
}

Status TokenClient::import_certificate(const CertificateEntry& entry, Deadline deadline) {
    return call_for_nothing<Operation::import_certificate>(*channel_, entry, deadline);
}

Result<std::vector<CertificateEntry>> TokenClient::list_certificates(Deadline deadline) {
    return call<Operation::list_certificates>(*channel_, {}, deadline);
}

Result<Bytes> TokenClient::sign_checkpoint(const CheckpointRequest& request, Deadline deadline) {
    return call<Operation::sign_checkpoint>(*channel_, request, deadline);
}

Result<std::optional<Anchor>> TokenClient::read_anchor(Deadline deadline) {
    return call<Operation::read_anchor>(*channel_, {}, deadline);
}

}  // namespace signet
