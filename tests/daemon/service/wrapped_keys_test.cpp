#include "daemon/service/wrapped_keys.h"

#include "hsm/pki/signature.h"
#include "tests/daemon/service/service_fixture.h"

namespace signet::service {
namespace {

class WrappedKeysTest : public ServiceTest {
  protected:
    WrappedKeysTest() {
        token.make("wrap", KeyAlgorithm::aes_256, KeyUsage::wrap);
        token.make("bind", KeyAlgorithm::hmac_256, KeyUsage::bind);
        synchronise();
    }
    static KeyBinding binding(std::string owner, std::uint32_t version = 1) {
        return {.owner = std::move(owner),
                .key_class = "test.signer",
                .index = 7,
                .version = version,
                .algorithm = KeyAlgorithm::ec_p256,
                .usages = KeyUsage::sign};
    }
    sqlite::StoredWrappedKey make(const KeyBinding& its) {
        auto row = must(wrapped.generate(its, soon()));
        must(writer->run([&](sqlite::Transaction& transaction) -> Status {
            SIGNET_TRY(sqlite::wrapped_key_store::insert(transaction, row));
            return {};
        }));
        return row;
    }
    bool signs(const WrappedKey& key, const Bytes& public_key) {
        const auto signature =
            pki::sign(token, key, SignAlgorithm::es256, KeyUsage::sign, as_bytes("data"), soon());
        if (!signature) return false;
        const auto verifier = must(pki::PublicKey::from_spki(public_key));
        return must(pki::verify(verifier, SignAlgorithm::es256, as_bytes("data"), *signature));
    }

    WrappedKeys wrapped{{token, *keys, *writer, *readers, clock, "wrap", "bind"}};
};

TEST_F(WrappedKeysTest, AreFoundByTheirOwnerAndSign) {
    const auto row = make(binding("shop"));
    EXPECT_EQ(row.wrapping_label, "wrap");
    const auto key = must(wrapped.latest("shop", "test.signer", 7));
    EXPECT_EQ(key.binding, binding("shop"));
    EXPECT_TRUE(signs(key, row.public_key));
    const auto second = make(binding("shop", 2));
    EXPECT_EQ(must(wrapped.latest("shop", "test.signer", 7)).binding.version, 2U);
    for (const auto& missing :
         {wrapped.latest("shop", "test.signer", 8), wrapped.latest("rival", "test.signer", 7)}) {
        ASSERT_FALSE(missing);
        EXPECT_EQ(missing.error().code, ErrorCode::not_found);
    }
}

TEST_F(WrappedKeysTest, ARowThatWasGivenToAnotherOwnerDoesNotUnwrap) {
    auto row = make(binding("shop"));
    row.owner = "rival";
    EXPECT_FALSE(signs(must(to_wrapped_key(row)), row.public_key));
    row.owner = "shop";
    EXPECT_TRUE(signs(must(to_wrapped_key(row)), row.public_key));
    row.algorithm = "rsa-999";
    EXPECT_FALSE(to_wrapped_key(row));
}

TEST_F(WrappedKeysTest, MoveUnderANewWrappingKey) {
    std::vector<sqlite::StoredWrappedKey> rows;
    for (std::uint32_t i = 1; i <= 5; ++i)
        rows.push_back(make(binding("shop", i)));
    EXPECT_EQ(must(wrapped.rewrap_some(caller(), 10)), 0U);
    must(keys->rotate(caller(), "wrap", true));
    EXPECT_EQ(must(wrapped.rewrap_some(caller(), 3)), 3U);
    EXPECT_EQ(must(wrapped.rewrap_some(caller(), 3)), 2U);
    EXPECT_EQ(must(wrapped.rewrap_some(caller(), 3)), 0U);
    EXPECT_EQ(records("wrapped.rewrap").size(), 2U);
    const auto db = must(readers->lease());
    for (const auto& row : rows) {
        const auto moved = must(sqlite::wrapped_key_store::find(*db, "shop", "test.signer", 7, row.version));
        ASSERT_TRUE(moved);
        EXPECT_EQ(moved->wrapping_version, 2U);
        EXPECT_TRUE(signs(must(to_wrapped_key(*moved)), row.public_key));
    }
}

TEST_F(WrappedKeysTest, NeedTheirTwoKeys) {
    must(keys->disable(caller(), "bind", std::nullopt));
    const auto made = wrapped.generate(binding("shop"), soon());
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, ErrorCode::conflict) << made.error().message;
}

}  // namespace
}  // namespace signet::service
