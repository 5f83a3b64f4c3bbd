// Messages that jose (npm) and openssl made (tests/data/mosip/make.mjs), read as those of a device.
#include <gtest/gtest.h>

#include <filesystem>

#include "base/encoding.h"
#include "base/file.h"
#include "daemon/api/mosip/registration.h"
#include "hsm/pki/csr.h"

namespace signet::api::mosip {
namespace {

const auto kNow = *from_rfc3339("2026-11-30T12:00:00Z");
const auto kSigned = *from_rfc3339("2026-03-01T12:00:10Z");  // what the messages say

std::string read(const std::string& name) {
    return read_file(std::filesystem::path(SIGNET_TEST_DATA) / name).value();
}

Trust vendor() {
    return {{*pki::Certificate::parse(read("root.pem"))}, std::nullopt};
}

Result<DeviceRequest> message(const std::string& name, Operation operation) {
    SIGNET_ASSIGN(const auto parts, parse_body(read(name)));
    EXPECT_EQ(parts.first, operation);
    SIGNET_ASSIGN(const auto jws, verify_jws(parts.second, vendor(), kNow));
    SIGNET_ASSIGN(auto payload, JsonObject::parse(as_text(jws.payload)));
    SIGNET_ASSIGN(auto request, parse_payload(operation, std::move(payload)));
    request.trust = vendor();
    return request;
}

TEST(MosipGolden, SnapshotsAreRead) {
    for (const auto* name : {"snapshot.json", "snapshot-wrapped-x5c.json"}) {
        const auto request = message(name, Operation::snapshot);
        ASSERT_TRUE(request) << name << ": " << request.error().message;
        EXPECT_EQ(request->serial_number, "SN-G");
        EXPECT_EQ(request->provider_id, "GOLDEN");
        EXPECT_EQ(request->device_code, "");
        EXPECT_EQ(request->host_os, "Android");
    }
    EXPECT_TRUE(message("encryption.json", Operation::encryption_certificate));
}

TEST(MosipGolden, RotationsHoldARequest) {
    const auto request = message("rotation.json", Operation::key_rotation);
    ASSERT_TRUE(request) << request.error().message;
    const auto csr = pki::parse_csr(*request->payload.text("csrData", pki::kMaxCsrSize));
    ASSERT_TRUE(csr) << csr.error().message;
    EXPECT_EQ(csr->public_key.name(), "rsa-2048");
}

TEST(MosipGolden, RegistrationsAreReadToTheDigitalId) {
    const auto request = message("registration.json", Operation::registration);
    ASSERT_TRUE(request) << request.error().message;
    const std::chrono::minutes window{15};
    // The certificates are younger than the messages' time: nothing that is nested may be older than its certificate.
    EXPECT_FALSE(read_registration(*request, kSigned, window));
    const auto wide = read_registration(*request, kNow, std::chrono::hours{24 * 366});
    ASSERT_TRUE(wide) << wide.error().message;
    EXPECT_EQ(wide->id, "io.mosip.deviceregister");
    EXPECT_NE(wide->device_data.find("deviceInfo"), std::string::npos);
    EXPECT_FALSE(read_registration(*request, kNow, window)) << "too old";
    auto other = *request;
    other.serial_number = "SN-H";
    EXPECT_FALSE(read_registration(other, kNow, std::chrono::hours{24 * 366})) << "about another device";
    other = *request;
    other.trust.anchors.clear();
    EXPECT_FALSE(read_registration(other, kNow, std::chrono::hours{24 * 366})) << "nobody is trusted";
}

TEST(MosipGolden, AForeignKeyAndAChangedByteAreRefused) {
    const auto compact = parse_body(read("snapshot.json"))->second;
    EXPECT_TRUE(verify_jws(compact, vendor(), kNow));
    EXPECT_FALSE(verify_jws(compact, Trust{}, kNow));
    const auto before = *from_rfc3339("2020-01-01T00:00:00Z");
    EXPECT_FALSE(verify_jws(compact, vendor(), before)) << "not valid yet";
    for (const auto at : {compact.find('.') + 5, compact.rfind('.') + 5}) {
        auto changed = compact;
        changed[at] = changed[at] == 'A' ? 'B' : 'A';
        EXPECT_FALSE(verify_jws(changed, vendor(), kNow));
    }
}

}  // namespace
}  // namespace signet::api::mosip
