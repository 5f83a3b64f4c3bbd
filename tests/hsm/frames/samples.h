// A filled-in sample of every message, and how to compare what came back.
#pragma once

#include "hsm/frames/messages.h"

namespace signet::testing {

inline Bytes some_bytes(std::size_t size, std::uint8_t first = 1) {
    Bytes out(size);
    for (std::size_t i = 0; i < size; ++i)
        out[i] = static_cast<std::uint8_t>(first + i);
    return out;
}

template <class Message>
Message sample();

template <>
inline frames::Nothing sample() {
    return {};
}
template <>
inline KeyId sample() {
    return {"device.ca", 7};
}
template <>
inline KeyBinding sample() {
    return {"paycontrol:1:2", "paycontrol.user.k1", 3, 4, KeyAlgorithm::hmac_256, KeyUsage::mac};
}
template <>
inline WrappedKey sample() {
    return {{"wrap", 1}, {"bind", 2}, sample<KeyBinding>(), some_bytes(40), some_bytes(32, 9)};
}
template <>
inline KeyInfo sample() {
    return {sample<KeyId>(),
            KeyAlgorithm::rsa_3072,
            KeyUsage::sign | KeyUsage::decrypt,
            {.sensitive = true,
             .always_sensitive = true,
             .extractable = false,
             .never_extractable = true,
             .local = true},
            some_bytes(91)};
}
template <>
inline std::vector<KeyInfo> sample() {
    auto second = sample<KeyInfo>();
    second.id = {"audit", 1};
    second.algorithm = KeyAlgorithm::ec_p256;
    second.usages = KeyUsage::audit;
    return {sample<KeyInfo>(), second};
}
template <>
inline TokenStatus sample() {
    return {"signet",
            "0123",
            "SoftHSM project",
            "SoftHSM v2",
            "/usr/lib/softhsm/libsofthsm2.so",
            "softhsm",
            11,
            12,
            13,
            14,
            15,
            16,
            17,
            18,
            {"CKM_RSA_PKCS", "CKM_ECDSA"}};
}
template <>
inline GenerateKeyRequest sample() {
    return {sample<KeyId>(), KeyAlgorithm::ed25519, KeyUsage::sign, true};
}
template <>
inline SignRequest sample() {
    return {sample<KeyId>(), SignAlgorithm::es256, KeyUsage::certify, some_bytes(32)};
}
template <>
inline SignBatchRequest sample() {
    return {sample<WrappedKey>(),
            SignAlgorithm::ps384,
            KeyUsage::sign,
            {some_bytes(48), Bytes{}, some_bytes(48, 7)}};
}
template <>
inline Bytes sample() {
    return some_bytes(71);
}
template <>
inline std::vector<Bytes> sample() {
    return {some_bytes(70), some_bytes(71, 2)};
}
template <>
inline MacRequest sample() {
    return {sample<WrappedKey>(), MacAlgorithm::hs512, some_bytes(5)};
}
template <>
inline frames::MacVerifyRequest sample() {
    return {sample<MacRequest>(), some_bytes(64)};
}
template <>
inline bool sample() {
    return true;
}
template <>
inline DecryptRequest sample() {
    return {sample<KeyId>(), HashAlgorithm::sha1, HashAlgorithm::sha256, some_bytes(3), some_bytes(256)};
}
template <>
inline Secret sample() {
    return Secret::copy_of("a plaintext");
}
template <>
inline frames::RandomRequest sample() {
    return {4096};
}
template <>
inline SealRequest sample() {
    static const Bytes plaintext = some_bytes(20);
    return {sample<KeyId>(), some_bytes(10), plaintext};
}
template <>
inline UnsealRequest sample() {
    return {sample<KeyId>(), some_bytes(10), some_bytes(48)};
}
template <>
inline GenerateWrappedRequest sample() {
    return {{"wrap", 1}, {"bind", 2}, sample<KeyBinding>()};
}
template <>
inline GeneratedWrappedKey sample() {
    return {sample<WrappedKey>(), some_bytes(91)};
}
template <>
inline BackedUpKey sample() {
    return {sample<KeyInfo>(), some_bytes(144), some_bytes(32, 3)};
}
template <>
inline RewrapRequest sample() {
    return {sample<WrappedKey>(), {"wrap", 2}, {"bind", 3}};
}
template <>
inline ImportSecretRequest sample() {
    return {
        sample<WrappedKey>(), HashAlgorithm::sha256,
        HashAlgorithm::sha1,  some_bytes(3),
        some_bytes(256),      {"mpoc:1:2", "mpoc.payment", 3, 4, KeyAlgorithm::aes_128, KeyUsage::payment},
        {"wrap", 1},          {"bind", 2}};
}
template <>
inline ImportedSecret sample() {
    return {sample<WrappedKey>(), {1, 2, 3}};
}
template <>
inline GenerateClearRequest sample() {
    return {KeyAlgorithm::rsa_3072};
}
template <>
inline ClearKeyPair sample() {
    return {Secret::copy_of("a private key"), some_bytes(91)};
}
template <>
inline std::vector<WrappedKey> sample() {
    return {sample<WrappedKey>(), sample<WrappedKey>()};
}
template <>
inline ExportedSecrets sample() {
    return {some_bytes(16), some_bytes(80), some_bytes(32)};
}
template <>
inline ExportSecretsRequest sample() {
    return {sample<std::vector<WrappedKey>>(), as_bytes("a password"), some_bytes(300)};
}
template <>
inline ImportSecretsRequest sample() {
    return {sample<KeyId>(),        sample<KeyId>(), {sample<KeyBinding>()},
            as_bytes("a password"), some_bytes(300), sample<ExportedSecrets>()};
}
template <>
inline RevealSecretsRequest sample() {
    return {sample<std::vector<WrappedKey>>()};
}
template <>
inline DeriveSecretRequest sample() {
    return {sample<WrappedKey>(), sample<KeyId>(), sample<KeyId>(), sample<KeyBinding>(), some_bytes(32)};
}
template <>
inline CertificateEntry sample() {
    return {sample<KeyId>(), some_bytes(800)};
}
template <>
inline std::vector<CertificateEntry> sample() {
    return {sample<CertificateEntry>(), {{"b", 1}, {}}};
}
template <>
inline CheckpointRequest sample() {
    CheckpointRequest request{sample<KeyId>(), 0x1122334455667788, {}};
    request.head.fill(0x5A);
    request.previous_sequence = 0x1122334455667700;
    request.previous_head.fill(0xA5);
    return request;
}
template <>
inline std::optional<Anchor> sample() {
    Anchor anchor{99, {}};
    anchor.head.fill(3);
    return anchor;
}
template <>
inline frames::Hello sample() {
    return {1, 3, "signetd 1.2.3"};
}
template <>
inline frames::Welcome sample() {
    return {2, "signetd-token 1.2.3", 4711};
}
template <>
inline Error sample() {
    return {ErrorCode::token_unavailable, "the token is gone", "CKR_DEVICE_REMOVED", std::chrono::seconds(5)};
}

// Calls `visit.template operator()<Message>()` once for each type that crosses the socket.
void for_each_message(auto&& visit) {
    using namespace frames;
    const auto both = [&]<std::size_t... index>(std::index_sequence<index...>) {
        (visit.template operator()<typename Exchange<static_cast<Operation>(index + 1)>::Request>(), ...);
        (visit.template operator()<typename Exchange<static_cast<Operation>(index + 1)>::Reply>(), ...);
    };
    both(std::make_index_sequence<kOperations>());
    visit.template operator()<Hello>();
    visit.template operator()<Welcome>();
    visit.template operator()<Error>();
}

}  // namespace signet::testing
