// The life of token keys, their rules, certificates and checkpoints.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "base/random.h"
#include "tests/hsm/token/openssl_reference.h"
#include "tests/hsm/token/token_under_test.h"

namespace signet::testing {
namespace {

class OperationsKeys : public TokenSuite {
  protected:
    Result<KeyInfo> make(const KeyId& id, KeyAlgorithm algorithm = KeyAlgorithm::ec_p256,
                         KeyUsages usages = KeyUsage::sign, bool extractable = false) {
        return operations().generate_key({id, algorithm, usages, extractable}, soon());
    }
    Result<Bytes> sign(const KeyId& id, KeyUsage purpose = KeyUsage::sign) {
        return operations().sign({id, SignAlgorithm::es256, purpose, Bytes(32, 1)}, soon());
    }
};
SIGNET_TOKEN_SUITE(OperationsKeys);

TEST_P(OperationsKeys, AreMadeSensitiveAndLocalAndAreListed) {
    const KeyId id{"life.of-a.key", 3};
    const auto made = make(id, KeyAlgorithm::ec_p256, KeyUsage::sign | KeyUsage::tls);
    ASSERT_TRUE(ok(made));
    EXPECT_EQ(made->id, id);
    EXPECT_EQ(made->algorithm, KeyAlgorithm::ec_p256);
    EXPECT_EQ(made->usages, KeyUsage::sign | KeyUsage::tls);
    EXPECT_TRUE(made->attributes.sensitive);
    EXPECT_TRUE(made->attributes.always_sensitive);
    EXPECT_FALSE(made->attributes.extractable);
    EXPECT_TRUE(made->attributes.never_extractable);
    EXPECT_FALSE(made->public_key.empty());

    const auto listed = operations().list_keys(soon());
    ASSERT_TRUE(ok(listed));
    const auto found = std::ranges::find(*listed, id, &KeyInfo::id);
    ASSERT_NE(found, listed->end());
    EXPECT_EQ(found->public_key, made->public_key);
    EXPECT_TRUE(ok(sign(id)));

    ASSERT_TRUE(ok(operations().destroy_key(id, soon())));
    EXPECT_EQ(code_of(sign(id)), ErrorCode::not_found);
    EXPECT_EQ(code_of(operations().find_key(id, soon())), ErrorCode::not_found);
    EXPECT_EQ(code_of(operations().destroy_key(id, soon())), ErrorCode::not_found);
    EXPECT_EQ(std::ranges::count(*operations().list_keys(soon()), id, &KeyInfo::id), 0);
}

TEST_P(OperationsKeys, VersionsAreKeysOfTheirOwn) {
    const auto first = make({"versions", 1});
    const auto second = make({"versions", 2});
    ASSERT_TRUE(ok(first));
    ASSERT_TRUE(ok(second));
    EXPECT_NE(first->public_key, second->public_key);
    EXPECT_EQ(operations().find_key({"versions", 1}, soon())->public_key, first->public_key);
    EXPECT_EQ(operations().find_key({"versions", 2}, soon())->public_key, second->public_key);
    EXPECT_EQ(code_of(operations().find_key({"versions", 3}, soon())), ErrorCode::not_found);
    EXPECT_TRUE(ok(operations().destroy_key({"versions", 1}, soon())));
    EXPECT_TRUE(ok(sign({"versions", 2})));
}

TEST_P(OperationsKeys, AreNotMadeTwiceNorWithContradictions) {
    EXPECT_EQ(code_of(make({"ec-p256", 1})), ErrorCode::already_exists);
    EXPECT_EQ(code_of(make({"bad", 0})), ErrorCode::invalid_argument);
    EXPECT_EQ(code_of(make({"Bad", 1})), ErrorCode::invalid_argument);
    EXPECT_EQ(code_of(make({"~provisional:00", 1})), ErrorCode::invalid_argument);
    EXPECT_EQ(code_of(make({"bad", 1}, KeyAlgorithm::ec_p256, KeyUsage::decrypt)),
              ErrorCode::invalid_argument);
    EXPECT_EQ(code_of(make({"bad", 1}, KeyAlgorithm::ec_p256, KeyUsage::audit | KeyUsage::sign)),
              ErrorCode::invalid_argument);
    EXPECT_EQ(code_of(make({"bad", 1}, KeyAlgorithm::ec_p256, {})), ErrorCode::invalid_argument);
    EXPECT_EQ(code_of(operations().find_key({"bad", 1}, soon())), ErrorCode::not_found);
}

TEST_P(OperationsKeys, AreExtractableOnlyWhenAskedFor) {
    const auto made = make({"backup", 1}, KeyAlgorithm::ec_p256, KeyUsage::sign, true);
    ASSERT_TRUE(ok(made));
    EXPECT_TRUE(made->attributes.extractable);
    EXPECT_TRUE(made->attributes.sensitive);
}

// Each key with each operation and purpose: exactly what its usages name is done, everything else is token_refused.
TEST_P(OperationsKeys, DoWhatTheirUsagesNameAndNothingElse) {
    struct Key {
        const char* label;
        KeyUsages usages;
        SignAlgorithm algorithm;
    };
    const auto rsa_all = KeyUsage::sign | KeyUsage::certify | KeyUsage::tls | KeyUsage::decrypt;
    for (const auto& [label, usages, algorithm] :
         {Key{"ec-p256", KeyUsage::sign, SignAlgorithm::es256},
          Key{"certify", KeyUsage::certify, SignAlgorithm::es256},
          Key{"tls", KeyUsage::tls, SignAlgorithm::es256},
          Key{"audit", KeyUsage::audit, SignAlgorithm::es256}, Key{"rsa-2048", rsa_all, SignAlgorithm::rs256},
          Key{"decrypt", KeyUsage::decrypt, SignAlgorithm::rs256},
          Key{"hmac-256", KeyUsage::mac, SignAlgorithm::es256},
          Key{"bind", KeyUsage::bind, SignAlgorithm::es256},
          Key{"wrap", KeyUsage::wrap, SignAlgorithm::es256},
          Key{"seal", KeyUsage::seal, SignAlgorithm::es256}}) {
        SCOPED_TRACE(label);
        const KeyId id{label, 1};
        const auto expect = [&](KeyUsage usage, ErrorCode code) {
            EXPECT_EQ(code, usages.has(usage) ? ErrorCode{} : ErrorCode::token_refused) << to_string(usage);
        };
        for (const auto purpose : {KeyUsage::sign, KeyUsage::certify, KeyUsage::tls}) {
            expect(purpose, code_of(operations().sign({id, algorithm, purpose, Bytes(32)}, soon())));
            expect(purpose, code_of(operations().sign_batch({id, algorithm, purpose, {Bytes(32)}}, soon())));
        }
        for (const auto purpose : {KeyUsage::audit, KeyUsage::mac, KeyUsage::wrap, KeyUsage::bind,
                                   KeyUsage::seal, KeyUsage::decrypt}) {
            EXPECT_EQ(code_of(operations().sign({id, algorithm, purpose, Bytes(32)}, soon())),
                      ErrorCode::invalid_argument);
        }
        expect(KeyUsage::mac, code_of(operations().mac({id, MacAlgorithm::hs256, Bytes(9)}, soon())));
        expect(KeyUsage::mac,
               code_of(operations().mac_verify({id, MacAlgorithm::hs256, Bytes(9)}, Bytes(32), soon())));
        expect(KeyUsage::seal, code_of(operations().seal({id, {}, {}}, soon())));
        if (!usages.has(KeyUsage::seal)) {
            EXPECT_EQ(code_of(operations().unseal({id, {}, Bytes(40)}, soon())), ErrorCode::token_refused);
        }
        if (!usages.has(KeyUsage::decrypt)) {
            EXPECT_EQ(code_of(operations().decrypt(
                          {id, HashAlgorithm::sha1, HashAlgorithm::sha1, {}, Bytes(256)}, soon())),
                      ErrorCode::token_refused);
        }
        const KeyBinding binding{"owner", "class", 0, 1, KeyAlgorithm::hmac_256, KeyUsage::mac};
        expect(KeyUsage::wrap, code_of(operations().generate_wrapped({id, {"bind", 1}, binding}, soon())));
        expect(KeyUsage::bind, code_of(operations().generate_wrapped({{"wrap", 1}, id, binding}, soon())));
        if (!usages.has(KeyUsage::audit) && token().anchors) {
            EXPECT_EQ(code_of(operations().sign_checkpoint({id, 1'000'000, {}}, soon())),
                      ErrorCode::token_refused);
        }
    }
}

TEST_P(OperationsKeys, SignOnlyWithAlgorithmsThatFit) {
    for (const auto algorithm : {SignAlgorithm::rs256, SignAlgorithm::ps256}) {
        EXPECT_EQ(
            code_of(operations().sign({KeyId{"ec-p256", 1}, algorithm, KeyUsage::sign, Bytes(32)}, soon())),
            ErrorCode::token_refused);
    }
    EXPECT_EQ(code_of(operations().sign(
                  {KeyId{"ec-p384", 1}, SignAlgorithm::es256, KeyUsage::sign, Bytes(32)}, soon())),
              ErrorCode::token_refused);
    EXPECT_EQ(code_of(operations().sign(
                  {KeyId{"rsa-2048", 1}, SignAlgorithm::eddsa, KeyUsage::sign, Bytes(32)}, soon())),
              ErrorCode::token_refused);
}

TEST_P(OperationsKeys, AreFoundAgainAfterTheyWereForgotten) {
    ASSERT_TRUE(ok(sign({"ec-p256", 1})));
    ASSERT_TRUE(ok(operations().forget_key({"ec-p256", 1}, soon())));
    EXPECT_TRUE(ok(sign({"ec-p256", 1})));
    EXPECT_TRUE(ok(operations().forget_key({"never.there", 1}, soon())));
}

TEST_P(OperationsKeys, CertificatesStandBesideTheirKey) {
    const auto key = make({"with.certificate", 1});
    ASSERT_TRUE(ok(key));
    const auto first = openssl_certificate(key->public_key, "device", 1);
    const auto second = openssl_certificate(key->public_key, "device", 2);
    const auto stored = [this] {
        std::vector<Bytes> certificates;
        const auto listed = operations().list_certificates(soon()).value();
        for (const auto& entry : listed) {
            if (entry.key == KeyId{"with.certificate", 1}) certificates.push_back(entry.certificate);
        }
        return certificates;
    };
    ASSERT_TRUE(ok(operations().import_certificate({key->id, first}, soon())));
    EXPECT_EQ(stored(), (std::vector<Bytes>{first}));
    ASSERT_TRUE(ok(operations().import_certificate({key->id, second}, soon())));
    EXPECT_EQ(stored(), (std::vector<Bytes>{second})) << "the new one takes the old one's place";
    ASSERT_TRUE(ok(operations().import_certificate({key->id, second}, soon())));
    EXPECT_EQ(stored(), (std::vector<Bytes>{second}));

    const auto refused = [this](const KeyId& id, Bytes certificate) {
        return code_of(operations().import_certificate({id, std::move(certificate)}, soon()));
    };
    EXPECT_EQ(refused({"ec-p256", 1}, first), ErrorCode::invalid_argument) << "another key's certificate";
    EXPECT_EQ(refused({"hmac-256", 1}, first), ErrorCode::invalid_argument);
    EXPECT_EQ(refused({"never.there", 1}, first), ErrorCode::not_found);
    EXPECT_EQ(refused(key->id, {}), ErrorCode::invalid_argument);
    auto longer = first;
    longer.push_back(0);
    EXPECT_EQ(refused(key->id, longer), ErrorCode::invalid_argument);

    ASSERT_TRUE(ok(operations().destroy_key(key->id, soon())));
    EXPECT_TRUE(stored().empty());
}

TEST_P(OperationsKeys, CheckpointsOnlyEverGoUp) {
    if (!token().anchors) {
        EXPECT_EQ(code_of(operations().sign_checkpoint({{"audit", 1}, 1, {}}, soon())),
                  ErrorCode::unsupported);
        EXPECT_FALSE(operations().read_anchor(soon()).value());
        return;
    }
    EXPECT_FALSE(operations().read_anchor(soon()).value());
    std::array<std::uint8_t, 32> head{};
    head.fill(0x77);
    const auto spki = operations().find_key({"audit", 1}, soon())->public_key;
    const auto signature = operations().sign_checkpoint({{"audit", 1}, 5, head}, soon());
    ASSERT_TRUE(ok(signature));
    EXPECT_TRUE(openssl_verifies(spki, SignAlgorithm::es256, checkpoint_message(5, head), *signature));
    EXPECT_EQ(operations().read_anchor(soon()).value()->sequence, 5U);
    EXPECT_EQ(operations().read_anchor(soon()).value()->head, head);

    auto other = head;
    other[31] ^= 1;
    EXPECT_EQ(code_of(operations().sign_checkpoint({{"audit", 1}, 5, other}, soon())),
              ErrorCode::token_refused);
    EXPECT_EQ(code_of(operations().sign_checkpoint({{"audit", 1}, 4, head}, soon())),
              ErrorCode::token_refused);
    EXPECT_EQ(code_of(operations().sign_checkpoint({{"audit", 1}, 0, head}, soon())),
              ErrorCode::token_refused);
    EXPECT_TRUE(ok(operations().sign_checkpoint({{"audit", 1}, 5, head}, soon())))
        << "the answer may have been lost";
    EXPECT_TRUE(ok(operations().sign_checkpoint({{"audit", 1}, 6, other, 5, head}, soon())));
    EXPECT_EQ(operations().read_anchor(soon()).value()->sequence, 6U);
    EXPECT_EQ(code_of(operations().sign_checkpoint({{"ec-p256", 1}, 9, head, 6, other}, soon())),
              ErrorCode::token_refused);
    EXPECT_EQ(operations().read_anchor(soon()).value()->sequence, 6U);
}

TEST_P(OperationsKeys, AForkOfTheAuditChainIsNotSigned) {
    if (!token().anchors) return;
    std::array<std::uint8_t, 32> head{};
    head.fill(0x10);
    auto fork = head;
    fork[0] ^= 1;
    const auto refused = [&](std::uint64_t sequence, std::uint64_t previous,
                             const std::array<std::uint8_t, 32>& previous_head) {
        return code_of(
            operations().sign_checkpoint({{"audit", 1}, sequence, fork, previous, previous_head}, soon()));
    };
    const auto last = operations().read_anchor(soon());
    ASSERT_TRUE(ok(last));
    const auto base = last->value_or(Anchor{});
    const auto next = base.sequence + 10;
    ASSERT_TRUE(
        ok(operations().sign_checkpoint({{"audit", 1}, next, head, base.sequence, base.head}, soon())));
    EXPECT_EQ(refused(next + 1, next, fork), ErrorCode::token_refused) << "another head before it";
    EXPECT_EQ(refused(next + 1, next - 1, head), ErrorCode::token_refused) << "another number before it";
    EXPECT_EQ(refused(next + 1, 0, {}), ErrorCode::token_refused) << "none before it";
    EXPECT_EQ(refused(next + 1'000'000'001, next, head), ErrorCode::token_refused) << "too far above";
    EXPECT_EQ(operations().read_anchor(soon()).value()->head, head);
    EXPECT_TRUE(
        ok(operations().sign_checkpoint({{"audit", 1}, next + 1'000'000'000, fork, next, head}, soon())));
}

TEST_P(OperationsKeys, StatusSaysWhatTheTokenIs) {
    const auto status = operations().status(soon());
    ASSERT_TRUE(ok(status));
    EXPECT_EQ(status->label, "signet");
    EXPECT_EQ(status->quirks, to_string(GetParam()));
    EXPECT_GE(status->keys, 15U);
    EXPECT_GE(status->sessions_open, 2U);
    EXPECT_GT(status->resident_bytes, 1U << 20);
    EXPECT_NE(std::ranges::find(status->mechanisms, "CKM_ECDSA"), status->mechanisms.end());
}

TEST_P(OperationsKeys, ServeManyThreadsWhileKeysComeAndGo) {
    const auto check = [](const auto& result) { EXPECT_TRUE(ok(result)); };
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back([&] {
                for (int k = 0; k < 100; ++k) {
                    check(sign({"ec-p256", 1}));
                    check(operations().mac({KeyId{"hmac-256", 1}, MacAlgorithm::hs256, Bytes(20)}, soon()));
                }
            });
        }
        threads.emplace_back([&] {
            for (int k = 0; k < 50; ++k) {
                check(operations().forget_key({"ec-p256", 1}, soon()));
                check(operations().list_keys(soon()));
            }
        });
        threads.emplace_back([&] {
            for (int k = 0; k < 5; ++k) {
                const KeyId id{"passing", static_cast<std::uint32_t>(k + 1)};
                // SoftHSM answers CKR_GENERAL_ERROR now and then while others read; that is told as "try again".
                auto made = make(id);
                for (int i = 0; i < 5 && !made && made.error().retryable(); ++i)
                    made = make(id);
                check(made);
                check(sign(id));
                check(operations().destroy_key(id, soon()));
            }
        });
    }
    EXPECT_FALSE(operations().needs_restart());
}

TEST_P(OperationsKeys, OneOfTwoThreadsMakesTheSameKey) {
    std::atomic<int> made = 0;
    std::atomic<int> refused = 0;
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back([&] {
                const auto result = make({"race", 1});
                if (result) ++made;
                if (code_of(result) == ErrorCode::already_exists || code_of(result) == ErrorCode::conflict)
                    ++refused;
            });
        }
    }
    EXPECT_EQ(made, 1);
    EXPECT_EQ(refused, 3);
    EXPECT_TRUE(ok(operations().destroy_key({"race", 1}, soon())));
}

}  // namespace
}  // namespace signet::testing
