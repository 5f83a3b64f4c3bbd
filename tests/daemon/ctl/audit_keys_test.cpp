#include "daemon/ctl/audit_keys.h"

#include <gtest/gtest.h>

#include <cstdio>

#include "hsm/frames/token_interface.h"
#include "tests/support/process.h"

namespace signet::ctl {
namespace {

// openssl ecparam -genkey; openssl pkey -pubout; openssl dgst -sha256 -sign over
// "signet-checkpoint-1" 00 0000000000000007 and 32 bytes of 2a.
class AuditKeysTest : public ::testing::Test {
  protected:
    void SetUp() override {
        const auto key = (directory_ / "key.pem").string();
        const auto openssl = [](std::vector<std::string> arguments) {
            arguments.insert(arguments.begin(), "/usr/bin/openssl");
            return signet::testing::run(std::move(arguments), {.as_service_user = false});
        };
        ASSERT_EQ(openssl({"ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key}).code, 0);
        ASSERT_EQ(openssl({"pkey", "-in", key, "-pubout", "-out", (directory_ / "public.pem").string()}).code,
                  0);
        checkpoint_.head.sequence = 7;
        checkpoint_.head.hash.fill(0x2A);
        checkpoint_.key_label = "audit";
        checkpoint_.key_version = 1;
        checkpoint_.algorithm = "ES256";
        const auto message =
            directory_.write("message", as_text(checkpoint_message(7, checkpoint_.head.hash)));
        const auto signature = directory_ / "signature";
        ASSERT_EQ(
            openssl({"dgst", "-sha256", "-sign", key, "-out", signature.string(), message.string()}).code, 0);
        std::FILE* file = std::fopen(signature.c_str(), "rb");
        ASSERT_NE(file, nullptr);
        checkpoint_.signature.resize(200);
        checkpoint_.signature.resize(std::fread(checkpoint_.signature.data(), 1, 200, file));
        (void)std::fclose(file);
    }
    signet::testing::TempDirectory directory_;
    sqlite::Checkpoint checkpoint_;
};

TEST_F(AuditKeysTest, AVouchedKeyProvesACheckpointMadeByOpenssl) {
    AuditKeys keys;
    EXPECT_TRUE(keys.empty());
    ASSERT_TRUE(keys.add_file(directory_ / "public.pem"));
    EXPECT_FALSE(keys.empty());
    EXPECT_TRUE(keys.check(checkpoint_).value());
}

TEST_F(AuditKeysTest, AnythingElseIsNotProven) {
    AuditKeys keys;
    EXPECT_FALSE(keys.check(checkpoint_).value());
    ASSERT_TRUE(keys.add_file(directory_ / "public.pem"));
    auto other = checkpoint_;
    other.head.sequence = 8;
    EXPECT_FALSE(keys.check(other).value());
    other = checkpoint_;
    other.head.hash[0] ^= 1;
    EXPECT_FALSE(keys.check(other).value());
    other = checkpoint_;
    other.signature.back() ^= 1;
    EXPECT_FALSE(keys.check(other).value());
    other = checkpoint_;
    other.algorithm = "none";
    EXPECT_FALSE(keys.check(other).value());
    EXPECT_FALSE(keys.add_file(directory_ / "key.pem"));  // a private key is no public one
}

}  // namespace
}  // namespace signet::ctl
