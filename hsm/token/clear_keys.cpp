#include "hsm/token/clear_keys.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include <array>
#include <memory>
#include <vector>

#include "hsm/token/key_rules.h"

namespace signet::token {
namespace {

struct Free {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(BIGNUM* number) const { BN_clear_free(number); }
};
using Pkey = std::unique_ptr<EVP_PKEY, Free>;
using Number = std::unique_ptr<BIGNUM, Free>;

constexpr std::uint8_t kInteger = 0x02;
constexpr std::uint8_t kOctetString = 0x04;
constexpr std::uint8_t kSequence = 0x30;
// SEQUENCE of the object identifier rsaEncryption and NULL (RFC 8017 appendix A.1).
constexpr std::array<std::uint8_t, 15> kRsaEncryption{0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86,
                                                      0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00};
constexpr std::array<std::uint8_t, 3> kVersion{kInteger, 1, 0};

// In the order of RSAPrivateKey (RFC 8017 appendix A.1.2).
constexpr std::array kParts{
    OSSL_PKEY_PARAM_RSA_N,         OSSL_PKEY_PARAM_RSA_E,
    OSSL_PKEY_PARAM_RSA_D,         OSSL_PKEY_PARAM_RSA_FACTOR1,
    OSSL_PKEY_PARAM_RSA_FACTOR2,   OSSL_PKEY_PARAM_RSA_EXPONENT1,
    OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
};

std::size_t header_size(std::size_t content) {
    return content < 0x80 ? 2 : content < 0x100 ? 3 : 4;
}
// One byte more where the highest bit would read as a sign.
std::size_t integer_content(const Number& number) {
    return static_cast<std::size_t>(BN_num_bits(number.get())) / 8 + 1;
}

// DER, forward, into memory of the right size: OpenSSL's encoders leave copies of the key on the heap.
class Writer {
  public:
    explicit Writer(std::uint8_t* at) : at_(at) {}

    void header(std::uint8_t tag, std::size_t content) {
        *at_++ = tag;
        if (content >= 0x100) {
            *at_++ = 0x82;
            *at_++ = static_cast<std::uint8_t>(content >> 8);
        } else if (content >= 0x80) {
            *at_++ = 0x81;
        }
        *at_++ = static_cast<std::uint8_t>(content);
    }
    void raw(ByteView bytes) { at_ = std::copy(bytes.begin(), bytes.end(), at_); }
    void integer(const Number& number) {
        const auto content = integer_content(number);
        header(kInteger, content);
        BN_bn2binpad(number.get(), at_, static_cast<int>(content));
        at_ += content;
    }

  private:
    std::uint8_t* at_;
};

// PrivateKeyInfo (RFC 5958 section 2) around RSAPrivateKey. Empty when OpenSSL does not tell a part.
Secret private_key_info(const EVP_PKEY* key) {
    std::vector<Number> numbers;
    std::size_t inner = kVersion.size();
    for (const auto* part : kParts) {
        BIGNUM* number = nullptr;
        if (EVP_PKEY_get_bn_param(key, part, &number) != 1) return {};
        const auto content = integer_content(numbers.emplace_back(number));
        inner += header_size(content) + content;
    }
    const auto rsa = header_size(inner) + inner;
    const auto outer = kVersion.size() + kRsaEncryption.size() + header_size(rsa) + rsa;
    Secret out(header_size(outer) + outer);
    Writer writer(out.data());
    writer.header(kSequence, outer);
    writer.raw(kVersion);
    writer.raw(kRsaEncryption);
    writer.header(kOctetString, rsa);
    writer.header(kSequence, inner);
    writer.raw(kVersion);
    for (const auto& number : numbers)
        writer.integer(number);
    return out;
}

Bytes public_key_info(const EVP_PKEY* key) {
    const int size = i2d_PUBKEY(key, nullptr);
    if (size <= 0) return {};
    Bytes out(static_cast<std::size_t>(size));
    auto* at = out.data();
    i2d_PUBKEY(key, &at);
    return out;
}

}  // namespace

Result<ClearKeyPair> generate_clear(KeyAlgorithm algorithm, ByteView seed) {
    if (!is_rsa(algorithm))
        return fail(ErrorCode::unsupported, "a key pair that is given out is an RSA one, not of " +
                                                std::string(to_string(algorithm)));
    RAND_add(seed.data(), static_cast<int>(seed.size()), 0);
    const Pkey key(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", modulus_size(algorithm) * 8));
    if (!key) return fail(ErrorCode::internal, "the key pair could not be made", "EVP_PKEY_Q_keygen");
    ClearKeyPair pair{private_key_info(key.get()), public_key_info(key.get())};
    if (!pair.private_key.empty() && !pair.public_key.empty()) return pair;
    return fail(ErrorCode::internal, "the key pair could not be written", "EVP_PKEY_get_bn_param");
}

}  // namespace signet::token
