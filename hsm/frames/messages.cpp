#include "hsm/frames/messages.h"

#include <algorithm>

#include "hsm/frames/fields.h"
#include "hsm/frames/frame.h"
#include "signet_version.h"

namespace signet::frames {
namespace {

std::string bounded(std::string_view text) {
    // On a character's edge: half a UTF-8 sequence would make the whole text unprintable for some readers.
    std::size_t size = std::min(text.size(), bound::kErrorText);
    while (size > 0 && size < text.size() && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80)
        --size;
    return std::string(text.substr(0, size));
}

std::string range(unsigned lowest, unsigned highest) {
    if (lowest == highest) return std::to_string(lowest);
    return std::to_string(lowest) + " to " + std::to_string(highest);
}

template <class Reply, class Call>
Result<Reply> with_backups(TokenInterface& token, Call call) {
    auto* const backups = dynamic_cast<BackupInterface*>(&token);
    if (backups == nullptr) return fail(ErrorCode::unsupported, "backups are not offered here");
    return call(*backups);
}

// One per operation: what `execute` runs.
template <Operation operation>
auto call(TokenInterface& token, const typename Exchange<operation>::Request& request, Deadline deadline) {
    if constexpr (operation == Operation::status)
        return token.status(deadline);
    else if constexpr (operation == Operation::list_keys)
        return token.list_keys(deadline);
    else if constexpr (operation == Operation::find_key)
        return token.find_key(request, deadline);
    else if constexpr (operation == Operation::generate_key)
        return token.generate_key(request, deadline);
    else if constexpr (operation == Operation::destroy_key)
        return token.destroy_key(request, deadline);
    else if constexpr (operation == Operation::forget_key)
        return token.forget_key(request, deadline);
    else if constexpr (operation == Operation::sign)
        return token.sign(request, deadline);
    else if constexpr (operation == Operation::sign_batch)
        return token.sign_batch(request, deadline);
    else if constexpr (operation == Operation::mac)
        return token.mac(request, deadline);
    else if constexpr (operation == Operation::mac_verify)
        return token.mac_verify(request.request, request.mac, deadline);
    else if constexpr (operation == Operation::decrypt)
        return token.decrypt(request, deadline);
    else if constexpr (operation == Operation::random)
        return token.random(request.size, deadline);
    else if constexpr (operation == Operation::seal)
        return token.seal(request, deadline);
    else if constexpr (operation == Operation::unseal)
        return token.unseal(request, deadline);
    else if constexpr (operation == Operation::generate_wrapped)
        return token.generate_wrapped(request, deadline);
    else if constexpr (operation == Operation::rewrap)
        return token.rewrap(request, deadline);
    else if constexpr (operation == Operation::import_certificate)
        return token.import_certificate(request, deadline);
    else if constexpr (operation == Operation::list_certificates)
        return token.list_certificates(deadline);
    else if constexpr (operation == Operation::sign_checkpoint)
        return token.sign_checkpoint(request, deadline);
    else if constexpr (operation == Operation::export_secrets)
        return token.export_secrets(request, deadline);
    else if constexpr (operation == Operation::import_secrets)
        return token.import_secrets(request, deadline);
    else if constexpr (operation == Operation::reveal_secrets)
        return token.reveal_secrets(request, deadline);
    else if constexpr (operation == Operation::derive_secret)
        return token.derive_secret(request, deadline);
    else if constexpr (operation == Operation::wrap_for_backup)
        return with_backups<BackedUpKey>(
            token, [&](auto& backups) { return backups.wrap_for_backup(request, deadline); });
    else if constexpr (operation == Operation::restore_key)
        return with_backups<KeyInfo>(token,
                                     [&](auto& backups) { return backups.restore_key(request, deadline); });
    else if constexpr (operation == Operation::read_anchor)
        return token.read_anchor(deadline);
    else if constexpr (operation == Operation::import_secret)
        return token.import_secret(request, deadline);
    else
        return token.generate_clear(request, deadline);
}

template <Operation operation>
Status execute_one(ByteView message, TokenInterface& token, Deadline deadline, Bytes& out) {
    using Types = Exchange<operation>;
    auto request = decode<typename Types::Request>(message);
    if (!request) return std::unexpected(std::move(request).error());
    auto reply = call<operation>(token, *request, deadline);
    if constexpr (requires { request->data; }) wipe(request->data);  // a MAC's input may be anything
    if (!reply) return std::unexpected(std::move(reply).error());
    if constexpr (std::is_same_v<decltype(reply), Status>)
        return encode(out, Nothing{});
    else
        return encode(out, *reply);
}

using Executor = Status (*)(ByteView, TokenInterface&, Deadline, Bytes&);

template <std::size_t... index>
constexpr std::array<Executor, sizeof...(index)> executors(std::index_sequence<index...>) {
    return {&execute_one<static_cast<Operation>(index + 1)>...};
}

constexpr auto kExecutors = executors(std::make_index_sequence<kOperations>());

}  // namespace

template <class Message>
Status encode(Bytes& out, const Message& message) {
    const auto size = out.size();
    WireWriter writer(std::move(out));
    Encoder encoder(writer);
    fields(encoder, message);
    out = writer.take();
    if (encoder.ok()) return {};
    wipe(out.data() + size, out.size() - size);
    out.resize(size);
    return fail(ErrorCode::too_large, "a field of the token message is over its bound");
}

template <class Message>
Result<Message> decode(ByteView message) {
    Message out{};
    Decoder decoder(message);
    fields(decoder, out);
    if (decoder.finished()) return out;
    return fail(ErrorCode::invalid_argument, "a token message is malformed");
}

// Every Request and Reply once, and the two of the handshake.
#define SIGNET_MESSAGE(Type)                           \
    template Status encode<Type>(Bytes&, const Type&); \
    template Result<Type> decode<Type>(ByteView);
SIGNET_MESSAGE(Nothing)
SIGNET_MESSAGE(TokenStatus)
SIGNET_MESSAGE(KeyId)
SIGNET_MESSAGE(KeyInfo)
SIGNET_MESSAGE(std::vector<KeyInfo>)
SIGNET_MESSAGE(GenerateKeyRequest)
SIGNET_MESSAGE(SignRequest)
SIGNET_MESSAGE(SignBatchRequest)
SIGNET_MESSAGE(Bytes)
SIGNET_MESSAGE(std::vector<Bytes>)
SIGNET_MESSAGE(MacRequest)
SIGNET_MESSAGE(MacVerifyRequest)
SIGNET_MESSAGE(bool)
SIGNET_MESSAGE(DecryptRequest)
SIGNET_MESSAGE(Secret)
SIGNET_MESSAGE(RandomRequest)
SIGNET_MESSAGE(SealRequest)
SIGNET_MESSAGE(UnsealRequest)
SIGNET_MESSAGE(GenerateWrappedRequest)
SIGNET_MESSAGE(GeneratedWrappedKey)
SIGNET_MESSAGE(RewrapRequest)
SIGNET_MESSAGE(WrappedKey)
SIGNET_MESSAGE(CertificateEntry)
SIGNET_MESSAGE(std::vector<CertificateEntry>)
SIGNET_MESSAGE(CheckpointRequest)
SIGNET_MESSAGE(std::optional<Anchor>)
SIGNET_MESSAGE(ImportSecretRequest)
SIGNET_MESSAGE(ImportedSecret)
SIGNET_MESSAGE(GenerateClearRequest)
SIGNET_MESSAGE(ClearKeyPair)
SIGNET_MESSAGE(ExportSecretsRequest)
SIGNET_MESSAGE(ExportedSecrets)
SIGNET_MESSAGE(ImportSecretsRequest)
SIGNET_MESSAGE(std::vector<WrappedKey>)
SIGNET_MESSAGE(RevealSecretsRequest)
SIGNET_MESSAGE(DeriveSecretRequest)
SIGNET_MESSAGE(Hello)
SIGNET_MESSAGE(Welcome)
SIGNET_MESSAGE(Error)
#undef SIGNET_MESSAGE

void encode_error(Bytes& out, const Error& error) {
    (void)encode(out, Error{error.code, bounded(error.message), bounded(error.detail), error.retry_after});
}

Error decode_error(ByteView message) {
    auto error = decode<Error>(message);
    if (error) return *std::move(error);
    return Error{ErrorCode::internal, "the token process answered with an error that cannot be read", {}};
}

Result<std::uint8_t> agree_on_version(const Hello& hello) {
    const auto version = std::min(hello.highest, kVersion);
    if (version >= hello.lowest && version >= kLowestVersion) return version;
    return fail(ErrorCode::unsupported,
                hello.program + " speaks version " + range(hello.lowest, hello.highest) +
                    " of the token socket's frames, " + program_version("signetd-token") +
                    " speaks version " + range(kLowestVersion, kVersion) +
                    "; upgrade the older one and restart it");
}

std::string program_version(std::string_view program) {
    return std::string(program) + " " + SIGNET_VERSION;
}

std::optional<KeyPeek> peek_key(ByteView message) {
    WireReader reader(message);
    const bool wrapped = reader.flag();
    const auto label = reader.bytes(bound::kLabel);
    const auto version = reader.number<std::uint32_t>();
    if (!reader.ok() || wrapped) return std::nullopt;
    return KeyPeek{as_text(label), version};
}

Status execute(Operation operation, ByteView message, TokenInterface& token, Deadline deadline, Bytes& out) {
    return kExecutors[static_cast<std::size_t>(operation) - 1](message, token, deadline, out);
}

}  // namespace signet::frames
