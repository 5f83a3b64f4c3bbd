#include "policy/csr_constraints.h"

#include <gtest/gtest.h>

namespace signet::policy {
namespace {

CsrConstraints device() {
    CsrConstraints constraints;
    constraints.subject = {{"CN", "device-*"}, {"OU", "*"}};
    constraints.key_types = {"ec-p256"};
    constraints.max_validity = std::chrono::hours(24 * 365);
    constraints.profiles = {"device"};
    return constraints;
}

CsrFacts facts() {
    return {.subject = {{"CN", "device-7"}},
            .sans = {},
            .key_type = "ec-p256",
            .validity = std::chrono::hours(24),
            .profile = "device"};
}

std::string refusal(const CsrConstraints& constraints, const CsrFacts& of) {
    const auto status = check_csr(constraints, of);
    if (status) return "";
    EXPECT_EQ(status.error().code, ErrorCode::unprocessable);
    return status.error().message;
}

TEST(CsrConstraintsTest, AllowsWhatTheRuleSays) {
    EXPECT_EQ(refusal(device(), facts()), "");
    auto with_unit = facts();
    with_unit.subject.emplace_back("OU", "anything");
    EXPECT_EQ(refusal(device(), with_unit), "");
}

TEST(CsrConstraintsTest, Subject) {
    auto wrong = facts();
    wrong.subject = {{"CN", "server-7"}};
    EXPECT_NE(refusal(device(), wrong).find("'server-7' does not match 'device-*'"), std::string::npos);
    wrong.subject = {{"CN", "device-1"}, {"CN", "admin"}};
    EXPECT_NE(refusal(device(), wrong), "") << "each value of an attribute counts";
    wrong.subject = {{"CN", "device-1"}, {"O", "x"}};
    EXPECT_NE(refusal(device(), wrong).find("may not contain 'O'"), std::string::npos);
    wrong.subject = {{"OU", "x"}};
    EXPECT_NE(refusal(device(), wrong).find("lacks CN"), std::string::npos);
    wrong.subject = {{"CN", "a\nb" + std::string(1000, 'x')}};
    const auto message = refusal(device(), wrong);
    EXPECT_EQ(message.find('\n'), std::string::npos);
    EXPECT_LT(message.size(), 300U);

    auto any = device();
    any.any_subject = true;
    EXPECT_EQ(refusal(any, wrong), "");
    CsrConstraints none;
    EXPECT_NE(refusal(none, facts()), "") << "without patterns, the subject must be empty";
}

TEST(CsrConstraintsTest, AlternativeNames) {
    auto named = facts();
    named.sans = {"dns:a.example", "dns:b.example"};
    EXPECT_EQ(refusal(device(), named), "") << "left to the profile";
    auto constraints = device();
    constraints.sans = {"dns:*.example"};
    EXPECT_EQ(refusal(constraints, named), "");
    named.sans.push_back("dns:evil.test");
    EXPECT_NE(refusal(constraints, named), "");
    constraints.sans = std::vector<std::string>{};
    EXPECT_NE(refusal(constraints, named), "") << "none is allowed";
}

TEST(CsrConstraintsTest, KeyValidityProfile) {
    auto wrong = facts();
    wrong.key_type = "rsa-2048";
    EXPECT_NE(refusal(device(), wrong).find("use ec-p256"), std::string::npos);
    wrong = facts();
    wrong.validity = std::chrono::hours(24 * 365) + std::chrono::seconds(1);
    EXPECT_NE(refusal(device(), wrong).find("31536000 s"), std::string::npos);
    wrong.validity -= std::chrono::seconds(1);
    EXPECT_EQ(refusal(device(), wrong), "");
    wrong = facts();
    wrong.profile = "server";
    EXPECT_NE(refusal(device(), wrong).find("use device"), std::string::npos);
}

}  // namespace
}  // namespace signet::policy
