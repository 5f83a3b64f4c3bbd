#include "tests/hsm/token/token_under_test.h"

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "hsm/pkcs11/session.h"
#include "hsm/pkcs11/token.h"
#include "hsm/token/key_metadata.h"
#include "hsm/token/key_templates.h"
#include "tests/hsm/token/golden_vectors.h"
#include "tests/support/ignore_leaks.h"
#include "tests/support/nss_token.h"
#include "tests/support/softhsm_token.h"

namespace signet::testing {
namespace {

template <class T>
T need(Result<T> result) {
    if (!result) {
        std::fprintf(stderr, "token_under_test: %s (%s)\n", result.error().message.c_str(),
                     result.error().detail.c_str());
        std::abort();
    }
    if constexpr (!std::is_void_v<T>) return *std::move(result);
}
template <class T>
T need(pkcs11::CkResult<T> result) {
    if (!result) {
        std::fprintf(stderr, "token_under_test: %s\n", pkcs11::ckr_name(result.error().rv).c_str());
        std::abort();
    }
    return *std::move(result);
}

struct RsaParts {
    explicit RsaParts(ByteView pkcs8) {
        const auto* at = pkcs8.data();
        key = d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(pkcs8.size()));
    }
    ~RsaParts() { EVP_PKEY_free(key); }
    RsaParts(const RsaParts&) = delete;
    RsaParts& operator=(const RsaParts&) = delete;
    Bytes number(const char* name) const {
        BIGNUM* value = nullptr;
        if (EVP_PKEY_get_bn_param(key, name, &value) != 1) std::abort();
        Bytes bytes(static_cast<std::size_t>(BN_num_bytes(value)));
        BN_bn2bin(value, bytes.data());
        BN_free(value);
        return bytes;
    }
    EVP_PKEY* key;
};

// Objects as our own generation would leave them, but with values that are known.
void seed(const token::OperationsOptions& options, const Secret& pin) {
    const auto module = need(pkcs11::Module::load(options.module, options.reserved));
    const auto found = need(pkcs11::find_token(*module, options.token_label, {}));
    auto session = need(pkcs11::Session::open(*module, found.slot, pkcs11::Access::read_write));
    need(pkcs11::log_in(session, found, pin));
    const auto quirks = pkcs11::quirks_of_manufacturer(module->manufacturer());
    const auto& vectors = golden_vectors();

    const auto secret = [&](const char* label, KeyAlgorithm algorithm, KeyUsage usage, ByteView value) {
        const auto cka_id = token::encode(token::KeyMetadata{algorithm, usage, 1, {1, 2, 3, 4, 5, 6}});
        auto object = token::private_template(
            {.algorithm = algorithm, .usages = usage, .cka_id = cka_id, .label = label}, quirks, true);
        object.remove(CKA_VALUE_LEN);
        object.bytes(CKA_VALUE, value);
        need(session.create(object));
    };
    const ByteView key = vectors.at("hmac.key");
    secret("golden.mac", KeyAlgorithm::hmac_512, KeyUsage::mac, key);
    secret("golden.seal", KeyAlgorithm::aes_256, KeyUsage::seal, key.first(32));

    const RsaParts rsa(vectors.at("rsa.pkcs8"));
    const auto usages = KeyUsage::sign | KeyUsage::decrypt;
    const auto cka_id =
        token::encode(token::KeyMetadata{KeyAlgorithm::rsa_2048, usages, 1, {6, 5, 4, 3, 2, 1}});
    const token::KeyTemplate names{
        .algorithm = KeyAlgorithm::rsa_2048, .usages = usages, .cka_id = cka_id, .label = "golden.rsa"};
    auto object = token::private_template(names, quirks, true);
    object.bytes(CKA_MODULUS, rsa.number("n")).bytes(CKA_PUBLIC_EXPONENT, rsa.number("e"));
    object.bytes(CKA_PRIVATE_EXPONENT, rsa.number("d"));
    object.bytes(CKA_PRIME_1, rsa.number("rsa-factor1")).bytes(CKA_PRIME_2, rsa.number("rsa-factor2"));
    object.bytes(CKA_EXPONENT_1, rsa.number("rsa-exponent1"))
        .bytes(CKA_EXPONENT_2, rsa.number("rsa-exponent2"));
    object.bytes(CKA_COEFFICIENT, rsa.number("rsa-coefficient1"));
    need(session.create(object));
    auto public_object = token::public_template(names);
    public_object.remove(CKA_MODULUS_BITS);
    public_object.bytes(CKA_MODULUS, rsa.number("n"));
    need(session.create(public_object));
}

void make_keys(TokenUnderTest& token) {
    struct Key {
        std::string label;
        std::uint32_t version;
        KeyAlgorithm algorithm;
        KeyUsages usages;
    };
    const std::array keys{
        Key{"rsa-2048", 1, KeyAlgorithm::rsa_2048,
            KeyUsage::sign | KeyUsage::certify | KeyUsage::tls | KeyUsage::decrypt},
        Key{"rsa-3072", 1, KeyAlgorithm::rsa_3072, KeyUsage::sign},
        Key{"ec-p256", 1, KeyAlgorithm::ec_p256, KeyUsage::sign},
        Key{"ec-p384", 1, KeyAlgorithm::ec_p384, KeyUsage::sign},
        Key{"ed25519", 1, KeyAlgorithm::ed25519, KeyUsage::sign},
        Key{"certify", 1, KeyAlgorithm::ec_p256, KeyUsage::certify},
        Key{"tls", 1, KeyAlgorithm::ec_p256, KeyUsage::tls},
        Key{"decrypt", 1, KeyAlgorithm::rsa_2048, KeyUsage::decrypt},
        Key{"hmac-256", 1, KeyAlgorithm::hmac_256, KeyUsage::mac},
        Key{"hmac-384", 1, KeyAlgorithm::hmac_384, KeyUsage::mac},
        Key{"hmac-512", 1, KeyAlgorithm::hmac_512, KeyUsage::mac},
        Key{"audit", 1, KeyAlgorithm::ec_p256, KeyUsage::audit},
        Key{"wrap", 1, KeyAlgorithm::aes_256, KeyUsage::wrap},
        Key{"wrap", 2, KeyAlgorithm::aes_256, KeyUsage::wrap},
        Key{"bind", 1, KeyAlgorithm::hmac_256, KeyUsage::bind},
        Key{"seal", 1, KeyAlgorithm::aes_256, KeyUsage::seal},
    };
    for (const auto& key : keys) {
        const KeyId id{key.label, key.version};
        const GenerateKeyRequest request{id, key.algorithm, key.usages, false};
        if (key.algorithm != KeyAlgorithm::ed25519) {
            need(token.operations->generate_key(request, soon()));
        } else if (token.eddsa) {
            const IgnoreLeaks softhsm_leaks_the_curves_name;
            need(token.operations->generate_key(request, soon()));
        }
    }
}

// Before main returns: modules must be finalised by then.
class Tokens : public ::testing::Environment {
  public:
    void TearDown() override {
        for (auto* token : {&softhsm_token, &nss_token})
            token->reset();
    }
    std::optional<SoftHsmToken> softhsm;
    std::optional<NssToken> nss;
    std::optional<TokenUnderTest> softhsm_token;
    std::optional<TokenUnderTest> nss_token;
};

Tokens& tokens() {
    static auto* const all = static_cast<Tokens*>(::testing::AddGlobalTestEnvironment(new Tokens));
    return *all;
}

// Registered before the tests begin; gtest tears down only those it knew then.
const bool registered = (tokens(), true);

}  // namespace

