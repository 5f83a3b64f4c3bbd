#include "daemon/ctl/backup/challenge.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <memory>

#include "base/digest.h"
#include "base/random.h"
#include "hsm/pki/public_key.h"
#include "hsm/pki/signature.h"

namespace signet::ctl {
namespace {

constexpr std::chrono::seconds kKeyTime{60};
constexpr std::string_view kOwner = "signet:backup-challenge";

Deadline soon() {
    return Deadline::in(kKeyTime);
}

std::unexpected<Error> differs(std::string what) {
    return fail(ErrorCode::unprocessable, std::move(what));
}

const BackedUpKey* binding_key(const std::vector<BackedUpKey>& keys) {
    const auto found =
        std::ranges::find_if(keys, [](const auto& key) { return key.key.usages.has(KeyUsage::bind); });
    return found == keys.end() ? nullptr : &*found;
}

// RFC 8017 section 7.1 with SHA-256, in software.
Result<Bytes> encrypt(const pki::PublicKey& key, ByteView plaintext) {
    const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
        EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr), EVP_PKEY_CTX_free);
    std::size_t size = 0;
    if (!context || EVP_PKEY_encrypt_init(context.get()) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) != 1 ||
        EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), EVP_sha256()) != 1 ||
        EVP_PKEY_encrypt(context.get(), nullptr, &size, plaintext.data(), plaintext.size()) != 1)
        return fail(ErrorCode::internal, "cannot encrypt the challenge");
    Bytes out(size);
    if (EVP_PKEY_encrypt(context.get(), out.data(), &size, plaintext.data(), plaintext.size()) != 1)
        return fail(ErrorCode::internal, "cannot encrypt the challenge");
    out.resize(size);
    return out;
}

Result<std::string> prove_pair(TokenInterface& token, const KeyInfo& info, const Challenge& challenge) {
    SIGNET_ASSIGN(const auto public_key, pki::PublicKey::from_spki(info.public_key));
    if (info.usages == KeyUsages(KeyUsage::decrypt)) {
        SIGNET_ASSIGN(const auto ciphertext, encrypt(public_key, challenge.value));
        SIGNET_ASSIGN(
            const auto plaintext,
            token.decrypt({info.id, HashAlgorithm::sha256, HashAlgorithm::sha256, {}, ciphertext}, soon()));
        if (!equal_constant_time(plaintext.view(), challenge.value))
            return differs("it decrypts to something else");
        return std::string("decrypts");
    }
    const auto algorithm = public_key.default_algorithm();
    Bytes signature;
    Bytes message = challenge.value;
    if (info.usages.has(KeyUsage::audit)) {
        // An audit key signs nothing but heads of a chain: the challenge is the head of one that nobody has.
        CheckpointRequest request{};
        request.key = info.id;
        request.sequence = 1;
        request.head = sha256(challenge.value);
        SIGNET_ASSIGN(signature, token.sign_checkpoint(request, soon()));
        message = checkpoint_message(request.sequence, request.head);
    } else {
        const auto purpose = info.usages.has(KeyUsage::sign)      ? KeyUsage::sign
                             : info.usages.has(KeyUsage::certify) ? KeyUsage::certify
                                                                  : KeyUsage::tls;
        SIGNET_ASSIGN(signature, pki::sign(token, info.id, algorithm, purpose, message, soon()));
    }
    SIGNET_ASSIGN(const auto good, pki::verify(public_key, algorithm, message, signature));
    if (!good) return differs("its signature does not verify under the public key in the backup");
    return "signs (" + std::string(to_string(algorithm)) + ")";
}

Result<std::string> prove_secret(TokenInterface& token, const KeyInfo& info, const Challenge& challenge) {
    const auto name = to_string(info.id);
    if (info.usages.has(KeyUsage::wrap)) {
        const auto wrapped = challenge.wrapped.find(name);
        const auto expected = challenge.wrapped_macs.find(name);
        if (wrapped == challenge.wrapped.end() || expected == challenge.wrapped_macs.end())
            return std::string("is there; without a binding key in the backup it cannot be asked");
        SIGNET_ASSIGN(const auto mac,
                      token.mac({wrapped->second, MacAlgorithm::hs256, challenge.value}, soon()));
        if (!equal_constant_time(mac, expected->second)) return differs("it unwraps another key");
        return std::string("unwraps what it wrapped");
    }
    if (info.usages.has(KeyUsage::bind)) return std::string("binds: proved with the wrapping keys");
    const auto expected = challenge.answers.find(name);
    if (expected == challenge.answers.end()) return differs("the backup holds no answer of it");
    if (info.usages.has(KeyUsage::seal)) {
        SIGNET_ASSIGN(const auto plain, token.unseal({info.id, {}, expected->second}, soon()));
        if (!equal_constant_time(plain.view(), challenge.value)) return differs("it unseals something else");
        return std::string("unseals what it sealed");
    }
    SIGNET_ASSIGN(const auto mac, token.mac({info.id, MacAlgorithm::hs256, challenge.value}, soon()));
    if (!equal_constant_time(mac, expected->second)) return differs("its MAC is another one");
    return std::string("gives the same MAC");
}

}  // namespace

Result<Challenge> make_challenge(TokenInterface& token, const std::vector<BackedUpKey>& keys) {
    Challenge out;
    out.value = random_bytes(32);
    const auto* binder = binding_key(keys);
    for (const auto& key : keys) {
        const auto& info = key.key;
        const auto name = to_string(info.id);
        if (is_asymmetric(info.algorithm) || info.usages.has(KeyUsage::bind)) continue;
        if (info.usages.has(KeyUsage::wrap)) {
            if (binder == nullptr) continue;
            SIGNET_ASSIGN(auto made, token.generate_wrapped({info.id,
                                                             binder->key.id,
                                                             {std::string(kOwner), "backup.challenge", 1, 1,
                                                              KeyAlgorithm::hmac_256, KeyUsage::mac}},
                                                            soon()));
            SIGNET_ASSIGN(out.wrapped_macs[name],
                          token.mac({made.key, MacAlgorithm::hs256, out.value}, soon()));
            out.wrapped.emplace(name, std::move(made.key));
        } else if (info.usages.has(KeyUsage::seal)) {
            SIGNET_ASSIGN(out.answers[name], token.seal({info.id, {}, out.value}, soon()));
        } else {
            SIGNET_ASSIGN(out.answers[name], token.mac({info.id, MacAlgorithm::hs256, out.value}, soon()));
        }
    }
    return out;
}

std::vector<Proved> prove(TokenInterface& token, const std::vector<BackedUpKey>& keys,
                          const Challenge& challenge) {
    std::vector<Proved> out;
    for (const auto& key : keys) {
        const auto proved = is_asymmetric(key.key.algorithm) ? prove_pair(token, key.key, challenge)
                                                             : prove_secret(token, key.key, challenge);
        out.push_back({to_string(key.key.id), proved ? *proved : std::string(),
                       proved ? std::string() : proved.error().message});
    }
    return out;
}

}  // namespace signet::ctl
