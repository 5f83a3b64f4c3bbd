#include "hsm/token/key_templates.h"

#include <array>

#include "hsm/pkcs11/der.h"
#include "hsm/token/key_rules.h"

namespace signet::token {

using pkcs11::Template;

CK_KEY_TYPE key_type(KeyAlgorithm algorithm) {
    switch (algorithm) {
        case KeyAlgorithm::rsa_2048:
        case KeyAlgorithm::rsa_3072:
        case KeyAlgorithm::rsa_4096:
            return CKK_RSA;
        case KeyAlgorithm::ec_p256:
        case KeyAlgorithm::ec_p384:
            return CKK_EC;
        case KeyAlgorithm::ed25519:
            return CKK_EC_EDWARDS;
        case KeyAlgorithm::aes_128:
        case KeyAlgorithm::aes_192:
        case KeyAlgorithm::aes_256:
            return CKK_AES;
        case KeyAlgorithm::tdes_2key:
            return CKK_DES2;
        case KeyAlgorithm::tdes_3key:
            return CKK_DES3;
        case KeyAlgorithm::hmac_256:
        case KeyAlgorithm::hmac_384:
        case KeyAlgorithm::hmac_512:
            return CKK_GENERIC_SECRET;
    }
    return CKK_GENERIC_SECRET;
}

namespace {

constexpr std::array<std::uint8_t, 3> kExponent{0x01, 0x00, 0x01};

bool signs(KeyUsages usages) {
    for (const auto usage :
         {KeyUsage::sign, KeyUsage::certify, KeyUsage::tls, KeyUsage::audit, KeyUsage::mac, KeyUsage::bind}) {
        if (usages.has(usage)) return true;
    }
    return false;
}

// What may be done with the key, stated in full: the defaults differ from token to token, and mostly permit too much.
void add_uses(Template& out, KeyAlgorithm algorithm, KeyUsages usages, const pkcs11::Quirks& quirks) {
    const bool wraps = usages.has(KeyUsage::wrap);
    const bool seals = usages.has(KeyUsage::seal);
    // Keys that come from outside are unwrapped by the token; one without this OAEP can only decrypt them.
    const bool lets_in = usages.has(KeyUsage::unwrap);
    const bool decrypts_in = lets_in && !(quirks.oaep_sha256 && quirks.oaep_label);
    out.flag(CKA_SIGN, signs(usages));
    out.flag(CKA_DECRYPT, seals || decrypts_in || usages.has(KeyUsage::decrypt));
    out.flag(CKA_UNWRAP, wraps || lets_in);
    out.flag(CKA_DERIVE, false);
    if (is_asymmetric(algorithm)) {
        out.flag(CKA_SIGN_RECOVER, false);
    } else {
        // MACs are compared by us, in constant time; nothing else would ever verify.
        out.flag(CKA_VERIFY, false);
        out.flag(CKA_ENCRYPT, seals);
        out.flag(CKA_WRAP, wraps);
    }
}

// Whatever is unwrapped stays a private, sensitive session object.
Template inner_unwrap_template() {
    Template inner;
    inner.flag(CKA_TOKEN, false).flag(CKA_PRIVATE, true).flag(CKA_SENSITIVE, true);
    return inner;
}

void add_optional(Template& out, KeyAlgorithm algorithm, KeyUsages usages, const pkcs11::Quirks& quirks) {
    if (quirks.allowed_mechanisms)
        out.mechanisms(CKA_ALLOWED_MECHANISMS, allowed_mechanisms(algorithm, usages, quirks));
    if (quirks.unwrap_template && (usages.has(KeyUsage::wrap) || usages.has(KeyUsage::unwrap)))
        out.nested(CKA_UNWRAP_TEMPLATE, inner_unwrap_template());
}

}  // namespace

Template private_template(const KeyTemplate& key, const pkcs11::Quirks& quirks, bool optional_attributes) {
    Template out;
    out.number(CKA_CLASS, is_asymmetric(key.algorithm) ? CKO_PRIVATE_KEY : CKO_SECRET_KEY);
    out.number(CKA_KEY_TYPE, key_type(key.algorithm));
    out.flag(CKA_TOKEN, key.on_token).flag(CKA_PRIVATE, true).flag(CKA_SENSITIVE, true);
    out.flag(CKA_EXTRACTABLE, key.extractable);
    add_uses(out, key.algorithm, key.usages, quirks);
    if (!key.label.empty()) out.text(CKA_LABEL, key.label);
    if (!key.cka_id.empty()) out.bytes(CKA_ID, key.cka_id);
    if (!is_asymmetric(key.algorithm)) out.number(CKA_VALUE_LEN, secret_size(key.algorithm));
    if (optional_attributes) add_optional(out, key.algorithm, key.usages, quirks);
    return out;
}

Template public_template(const KeyTemplate& key) {
    Template out;
    out.number(CKA_CLASS, CKO_PUBLIC_KEY).number(CKA_KEY_TYPE, key_type(key.algorithm));
    out.flag(CKA_TOKEN, key.on_token).flag(CKA_PRIVATE, false);
    // Verifying and encrypting need no token; the object is there to be read.
    out.flag(CKA_VERIFY, signs(key.usages));
    out.flag(CKA_ENCRYPT, key.usages.has(KeyUsage::decrypt) || key.usages.has(KeyUsage::unwrap));
    out.flag(CKA_WRAP, false).flag(CKA_DERIVE, false);
    if (!key.label.empty()) out.text(CKA_LABEL, key.label);
    if (!key.cka_id.empty()) out.bytes(CKA_ID, key.cka_id);
    if (is_rsa(key.algorithm)) {
        out.number(CKA_MODULUS_BITS, modulus_size(key.algorithm) * 8).bytes(CKA_PUBLIC_EXPONENT, kExponent);
    } else {
        out.bytes(CKA_EC_PARAMS, pkcs11::ec_params(key.algorithm));
    }
    return out;
}

Template unwrap_template(KeyAlgorithm algorithm, KeyUsages usages, bool extractable,
                         const pkcs11::Quirks& quirks, bool optional_attributes) {
    auto out = private_template({.algorithm = algorithm,
                                 .usages = usages,
                                 .on_token = false,
                                 .extractable = extractable,
                                 .cka_id = {},
                                 .label = {}},
                                quirks, optional_attributes);
    // The length comes with the blob; SoftHSM refuses it here.
    out.remove(CKA_VALUE_LEN);
    const bool ec = is_asymmetric(algorithm) && !is_rsa(algorithm);
    if (ec && quirks.unwrapped_ec_extra != 0) out.bytes(quirks.unwrapped_ec_extra, Bytes{0});
    return out;
}

pkcs11::Mechanism generation_mechanism(KeyAlgorithm algorithm) {
    switch (key_type(algorithm)) {
        case CKK_RSA:
            return CKM_RSA_PKCS_KEY_PAIR_GEN;
        case CKK_EC:
            return CKM_EC_KEY_PAIR_GEN;
        case CKK_EC_EDWARDS:
            return CKM_EC_EDWARDS_KEY_PAIR_GEN;
        case CKK_AES:
            return CKM_AES_KEY_GEN;
        default:
            return CKM_GENERIC_SECRET_KEY_GEN;
    }
}

bool refuses_attributes(CK_RV rv) {
    return rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_VALUE_INVALID ||
           rv == CKR_TEMPLATE_INCONSISTENT;
}

pkcs11::CkResult<GeneratedHandles> generate(pkcs11::Session& session, const KeyTemplate& key,
                                            const pkcs11::Quirks& quirks) {
    const auto attempt = [&](bool optional_attributes) -> pkcs11::CkResult<GeneratedHandles> {
        auto private_key = private_template(key, quirks, optional_attributes);
        const auto mechanism = generation_mechanism(key.algorithm);
        if (!is_asymmetric(key.algorithm)) {
            SIGNET_ASSIGN(const auto handle, session.generate_secret(mechanism, private_key));
            return GeneratedHandles{handle, CK_INVALID_HANDLE};
        }
        auto public_key = public_template(key);
        SIGNET_ASSIGN(const auto pair, session.generate_pair(mechanism, public_key, private_key));
        return GeneratedHandles{pair.private_key, pair.public_key};
    };
    auto generated = attempt(true);
    if (!generated && refuses_attributes(generated.error().rv)) return attempt(false);
    return generated;
}

}  // namespace signet::token
