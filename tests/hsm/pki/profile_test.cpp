#include <gtest/gtest.h>

#include "base/address_prefix.h"
#include "hsm/pki/certificate.h"
#include "hsm/pki/certificate_profile.h"
#include "tests/hsm/pki/pki_fixture.h"

namespace signet::testing {
namespace {

using pki::CertificateProfile;
using pki::CertificateUsage;
using pki::GeneralNameKind;

pki::CertificateRequest csr_with(pki::Name subject, std::vector<pki::GeneralName> names = {}) {
    auto csr = pki::parse_csr(golden("csr-p256.pem")).value();
    csr.subject = std::move(subject);
    csr.extensions.alternative_names = std::move(names);
    return csr;
}

CertificateProfile strict() {
    CertificateProfile profile;
    profile.name = "strict";
    profile.subject = {{.attribute = "O", .pattern = "Example*"},
                       {.attribute = "CN", .pattern = "device *", .required = true}};
    return profile;
}

TEST(Profile, DecidesTheSubject) {
    const auto applied = pki::apply_profile(strict(), csr_with({{"CN", "device 7"}, {"O", "Example Ltd"}}));
    ASSERT_TRUE(applied) << explain(applied);
    EXPECT_EQ(applied->subject,
              (pki::Name{{"O", "Example Ltd"}, {"CN", "device 7"}}));  // the profile's order
    EXPECT_FALSE(pki::apply_profile(strict(), csr_with({{"CN", "admin"}})));
    EXPECT_FALSE(pki::apply_profile(strict(), csr_with({{"O", "Example"}})));
    EXPECT_FALSE(pki::apply_profile(strict(), csr_with({{"CN", "device 7"}, {"OU", "unlisted"}})));
    EXPECT_FALSE(pki::apply_profile(strict(), csr_with({{"CN", "device 7"}, {"CN", "admin"}})));
    auto fixed = strict();
    fixed.subject[0].value = "Always";
    EXPECT_EQ(pki::apply_profile(fixed, csr_with({{"CN", "device 7"}, {"O", "whatever"}})).value().subject,
              (pki::Name{{"O", "Always"}, {"CN", "device 7"}}));
    CertificateProfile nothing;
    nothing.name = "nothing";
    EXPECT_FALSE(pki::apply_profile(nothing, csr_with({})));
}

TEST(Profile, DecidesTheAlternativeNames) {
    auto profile = strict();
    const auto apply = [&](std::vector<pki::GeneralName> names) {
        return pki::apply_profile(profile, csr_with({{"CN", "device 7"}}, std::move(names)));
    };
    EXPECT_FALSE(apply({{GeneralNameKind::dns, "a.example"}}));  // nothing is allowed by default
    profile.alternative_names.dns = {"*.devices.example"};
    profile.alternative_names.uri = {"urn:device:*"};
    profile.alternative_names.email = {"*@example.org"};
    profile.alternative_names.ip = {"192.0.2.0/24", "2001:db8::/32"};
    EXPECT_TRUE(apply({{GeneralNameKind::dns, "A.Devices.example"},
                       {GeneralNameKind::uri, "urn:device:1"},
                       {GeneralNameKind::email, "ops@example.org"},
                       {GeneralNameKind::ip, "192.0.2.200"},
                       {GeneralNameKind::ip, "2001:db8::1"}}));
    for (const auto& [kind, value] :
         std::vector<pki::GeneralName>{{GeneralNameKind::dns, "a.b.devices.example"},
                                       {GeneralNameKind::dns, "devices.example"},
                                       {GeneralNameKind::dns, "a.devices.example.org"},
                                       {GeneralNameKind::uri, "urn:other:1"},
                                       {GeneralNameKind::email, "ops@evil.org"},
                                       {GeneralNameKind::email, "ops@x@example.org"},
                                       {GeneralNameKind::ip, "192.0.3.1"},
                                       {GeneralNameKind::ip, "2001:db9::1"}}) {
        EXPECT_FALSE(apply({{kind, value}})) << value;
    }
    EXPECT_EQ(
        apply({{GeneralNameKind::dns, "a.devices.example"}, {GeneralNameKind::dns, "a.devices.example"}})
            .value()
            .alternative_names.size(),
        1U);
    profile.alternative_names.max = 1;
    EXPECT_FALSE(
        apply({{GeneralNameKind::dns, "a.devices.example"}, {GeneralNameKind::dns, "b.devices.example"}}));
    profile.alternative_names.required = true;
    EXPECT_FALSE(apply({}));
    profile.alternative_names.refuse_others = false;
    EXPECT_EQ(apply({{GeneralNameKind::dns, "evil.example"}, {GeneralNameKind::dns, "a.devices.example"}})
                  .value()
                  .alternative_names.size(),
              1U);
}

TEST(Profile, DecidesKeyTypesAndCas) {
    auto profile = strict();
    profile.key_types = {"ec-p384"};
    EXPECT_EQ(pki::apply_profile(profile, csr_with({{"CN", "device 7"}})).error().code,
              ErrorCode::unprocessable);
    profile.key_types = {"ec-p384", "ec-p256"};
    EXPECT_TRUE(pki::apply_profile(profile, csr_with({{"CN", "device 7"}})));
    auto csr = csr_with({{"CN", "device 7"}});
    csr.extensions.certificate_authority = true;
    EXPECT_EQ(pki::apply_profile(profile, csr).error().code, ErrorCode::unprocessable);
}

TEST(Profile, ContradictionsAreRefused) {
    for (const auto& profile :
         {pki::root_ca_profile(), pki::intermediate_ca_profile(), pki::ocsp_responder_profile(),
          pki::tls_server_profile(), pki::document_signing_profile(), strict()}) {
        EXPECT_TRUE(pki::check_profile(profile)) << profile.name << explain(pki::check_profile(profile));
    }
    const auto wrong = [](const std::function<void(CertificateProfile&)>& change) {
        auto profile = strict();
        change(profile);
        const auto checked = pki::check_profile(profile);
        return !checked && checked.error().code == ErrorCode::invalid_argument;
    };
    EXPECT_TRUE(wrong([](auto& p) { p.validity = std::chrono::seconds(0); }));
    EXPECT_TRUE(wrong([](auto& p) { p.key_usage = bit(CertificateUsage::key_cert_sign); }));
    EXPECT_TRUE(wrong([](auto& p) { p.certificate_authority = true; }));
    EXPECT_TRUE(wrong([](auto& p) { p.path_length = 1; }));
    EXPECT_TRUE(wrong([](auto& p) { p.key_usage = bit(CertificateUsage::crl_sign); }));
    EXPECT_TRUE(wrong([](auto& p) { p.key_usage = 0; }));
    EXPECT_TRUE(wrong([](auto& p) { p.extended_key_usage = {"everything"}; }));
    EXPECT_TRUE(wrong([](auto& p) { p.any_subject = true; }));
    EXPECT_TRUE(wrong([](auto& p) { p.subject[0].attribute = "Organisation"; }));
    EXPECT_TRUE(wrong([](auto& p) { p.alternative_names.ip = {"192.0.2.0/33"}; }));
    EXPECT_TRUE(wrong([](auto& p) { p.crl_distribution_points = {"ftp://x"}; }));
    EXPECT_TRUE(wrong([](auto& p) { p.policies = {"any"}; }));
}

TEST(Profile, GlobsMatchWhole) {
    EXPECT_TRUE(pki::glob_match("*", ""));
    EXPECT_TRUE(pki::glob_match("a*c*e", "abcde"));
    EXPECT_TRUE(pki::glob_match("*ab", "aab"));
    EXPECT_FALSE(pki::glob_match("a*c", "abcd"));
    EXPECT_FALSE(pki::glob_match("", "a"));
    EXPECT_TRUE(pki::glob_match("*.example", "a.example", "."));
    EXPECT_FALSE(pki::glob_match("*.example", "a.b.example", "."));
    EXPECT_TRUE(pki::glob_match("*.*.example", "a.b.example", "."));
    EXPECT_FALSE(pki::glob_match(std::string(60, '*') + "b", std::string(2000, 'a')));  // and in a moment
}

TEST(Profile, NamesOfUsages) {
    EXPECT_EQ(pki::certificate_usage_from("digitalSignature"), CertificateUsage::digital_signature);
    EXPECT_EQ(pki::certificate_usage_from("contentCommitment"),
              pki::certificate_usage_from("nonRepudiation"));
    EXPECT_FALSE(pki::certificate_usage_from("DigitalSignature"));
    EXPECT_EQ(pki::to_strings(pki::root_ca_profile().key_usage),
              (std::vector<std::string>{"digitalSignature", "keyCertSign", "cRLSign"}));
    EXPECT_EQ(pki::extended_key_usage_from("OCSPSigning").value(), "1.3.6.1.5.5.7.3.9");
    EXPECT_EQ(pki::extended_key_usage_from("1.2.3.4").value(), "1.2.3.4");
    EXPECT_FALSE(pki::extended_key_usage_from("1.2.x"));
}

TEST(AddressPrefix, Contains) {
    const auto prefix = AddressPrefix::parse("192.0.2.128/25");
    ASSERT_TRUE(prefix);
    EXPECT_TRUE(prefix->contains("192.0.2.129"));
    EXPECT_FALSE(prefix->contains("192.0.2.127"));
    EXPECT_FALSE(prefix->contains("::ffff:192.0.2.129"));
    EXPECT_FALSE(prefix->contains("x"));
    EXPECT_TRUE(AddressPrefix::parse("::1")->contains("0:0:0:0:0:0:0:1"));
    for (const char* text :
         {"", "192.0.2", "192.0.2.0/", "192.0.2.0/-1", "192.0.2.0/33", "::/129", "1.2.3.4/8x"})
        EXPECT_FALSE(AddressPrefix::parse(text)) << text;
}

}  // namespace
}  // namespace signet::testing
