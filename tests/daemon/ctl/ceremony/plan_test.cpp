// The strict reader of a ceremony's file.
#include "daemon/ctl/ceremony/plan.h"

#include <gtest/gtest.h>

namespace signet::ctl::ceremony {
namespace {

const std::string kPlan = R"(ceremony: Test
participants:
  - { name: Alice, role: officer }
  - { name: Bob, role: officer }
  - { name: Frank, role: operator }
token: { label: root, initialise: true }
keys:
  - { label: audit, algorithm: ec-p256, usages: audit }
  - { label: root.ca, algorithm: ec-p384, usages: [certify, sign] }
certificates:
  - { name: root, kind: self-signed, key: root.ca, subject: "CN=Root", profile: root-ca, validity: 10d, file: root.pem }
)";

std::string with(std::string text, const std::string& what, const std::string& by) {
    const auto at = text.find(what);
    EXPECT_NE(at, std::string::npos) << what;
    return at == std::string::npos ? text : text.replace(at, what.size(), by);
}

TEST(CeremonyPlan, ReadsWhatItSays) {
    const auto plan = parse_plan(kPlan, "/tmp/plan.yaml");
    ASSERT_TRUE(plan) << plan.error().message;
    EXPECT_EQ(plan->title, "Test");
    EXPECT_EQ(plan->having(Role::officer).size(), 2U);
    ASSERT_NE(plan->key("root.ca"), nullptr);
    EXPECT_TRUE(plan->key("root.ca")->usages.has(KeyUsage::sign));
    EXPECT_EQ(plan->certificate("root")->subject.size(), 1U);
    EXPECT_EQ(plan->sha256, sha256(as_bytes(kPlan))) << "of the file to the byte";
    EXPECT_EQ(plan->hash_hex().size(), 64U + 7U);
}

TEST(CeremonyPlan, RefusesWhatIsWrongWithItsLine) {
    const std::vector<std::pair<std::string, std::string>> changes{
        {"ceremony: Test", "ceremony: Test\nmore: 1"},
        {"role: officer }\n  - { name: Bob, role: officer }", "role: officer }"},
        {"name: Bob", "name: Alice"},
        {"role: operator", "role: witness"},
        {"label: root, initialise", "slot: 1, initialise"},
        {"label: root, initialise", "serial: abc, initialise"},
        {"usages: audit", "usages: [audit, sign]"},
        {"usages: audit", "usages: [sign]"},
        {"algorithm: ec-p384", "algorithm: ec-p521"},
        {"label: root.ca, algorithm: ec-p384", "label: Root, algorithm: ec-p384"},
        {"usages: [certify, sign] }", "usages: [certify, sign], backup: true }"},
        {"usages: [certify, sign] }", "usages: [certify, sign], extractable: true }"},
        {"usages: [certify, sign] }", "usages: [certify, sign], extractable: true, backup: true }"},
        {"key: root.ca", "key: nobody"},
        {"key: root.ca", "key: audit"},
        {"subject: \"CN=Root\"", "subject: \"Root\""},
        {"profile: root-ca", "profile: intermediate-ca"},
        {"validity: 10d", "validity: soon"},
        {"file: root.pem", "file: /etc/root.pem"},
        {"file: root.pem", "file: root.pem, csr: x"},
        {"keys:", "custody: { threshold: 2, custodians: [Alice, Bob] }\nkeys:"},
        {"keys:", "destroy: [{ label: old, version: 1, reason: old }]\nkeys:"},
    };
    for (const auto& [what, by] : changes) {
        const auto plan = parse_plan(with(kPlan, what, by), "/tmp/plan.yaml");
        ASSERT_FALSE(plan) << by;
        EXPECT_NE(plan.error().message.find("plan.yaml:"), std::string::npos) << plan.error().message;
    }
}

}  // namespace
}  // namespace signet::ctl::ceremony
