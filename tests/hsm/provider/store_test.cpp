#include <openssl/evp.h>
#include <openssl/store.h>

#include "hsm/provider/openssl_error.h"
#include "tests/hsm/provider/token_fixture.h"

namespace signet::testing {
namespace {

class ProviderStore : public TokenTest {
  protected:
    provider::PkeyPtr open(const std::string& uri) {
        OSSL_STORE_CTX* store = OSSL_STORE_open_ex(uri.c_str(), library().get(), nullptr, nullptr, nullptr,
                                                   nullptr, nullptr, nullptr);
        if (store == nullptr) return nullptr;
        provider::PkeyPtr key;
        while (OSSL_STORE_eof(store) == 0) {
            OSSL_STORE_INFO* info = OSSL_STORE_load(store);
            if (info == nullptr) break;
            if (OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY)
                key.reset(OSSL_STORE_INFO_get1_PKEY(info));
            OSSL_STORE_INFO_free(info);
        }
        OSSL_STORE_close(store);
        return key;
    }
    ErrorCode last_error() { return provider::fail_openssl(ErrorCode::internal, "").error().code; }
};

TEST_P(ProviderStore, LoadsKeysByUri) {
    const auto info = make("tls.server", KeyAlgorithm::ec_p256, KeyUsage::tls);
    const auto key = open("pkcs11:object=tls.server;type=private?x-version=1&x-purpose=tls");
    ASSERT_NE(key, nullptr) << provider::fail_openssl(ErrorCode::internal, "").error().detail;
    EXPECT_EQ(EVP_PKEY_eq(key.get(), load(info, KeyUsage::tls).get()), 1);
    const provider::DigestCtxPtr context(EVP_MD_CTX_new());
    Bytes out(128);
    std::size_t size = out.size();
    ASSERT_EQ(
        EVP_DigestSignInit_ex(context.get(), nullptr, "SHA256", library().get(), nullptr, key.get(), nullptr),
        1);
    EXPECT_EQ(EVP_DigestSign(context.get(), out.data(), &size, out.data(), 4), 1);
}

TEST_P(ProviderStore, RefusesWhatIsNotThere) {
    (void)make("tls.server", KeyAlgorithm::ec_p256, KeyUsage::tls);
    EXPECT_EQ(open("pkcs11:object=tls.server"), nullptr);  // not for sign
    EXPECT_EQ(last_error(), ErrorCode::token_refused);
    EXPECT_EQ(open("pkcs11:object=missing"), nullptr);
    EXPECT_EQ(last_error(), ErrorCode::not_found);
    for (const char* uri :
         {"pkcs11:", "pkcs11:object=Upper", "pkcs11:object=tls.server;type=public",
          "pkcs11:object=tls.server?x-version=0", "pkcs11:object=tls.server?x-version=1x",
          "pkcs11:object=tls.server?x-purpose=any", "pkcs11:object=tls.server;pin-value=1"}) {
        EXPECT_EQ(open(uri), nullptr) << uri;
        EXPECT_EQ(last_error(), ErrorCode::invalid_argument) << uri;
    }
}

SIGNET_ON_EVERY_TOKEN(ProviderStore);

}  // namespace
}  // namespace signet::testing
