#include "daemon/service/authorities.h"

#include <fstream>

#include "base/encoding.h"
#include "base/file.h"
#include "hsm/pki/chain.h"
#include "hsm/pki/crl.h"
#include "hsm/pki/csr.h"
#include "hsm/pki/ocsp.h"
#include "hsm/pki/pem.h"
#include "tests/daemon/service/service_fixture.h"

namespace signet::service {
namespace {

class AuthoritiesTest : public ServiceTest {
  protected:
    AuthoritiesTest() {
        token.make("device.ocsp", KeyAlgorithm::ec_p256, KeyUsage::certify);
        token.make("client", KeyAlgorithm::ec_p256, KeyUsage::sign);
        synchronise();
        ca = self_sign(1);
        certificate_file("ca.pem", ca.pem());
        settings.label = "device.ca";
        settings.certificates = {directory / "ca.pem"};
        settings.crl.file = directory / "device.crl";
        config::Profile profile;
        profile.name = "device";
        profile.validity = std::chrono::days(365);
        profile.key_types = {KeyAlgorithm::ec_p256, KeyAlgorithm::rsa_2048};
        profile.subject = {{"O", "*", false}, {"CN", "device-*", true}};
        profile.alternative_names = {{"dns", {"*.devices.example"}}};
        profile.key_usage = {"digitalSignature"};
        profile.extended_key_usage = {"clientAuth"};
        settings.profiles.emplace("device", profile);
        load();
    }

    pki::Certificate self_sign(std::uint32_t version) {
        const auto info = must(keys->find("device.ca"))->find(version)->info();
        return must(pki::self_sign(must(library->load(info, KeyUsage::certify)), pki::root_ca_profile(),
                                   {{"CN", "Device CA"}}, {.now = clock.now()}, soon()));
    }
    void certificate_file(const std::string& name, const std::string& pem) {
        must(write_file_atomic(directory / name, as_bytes(pem), 0600));
    }
    void load() { authorities->replace(must(load_authorities({{"device.ca", settings}}))); }
    std::string csr(const std::string& common_name, std::vector<pki::GeneralName> names = {}) {
        const auto client = must(library->load(key("client")->info(), KeyUsage::sign));
        return pki::to_pem("CERTIFICATE REQUEST",
                           must(pki::make_csr(client, {{"CN", common_name}}, names, soon())));
    }
    IssuedCertificate issue(const std::string& common_name = "device-1") {
        const auto request = csr(common_name);
        return must(authorities->issue(caller(), "device.ca", {request, "device", {}, nullptr}));
    }
    ErrorCode refusal(const std::string& request, const policy::CsrConstraints* constraints = nullptr,
                      std::string_view profile = "device") {
        const auto issued = authorities->issue(caller(), "device.ca", {request, profile, {}, constraints});
        return issued ? ErrorCode::internal : issued.error().code;
    }
    pki::Crl crl() {
        return must(pki::Crl::parse(as_text(must(authorities->crl(caller(), "device.ca", {})).der)));
    }
    OcspReply ask(const std::string& pem, std::optional<Bytes> nonce = {}) {
        const auto request = must(pki::make_ocsp_request(must(pki::Certificate::parse(pem)), ca, nonce));
        return must(authorities->ocsp(caller(), "device.ca", request));
    }

    pki::Certificate ca = must(pki::Certificate::parse(placeholder()));
    config::CertificateAuthority settings;

