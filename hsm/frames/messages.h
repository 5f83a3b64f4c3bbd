// The messages of each operation, typed: what a request and its reply hold, and how both become bytes and
// back.
//
// Encoding fails with too_large where a field is over its bound (the bounds stand in fields.h), decoding with
// invalid_argument for anything that is not exactly one message.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "hsm/frames/backup_interface.h"
#include "hsm/frames/operation.h"
#include "hsm/frames/token_interface.h"

namespace signet::frames {

struct Nothing {
    bool operator==(const Nothing&) const = default;
};
struct MacVerifyRequest {
    MacRequest request;
    Bytes mac;
};
struct RandomRequest {
    std::uint32_t size = 0;
};

// The types of each operation, and its call on the interface.
template <Operation>
struct Exchange;

template <class RequestType, class ReplyType>
struct ExchangeOf {
    using Request = RequestType;
    using Reply = ReplyType;
};

template <>
struct Exchange<Operation::status> : ExchangeOf<Nothing, TokenStatus> {};
template <>
struct Exchange<Operation::list_keys> : ExchangeOf<Nothing, std::vector<KeyInfo>> {};
template <>
struct Exchange<Operation::find_key> : ExchangeOf<KeyId, KeyInfo> {};
template <>
struct Exchange<Operation::generate_key> : ExchangeOf<GenerateKeyRequest, KeyInfo> {};
template <>
struct Exchange<Operation::destroy_key> : ExchangeOf<KeyId, Nothing> {};
template <>
struct Exchange<Operation::forget_key> : ExchangeOf<KeyId, Nothing> {};
template <>
struct Exchange<Operation::sign> : ExchangeOf<SignRequest, Bytes> {};
template <>
struct Exchange<Operation::sign_batch> : ExchangeOf<SignBatchRequest, std::vector<Bytes>> {};
template <>
struct Exchange<Operation::mac> : ExchangeOf<MacRequest, Bytes> {};
template <>
struct Exchange<Operation::mac_verify> : ExchangeOf<MacVerifyRequest, bool> {};
template <>
struct Exchange<Operation::decrypt> : ExchangeOf<DecryptRequest, Secret> {};
template <>
struct Exchange<Operation::random> : ExchangeOf<RandomRequest, Bytes> {};
template <>
struct Exchange<Operation::seal> : ExchangeOf<SealRequest, Bytes> {};
template <>
struct Exchange<Operation::unseal> : ExchangeOf<UnsealRequest, Secret> {};
template <>
struct Exchange<Operation::generate_wrapped> : ExchangeOf<GenerateWrappedRequest, GeneratedWrappedKey> {};
template <>
struct Exchange<Operation::rewrap> : ExchangeOf<RewrapRequest, WrappedKey> {};
template <>
struct Exchange<Operation::import_certificate> : ExchangeOf<CertificateEntry, Nothing> {};
template <>
struct Exchange<Operation::list_certificates> : ExchangeOf<Nothing, std::vector<CertificateEntry>> {};
template <>
struct Exchange<Operation::sign_checkpoint> : ExchangeOf<CheckpointRequest, Bytes> {};
template <>
struct Exchange<Operation::read_anchor> : ExchangeOf<Nothing, std::optional<Anchor>> {};
template <>
struct Exchange<Operation::import_secret> : ExchangeOf<ImportSecretRequest, ImportedSecret> {};
template <>
struct Exchange<Operation::generate_clear> : ExchangeOf<GenerateClearRequest, ClearKeyPair> {};
template <>
struct Exchange<Operation::export_secrets> : ExchangeOf<ExportSecretsRequest, ExportedSecrets> {};
template <>
struct Exchange<Operation::import_secrets> : ExchangeOf<ImportSecretsRequest, std::vector<WrappedKey>> {};
template <>
struct Exchange<Operation::reveal_secrets> : ExchangeOf<RevealSecretsRequest, Secret> {};
template <>
struct Exchange<Operation::derive_secret> : ExchangeOf<DeriveSecretRequest, WrappedKey> {};
template <>
struct Exchange<Operation::wrap_for_backup> : ExchangeOf<KeyId, BackedUpKey> {};
template <>
struct Exchange<Operation::restore_key> : ExchangeOf<BackedUpKey, KeyInfo> {};

// What the two sides say before the first request.
struct Hello {
    std::uint8_t lowest = 0;  // frame versions the client speaks, both included
    std::uint8_t highest = 0;
    std::string program;  // "signetd 0.1.0", for messages
};
struct Welcome {
    std::uint8_t version = 0;
    std::string program;
    std::uint64_t pid = 0;
};

// Defined for every Request and Reply above, Hello, Welcome and Error. `encode` appends to `out`; on an error
// `out` is as long as before. A decoded SealRequest points into `message`.
template <class Message>
Status encode(Bytes& out, const Message& message);
template <class Message>
Result<Message> decode(ByteView message);
// Texts of an error that are over their bound are cut, so that this cannot fail.
void encode_error(Bytes& out, const Error& error);
// An error that cannot be read is an `internal` one.
Error decode_error(ByteView message);

// The highest version both sides speak; else `unsupported`, with a message that names both programs.
Result<std::uint8_t> agree_on_version(const Hello& hello);
// "signetd-token 0.1.0"
std::string program_version(std::string_view program);

// The key that a sign, sign_batch or decrypt request names, read from the front of the message; for routing
// it before it is decoded. nullopt for wrapped keys and for malformed messages.
struct KeyPeek {
    std::string_view label;
    std::uint32_t version = 0;
};
std::optional<KeyPeek> peek_key(ByteView message);

// Decodes a request, calls the method, and appends the encoded reply to `out`; on an error `out` is as long
// as before.
Status execute(Operation operation, ByteView message, TokenInterface& token, Deadline deadline, Bytes& out);

}  // namespace signet::frames
