#include "daemon/service/signing.h"

#include <thread>

#include "base/encoding.h"
#include "hsm/pki/cms.h"
#include "hsm/pki/jws.h"
#include "hsm/pki/signature.h"
#include "tests/daemon/service/service_fixture.h"

namespace signet::service {
namespace {

// A writer whose records never become durable.
class BrokenWriter final : public sqlite::Writer {
  public:
    explicit BrokenWriter(Error error) : error_(std::move(error)) {}
    Status run(sqlite::Work) override { return std::unexpected(error_); }
    void run_async(sqlite::Work, std::function<void(Status)> done) override { done(std::unexpected(error_)); }
    void append_async(sqlite::AuditRecord, std::function<void(Result<std::uint64_t>)> done) override {
        done(std::unexpected(error_));
    }
    void stop() override {}
    sqlite::WriterStatistics statistics() const override { return {}; }
    SteadyTime heartbeat() const override { return {}; }
    sqlite::ChainHead head() const override { return {}; }

  private:
    Error error_;
};

class SigningTest : public ServiceTest {
  protected:
    SigningTest() { synchronise(); }
    const Bytes data = to_bytes("hello");
};

TEST_F(SigningTest, ASignatureVerifiesAndNamesItsRecord) {
    const auto made = must(signing->sign(caller(), key("document"), SignAlgorithm::es256,
                                         must(input_of_data(SignAlgorithm::es256, data))));
    EXPECT_TRUE(must(Signing::verify(key("document"), SignAlgorithm::es256, data, made.value)));
    EXPECT_FALSE(must(Signing::verify(key("document"), SignAlgorithm::es256, to_bytes("hallo"), made.value)));
    EXPECT_TRUE(must(Signing::verify_digest(key("document"), SignAlgorithm::es256,
                                            digest(HashAlgorithm::sha256, data), made.value)));
    const auto trail = records("keys.sign");
    ASSERT_EQ(trail.size(), 1U);
    EXPECT_EQ(trail[0].record.sequence, made.audit);
    EXPECT_EQ(trail[0].record.object, "document/1");
    EXPECT_EQ(trail[0].record.principal, "tester");
    EXPECT_EQ(trail[0].record.details, R"({"alg":"ES256","digest":")" + to_hex(sha256(data)) + R"("})");
    EXPECT_EQ(key("document")->new_uses->load(), 1U);
}

TEST_F(SigningTest, NothingIsReleasedWithoutItsRecord) {
    BrokenWriter broken({ErrorCode::storage_full, "the disk is full", {}});
    Signing closed({token, broken});
    const auto input = must(input_of_data(SignAlgorithm::es256, data));
    EXPECT_EQ(closed.sign(caller(), key("document"), SignAlgorithm::es256, input).error().code,
              ErrorCode::storage_full);
    EXPECT_EQ(closed.sign_batch(caller(), key("document"), SignAlgorithm::es256, {input}).error().code,
              ErrorCode::storage_full);
    EXPECT_EQ(closed.mac(caller(), key("mac", KeyUsage::mac), MacAlgorithm::hs256, data).error().code,
              ErrorCode::storage_full);
    EXPECT_EQ(closed.jws(caller(), key("document"), SignAlgorithm::es256, data, {}).error().code,
              ErrorCode::storage_full);
    EXPECT_EQ(key("document")->new_uses->load(), 0U);
}

TEST_F(SigningTest, TheTokensErrorsComeThrough) {
    token.set_unavailable(true);
    const auto made = signing->sign(caller(), key("document"), SignAlgorithm::es256,
                                    must(input_of_data(SignAlgorithm::es256, data)));
    EXPECT_EQ(made.error().code, ErrorCode::token_unavailable);
    EXPECT_TRUE(records("keys.sign").empty());
}

TEST_F(SigningTest, ARefusalByTheTokenIsRecorded) {
    token.set_fault([](std::string_view operation) -> std::optional<Error> {
        if (operation != "sign") return std::nullopt;
        return Error{ErrorCode::token_refused, "a per-key rule", {}};
    });
    EXPECT_FALSE(signing->sign(caller(), key("document"), SignAlgorithm::es256,
                               must(input_of_data(SignAlgorithm::es256, data))));
    must(audit->note("system.test", "ok", "{}"));  // the refusal was queued before it
    ASSERT_EQ(records("keys.sign").size(), 1U);
    EXPECT_EQ(records("keys.sign")[0].record.outcome, "refused");
}

TEST_F(SigningTest, ABatchIsOneRecordWithAllDigests) {
    std::vector<SignInput> inputs;
    for (int i = 0; i < 1000; ++i)
        inputs.push_back(must(input_of_data(SignAlgorithm::rs512, to_bytes(std::to_string(i)))));
    const auto digest = inputs[999].digest;
    // The longest record there is: a thousand digests of 64 bytes.
    token.set_fault({});
    const auto made = must(signing->sign_batch({"tester", "r", Deadline::in(std::chrono::minutes(2))},
                                               key("rsa"), SignAlgorithm::rs512, std::move(inputs)));
    EXPECT_EQ(made.values.size(), 1000U);
    EXPECT_TRUE(must(Signing::verify(key("rsa"), SignAlgorithm::rs512, to_bytes("999"), made.values[999])));
    const auto trail = records("keys.sign");
    ASSERT_EQ(trail.size(), 1U);
    EXPECT_NE(trail[0].record.details.find(digest), std::string::npos);
}

TEST_F(SigningTest, AlgorithmsMustFit) {
    EXPECT_EQ(choose_algorithm(*key("document"), "RS256").error().code, ErrorCode::unprocessable);
    EXPECT_EQ(choose_algorithm(*key("document"), "none").error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(must(choose_algorithm(*key("rsa"), std::nullopt)), SignAlgorithm::rs256);
    EXPECT_EQ(choose_mac_algorithm(*key("mac", KeyUsage::mac), "HS512").error().code,
              ErrorCode::unprocessable);
    EXPECT_EQ(input_of_digest(SignAlgorithm::es256, Bytes(31)).error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(input_of_digest(SignAlgorithm::eddsa, Bytes(64)).error().code, ErrorCode::invalid_argument);
}

TEST_F(SigningTest, MacsAreMadeAndChecked) {
    const auto mac_key = key("mac", KeyUsage::mac);
    const auto made = must(signing->mac(caller(), mac_key, MacAlgorithm::hs256, data));
    EXPECT_EQ(made.value.size(), 32U);
    EXPECT_TRUE(must(signing->mac_verify(caller(), mac_key, MacAlgorithm::hs256, data, made.value)));
    EXPECT_FALSE(
        must(signing->mac_verify(caller(), mac_key, MacAlgorithm::hs256, to_bytes("hallo"), made.value)));
    EXPECT_EQ(records("keys.mac").size(), 1U);
}

TEST_F(SigningTest, WhatDoesNotDecryptIsRefusedAndRecorded) {
    const auto plain =
        signing->decrypt(caller(), key("rsa", KeyUsage::decrypt), HashAlgorithm::sha256, Bytes(256, 1), {});
    EXPECT_EQ(plain.error().code, ErrorCode::token_refused);
    must(audit->note("system.test", "ok", "{}"));
    EXPECT_EQ(records("keys.decrypt").back().record.outcome, "refused");
}

TEST_F(SigningTest, AJwsVerifies) {
    const auto document =
        must(signing->jws(caller(), key("document"), SignAlgorithm::es256, data, {.type = "JOSE"}));
    const SignAlgorithm allowed[] = {SignAlgorithm::es256};
    const auto jws = must(pki::verify_jws(
        document.text, must(pki::PublicKey::from_spki(key("document")->public_key)), allowed));
    EXPECT_EQ(jws.payload, data);
    EXPECT_EQ(jws.header.key_id, "document/1");
    EXPECT_EQ(records("keys.jws").size(), 1U);
}

TEST_F(SigningTest, ACmsVerifiesAndIsRecordedByItsContent) {
    const auto ca_key = must(library->load(key("device.ca", KeyUsage::certify)->info(), KeyUsage::certify));
    const auto ca =
        must(pki::self_sign(ca_key, pki::root_ca_profile(), {{"CN", "CA"}}, {.now = clock.now()}, soon()));
    const auto signer_key = must(pki::PublicKey::from_spki(key("document")->public_key));
    const auto certificate =
        must(pki::issue(ca_key, ca, pki::document_signing_profile(), {signer_key, {{"CN", "signer"}}, {}},
                        {.now = clock.now()}, soon()));
    CmsRequest request;
    request.certificate = certificate.der();
    request.signing_time = clock.now();
    const auto document = must(signing->cms(caller(), key("document"), SignAlgorithm::es256, data, request));
    const auto verified = must(pki::verify_cms(document.text, data));
    EXPECT_EQ(verified.signing_time, clock.now());
    EXPECT_NE(records("keys.cms")[0].record.details.find(to_hex(sha256(data))), std::string::npos);
    EXPECT_EQ(signing->cms(caller(), key("rsa"), SignAlgorithm::rs256, data, request).error().code,
              ErrorCode::failed_precondition);
}

TEST_F(SigningTest, ManyThreadsGetTheirOwnAnswers) {
    std::vector<std::thread> threads;
    std::atomic<int> good = 0;
    for (int t = 0; t < 8; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < 20; ++i) {
                const auto mine = to_bytes(std::to_string(t * 100 + i));
                const auto made = signing->sign(caller(), key("document"), SignAlgorithm::es256,
                                                must(input_of_data(SignAlgorithm::es256, mine)));
                if (made && must(Signing::verify(key("document"), SignAlgorithm::es256, mine, made->value)))
                    ++good;
            }
        });
    }
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(good, 160);
    EXPECT_EQ(records("keys.sign").size(), 160U);
}

}  // namespace
}  // namespace signet::service