  private:
    // A Certificate has no empty state; the constructor replaces this one at once.
    std::string placeholder() {
        synchronise();
        return self_sign(1).pem();
    }
};

TEST_F(AuthoritiesTest, IssuesWhatTheProfileSays) {
    const auto issued = issue();
    const auto certificate = must(pki::Certificate::parse(issued.pem));
    EXPECT_TRUE(certificate.signed_by(ca));
    EXPECT_EQ(certificate.subject_text(), "CN=device-1");
    EXPECT_EQ(issued.serial.size(), 32U);
    EXPECT_TRUE(pki::verify_chain(certificate, {}, {ca}, {.now = clock.now()}));
    ASSERT_EQ(issued.chain.size(), 1U);
    EXPECT_EQ(issued.chain[0], ca.pem());
    const auto row = must(authorities->find("device.ca", issued.serial));
    EXPECT_EQ(row.requester, "tester");
    const auto trail = records("ca.issue");
    ASSERT_EQ(trail.size(), 1U);
    EXPECT_EQ(trail[0].record.sequence, issued.audit);
    EXPECT_NE(trail[0].record.details.find(issued.serial), std::string::npos);
    EXPECT_NE(issue().serial, issued.serial);
}

TEST_F(AuthoritiesTest, RefusesWhatTheProfileDoesNotAllow) {
    EXPECT_EQ(refusal("nonsense"), ErrorCode::invalid_argument);
    EXPECT_EQ(refusal(csr("server-1")), ErrorCode::unprocessable);
    EXPECT_EQ(refusal(csr("device-1", {{pki::GeneralNameKind::dns, "evil.example"}})),
              ErrorCode::unprocessable);
    EXPECT_EQ(refusal(csr("device-1"), nullptr, "nobody"), ErrorCode::unprocessable);
    EXPECT_EQ(authorities->issue(caller(), "other.ca", {"", "device", {}, nullptr}).error().code,
              ErrorCode::not_found);
    EXPECT_TRUE(records("ca.issue").empty());
}

TEST_F(AuthoritiesTest, TheRulesConstraintsNarrowTheProfileAndTheRefusalIsRecorded) {
    policy::CsrConstraints constraints;
    constraints.subject = {{"CN", "device-7"}};
    EXPECT_EQ(refusal(csr("device-1"), &constraints), ErrorCode::unprocessable);
    must(audit->note("system.test", "ok", "{}"));
    ASSERT_EQ(records("ca.issue").size(), 1U);
    EXPECT_EQ(records("ca.issue")[0].record.outcome, "refused");
    const auto request = csr("device-7");
    EXPECT_TRUE(authorities->issue(caller(), "device.ca", {request, "device", {}, &constraints}));
    constraints.max_validity = std::chrono::days(1);
    EXPECT_EQ(refusal(request, &constraints), ErrorCode::unprocessable);
    EXPECT_TRUE(
        authorities->issue(caller(), "device.ca", {request, "device", std::chrono::hours(12), &constraints}));
}

TEST_F(AuthoritiesTest, MoreWorkSharesTheTransaction) {
    const auto request = csr("device-1");
    const auto issued =
        authorities->issue(caller(), "device.ca", {request, "device", {}, nullptr},
                           [](sqlite::Transaction&, const IssuedCertificate&) -> Status {
                               return fail(ErrorCode::conflict, "the answer could not be kept");
                           });
    EXPECT_EQ(issued.error().code, ErrorCode::conflict);
    EXPECT_TRUE(records("ca.issue").empty());
}

TEST_F(AuthoritiesTest, ARevocationIsOnTheNextCrlAndInOcspAtOnce) {
    const auto issued = issue();
    const auto before = crl();
    EXPECT_FALSE(before.find(issued.serial));
    EXPECT_TRUE(before.signed_by(ca));
    clock.advance(std::chrono::minutes(1));
    must(authorities->revoke(caller(), "device.ca", issued.serial, sqlite::RevocationReason::key_compromise));
    EXPECT_EQ(authorities->revoke(caller(), "device.ca", issued.serial, sqlite::RevocationReason::superseded)
                  .error()
                  .code,
              ErrorCode::conflict);
    const auto after = crl();
    ASSERT_TRUE(after.find(issued.serial));
    EXPECT_EQ(after.find(issued.serial)->reason, pki::RevocationReason::key_compromise);
    EXPECT_GT(*after.number(), *before.number());
    EXPECT_EQ(
        authorities->revoke(caller(), "device.ca", "00", sqlite::RevocationReason::unspecified).error().code,
        ErrorCode::not_found);
    // The file is written with each list.
    EXPECT_EQ(to_bytes(must(read_file(settings.crl.file))), after.der());
}

TEST_F(AuthoritiesTest, ACrlIsCachedUntilItsTime) {
    const auto first = crl();
    clock.advance(std::chrono::hours(1));
    EXPECT_EQ(crl().der(), first.der());
    EXPECT_TRUE(authorities->renew_crls(std::chrono::seconds(10)));
    EXPECT_EQ(crl().der(), first.der());
    clock.advance(std::chrono::days(1));
    EXPECT_TRUE(authorities->renew_crls(std::chrono::seconds(10)));
    EXPECT_NE(crl().der(), first.der());
    EXPECT_EQ(records("ca.publish").size(), 2U);
}

TEST_F(AuthoritiesTest, ARevocationBeforeACrashIsNotForgotten) {
    const auto issued = issue();
    crl();
    clock.advance(std::chrono::minutes(1));
    must(authorities->revoke(caller(), "device.ca", issued.serial, sqlite::RevocationReason::unspecified));
    close();
    open();
    load();
    EXPECT_TRUE(crl().find(issued.serial));
}

TEST_F(AuthoritiesTest, WithoutTheTokenTheOldCrlIsServedAndAlarmedAbout) {
    const auto first = crl();
    token.set_unavailable(true);
    clock.advance(std::chrono::days(5) + std::chrono::hours(1));
    EXPECT_FALSE(authorities->renew_crls(std::chrono::seconds(1)));
    EXPECT_EQ(crl().der(), first.der());
    EXPECT_GE(authorities->alarms().size(), 2U);
    clock.advance(std::chrono::days(2));
    EXPECT_EQ(authorities->crl(caller(), "device.ca", {}).error().code, ErrorCode::token_unavailable);
}

TEST_F(AuthoritiesTest, OcspAnswersAreSignedRecordedAndCached) {
    const auto issued = issue();
    const auto reply = ask(issued.pem);
    ASSERT_TRUE(reply.next_update);
    EXPECT_EQ(records("ca.ocsp").size(), 1U);
    EXPECT_EQ(ask(issued.pem).der, reply.der);
    EXPECT_EQ(records("ca.ocsp").size(), 1U) << "the second answer came from the cache";
    EXPECT_NE(ask(issued.pem, Bytes(16, 7)).der, reply.der);
    EXPECT_FALSE(ask(issued.pem, Bytes(16, 7)).next_update);
    must(authorities->revoke(caller(), "device.ca", issued.serial, sqlite::RevocationReason::unspecified));
    EXPECT_NE(ask(issued.pem).der, reply.der) << "a revocation must not wait for the cache";
    EXPECT_NE(records("ca.ocsp").back().record.details.find("revoked"), std::string::npos);
}

// A stranger who sends a fresh nonce each time, or serial numbers out of the air, costs neither signatures nor records.
TEST_F(AuthoritiesTest, StrangersCannotHaveOcspAnswersSignedWithoutBound) {
    const auto ask_as_stranger = [&](const Bytes& request) {
        const Caller stranger{"public", "request-2", soon()};
        return must(authorities->ocsp(stranger, "device.ca", request)).der;
    };
    const auto request_for = [&](const std::string& pem, std::optional<Bytes> nonce) {
        return must(pki::make_ocsp_request(must(pki::Certificate::parse(pem)), ca, nonce));
    };
    const auto issued = issue();
    const auto first = ask_as_stranger(request_for(issued.pem, Bytes(16, 1)));
    EXPECT_EQ(ask_as_stranger(request_for(issued.pem, Bytes(16, 2))), first);
    EXPECT_EQ(ask_as_stranger(request_for(issued.pem, {})), first);
    EXPECT_EQ(records("ca.ocsp").size(), 1U);
    // The CA's own certificate is none that it issued by its register.
    EXPECT_EQ(ask_as_stranger(request_for(ca.pem(), {})), pki::ocsp_error(pki::OcspError::unauthorized));
    EXPECT_EQ(records("ca.ocsp").size(), 1U);

    settings.ocsp.public_signatures = 2;
    load();
    clock.advance(std::chrono::seconds(5));
    const auto try_later = pki::ocsp_error(pki::OcspError::try_later);
    EXPECT_NE(ask_as_stranger(request_for(issue("device-2").pem, {})), try_later);
    EXPECT_NE(ask_as_stranger(request_for(issue("device-3").pem, {})), try_later);
    const auto third = issue("device-4");
    EXPECT_EQ(ask_as_stranger(request_for(third.pem, {})), try_later);
    EXPECT_TRUE(ask(third.pem).next_update) << "known callers have the rates of their rules";
    clock.advance(std::chrono::seconds(1));
    EXPECT_NE(ask_as_stranger(request_for(third.pem, {})), try_later);

    authorities->summarise_ocsp();
    authorities->summarise_ocsp();
    EXPECT_EQ(records("ca.ocsp").back().record.details, R"({"from_cache":3,"unknown":1,"over_rate":1})");
    EXPECT_EQ(records("ca.ocsp").size(), 5U) << "four that were signed, and the summary";
}

TEST_F(AuthoritiesTest, OcspErrorsAreAnswersToo) {
    EXPECT_EQ(must(authorities->ocsp(caller(), "device.ca", as_bytes("junk"))).der,
              pki::ocsp_error(pki::OcspError::malformed_request));
    const auto issued = issue();
    token.set_unavailable(true);
    EXPECT_EQ(ask(issued.pem).der, pki::ocsp_error(pki::OcspError::try_later));
    EXPECT_EQ(authorities->ocsp(caller(), "nobody", {}).error().code, ErrorCode::not_found);
}

TEST_F(AuthoritiesTest, ADelegatedResponderAnswers) {
    const auto info = must(keys->find("device.ocsp"))->shown().info();
    const auto responder_key = must(library->load(info, KeyUsage::certify));
    const auto request = must(pki::PublicKey::from_spki(responder_key.public_key()));
    const auto ca_key = must(library->load(must(keys->find("device.ca"))->shown().info(), KeyUsage::certify));
    const auto responder = must(pki::issue(ca_key, ca, pki::ocsp_responder_profile(),
                                           {request, {{"CN", "OCSP"}}, {}}, {.now = clock.now()}, soon()));
    certificate_file("ocsp.pem", responder.pem());
    settings.ocsp.key = "device.ocsp";
    settings.ocsp.certificates = {directory / "ocsp.pem"};
    load();
    const auto reply = ask(issue().pem);
    // The delegated certificate travels with the answer.
    const auto& der = responder.der();
    EXPECT_NE(std::search(reply.der.begin(), reply.der.end(), der.begin(), der.end()), reply.der.end());
}

TEST_F(AuthoritiesTest, CertificatesOfAnOlderKeyVersionKeepWorking) {
    const auto old_certificate = issue();
    must(keys->rotate(caller(), "device.ca", false));
    // Not issued with until its certificate is configured.
    must(keys->activate(caller(), "device.ca", 2));
    const auto request = csr("device-2");
    EXPECT_EQ(refusal(request), ErrorCode::failed_precondition);
    const auto new_ca = self_sign(2);
    certificate_file("ca2.pem", new_ca.pem());
    settings.certificates.push_back(directory / "ca2.pem");
    load();
    const auto new_certificate = issue("device-2");
    EXPECT_TRUE(must(pki::Certificate::parse(new_certificate.pem)).signed_by(new_ca));

    must(authorities->revoke(caller(), "device.ca", old_certificate.serial,
                             sqlite::RevocationReason::superseded));
    EXPECT_TRUE(authorities->renew_crls(std::chrono::seconds(10)));
    const auto old_crl = must(pki::Crl::parse(as_text(must(authorities->crl(caller(), "device.ca", 1)).der)));
    EXPECT_TRUE(old_crl.signed_by(ca));
    EXPECT_TRUE(old_crl.find(old_certificate.serial));
    EXPECT_TRUE(crl().signed_by(new_ca));
    EXPECT_FALSE(crl().find(old_certificate.serial));
    EXPECT_TRUE(std::filesystem::exists(directory / "device.1.crl"));
    const auto reply = ask(old_certificate.pem);
    EXPECT_TRUE(reply.next_update);
}

TEST_F(AuthoritiesTest, AWrongFileIsNamed) {
    certificate_file("ca.pem", "nonsense");
    const auto loaded = load_authorities({{"device.ca", settings}});
    ASSERT_FALSE(loaded);
    EXPECT_NE(loaded.error().message.find("ca.pem"), std::string::npos);
}

}  // namespace
}  // namespace signet::service
