#include "daemon/service/attestation.h"

#include "tests/daemon/service/service_fixture.h"

namespace signet::service {
namespace {

class AttestationTest : public ServiceTest {
  protected:
    AttestationTest() { synchronise(); }
    Attestation attest_document(std::uint32_t version = 1) {
        return must(attest(token, *keys, *audit, caller(), "document", version));
    }
    pki::PublicKey audit_key() {
        return must(pki::PublicKey::from_spki(must(keys->find("audit"))->shown().public_key));
    }
};

TEST_F(AttestationTest, SaysWhatTheTokenReportsAndIsVerifiedWithTheAuditKeyAlone) {
    const auto made = attest_document();
    must(audit->note("system.test", "ok", "{}"));
    const auto text = to_json(made);
    const auto verified = must(verify_attestation(text, audit_key()));
    EXPECT_NE(verified.statement.find(R"("CKA_SENSITIVE":true)"), std::string::npos) << verified.statement;
    EXPECT_NE(verified.statement.find(R"("present":true)"), std::string::npos);
    EXPECT_EQ(verified.audit_key, "audit/1");
    EXPECT_EQ(verified.time, clock.now());
    ASSERT_EQ(records("keys.attest").size(), 1U);
    EXPECT_EQ(records("keys.attest")[0].record.details, verified.statement);
}

TEST_F(AttestationTest, EachChangeIsFound) {
    const auto text = to_json(attest_document());
    const auto changed = [&](std::string_view what, std::string_view by) {
        auto other = text;
        const auto at = other.find(what);
        EXPECT_NE(at, std::string::npos) << what;
        other.replace(at, what.size(), by);
        return verify_attestation(other, audit_key());
    };
    EXPECT_FALSE(changed(R"(CKA_EXTRACTABLE\":false)", R"(CKA_EXTRACTABLE\":true)"));
    EXPECT_FALSE(changed("document", "dokument"));
    EXPECT_FALSE(changed(R"("seq":)", R"("seq":1)"));
    EXPECT_FALSE(changed("tester", "nobody"));
    EXPECT_FALSE(changed("signet-attestation-1", "signet-attestation-2"));
    const auto other_key = must(pki::PublicKey::from_spki(must(keys->find("document"))->shown().public_key));
    EXPECT_EQ(verify_attestation(text, other_key).error().code, ErrorCode::unprocessable);
    EXPECT_EQ(verify_attestation("{}", audit_key()).error().code, ErrorCode::invalid_argument);
}

TEST_F(AttestationTest, ProvesThatADestroyedKeyIsGone) {
    must(keys->disable(caller(), "document", 1));
    must(keys->destroy(caller(), "document", 1));
    const auto verified = must(verify_attestation(to_json(attest_document()), audit_key()));
    EXPECT_NE(verified.statement.find(R"("present":false)"), std::string::npos);
    EXPECT_NE(verified.statement.find("public_key_sha256"), std::string::npos) << "which key it was";
    EXPECT_EQ(attest(token, *keys, *audit, caller(), "document", 7).error().code, ErrorCode::not_found);
}

// Another record of the chain that is signed the same way says nothing about a key.
TEST_F(AttestationTest, OtherRecordsAreNoAttestations) {
    sqlite::AuditRecord record;
    record.principal = "tester";
    record.action = "keys.sign";
    record.object = "document/1";
    record.outcome = "ok";
    record.details = R"({"present":true})";
    Attestation made = attest_document();
    made.record = must(audit->append_signed(record, soon()));
    EXPECT_EQ(verify_attestation(to_json(made), audit_key()).error().code, ErrorCode::unprocessable);
}

}  // namespace
}  // namespace signet::service