std::string to_string(TokenKind kind) {
    return kind == TokenKind::softhsm ? "softhsm" : "nss";
}

TokenUnderTest* token_under_test(TokenKind kind) {
    auto& all = tokens();
    auto& token = kind == TokenKind::softhsm ? all.softhsm_token : all.nss_token;
    if (token) return &*token;
    if (kind == TokenKind::nss && !NssToken::available()) return nullptr;

    token::OperationsOptions options;
    Secret pin;
    if (kind == TokenKind::softhsm) {
        all.softhsm.emplace();
        options = all.softhsm->options();
        pin = all.softhsm->pin();
        // The suite runs once with session copies and once without.
        if (const char* copies = std::getenv("SIGNET_TEST_SESSION_COPIES"))
            options.session_copies = std::string_view(copies) == "1";
    } else {
        all.nss.emplace();
        options = all.nss->options();
        pin = all.nss->pin();
    }
    options.live_key_limit = 4;
    options.in_clear = {.software_oaep = true, .merchant_keys = true};
    seed(options, pin);
    token.emplace(TokenUnderTest{kind, need(token::TokenOperations::open(options, pin)),
                                 kind == TokenKind::softhsm, kind == TokenKind::softhsm});
    make_keys(*token);
    return &*token;
}

}  // namespace signet::testing
