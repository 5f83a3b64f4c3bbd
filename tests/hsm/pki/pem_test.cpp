#include "hsm/pki/pem.h"

#include <gtest/gtest.h>

#include "base/encoding.h"

namespace signet::pki {
namespace {

const Bytes kDer(100, 0x5a);

TEST(Pem, GoesThroughAndBack) {
    const auto pem = to_pem("CERTIFICATE", kDer);
    EXPECT_TRUE(pem.starts_with("-----BEGIN CERTIFICATE-----\n"));
    EXPECT_TRUE(pem.ends_with("\n-----END CERTIFICATE-----\n"));
    for (std::size_t at = 0, end = 0; (end = pem.find('\n', at)) != std::string::npos; at = end + 1)
        EXPECT_LE(end - at, 64U);
    EXPECT_EQ(from_pem(pem, {"CERTIFICATE"}).value(), kDer);
    EXPECT_EQ(from_pem(pem, {"X509 CRL", "CERTIFICATE"}).value(), kDer);
    EXPECT_EQ(from_pem(pem.substr(0, pem.size() - 1), {"CERTIFICATE"}).value(), kDer);
}

TEST(Pem, RefusesAnythingElse) {
    const auto pem = to_pem("CERTIFICATE", kDer);
    const auto refused = [](std::string_view text) { return !from_pem(text, {"CERTIFICATE"}); };
    EXPECT_TRUE(refused(""));
    EXPECT_TRUE(refused("text"));
    EXPECT_TRUE(refused("text\n" + pem));
    EXPECT_TRUE(refused(pem + "text"));
    EXPECT_TRUE(refused(pem + pem));
    EXPECT_TRUE(refused(to_pem("X509 CRL", kDer)));
    EXPECT_TRUE(refused(pem.substr(0, pem.size() - 3)));
    EXPECT_TRUE(refused(pem.substr(0, 80)));
    EXPECT_TRUE(refused("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"));
    EXPECT_TRUE(refused("-----BEGIN CERTIFICATE-----\nWlpa\n-----END X509 CRL-----\n"));
    EXPECT_TRUE(
        refused("-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\n\nWlpa\n-----END CERTIFICATE-----\n"));
    EXPECT_TRUE(refused("-----BEGIN CERTIFICATE-----\nWlp!\n-----END CERTIFICATE-----\n"));
    EXPECT_TRUE(refused("-----BEGIN CERTIFICATE-----\nWlpaWg=\n-----END CERTIFICATE-----\n"));
    EXPECT_TRUE(refused(
        "-----BEGIN CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nWlpa\n-----END CERTIFICATE-----\n"));
    EXPECT_FALSE(refused("-----BEGIN CERTIFICATE-----\nWlpa\n-----END CERTIFICATE-----"));
}

TEST(Pem, BundlesMayHaveTextBetween) {
    const auto bundle =
        "# one\n" + to_pem("CERTIFICATE", kDer) + "\nsubject=CN = x\n" + to_pem("CERTIFICATE", {{1, 2, 3}});
    const auto blocks = read_pem_bundle(bundle);
    ASSERT_TRUE(blocks);
    ASSERT_EQ(blocks->size(), 2U);
    EXPECT_EQ((*blocks)[1].der, (Bytes{1, 2, 3}));
    EXPECT_TRUE(read_pem_bundle("").value().empty());
    EXPECT_EQ(read_pem_bundle(bundle, 1).error().code, ErrorCode::too_large);
    EXPECT_FALSE(read_pem_bundle(bundle + "-----BEGIN CERTIFICATE-----\nWlpa\n"));
    EXPECT_FALSE(read_pem_bundle("-----END CERTIFICATE-----\n" + bundle));
}

TEST(Pem, DerFromAnyTellsTheFormsApart) {
    const Bytes der{0x30, 0x03, 0x02, 0x01, 0x07};
    const auto read = [](std::string_view text) { return der_from_any(text, {"THING"}, 64, "thing"); };
    EXPECT_EQ(read(as_text(der)).value(), der);
    EXPECT_EQ(read(to_pem("THING", der)).value(), der);
    EXPECT_EQ(read(to_base64(der)).value(), der);
    EXPECT_EQ(read("").error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(read(to_pem("OTHER", der)).error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(read("0" + std::string(64, 'x')).error().code, ErrorCode::too_large);
    EXPECT_EQ(read(to_base64(Bytes(65, 0x30))).error().code, ErrorCode::too_large);
}

}  // namespace
}  // namespace signet::pki
