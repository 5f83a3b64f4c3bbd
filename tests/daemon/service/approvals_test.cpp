#include "daemon/service/approvals.h"

#include "base/encoding.h"
#include "hsm/pki/public_key.h"
#include "hsm/pki/signature.h"
#include "tests/daemon/service/service_fixture.h"
#include "tests/support/software_crypto.h"

namespace signet::service {
namespace {

struct Person {
    explicit Person(KeyAlgorithm algorithm)
        : pair(testing::generate_pair(algorithm)), spki(testing::spki_of(pair.get())) {}
    Bytes sign(const std::string& id, Verdict verdict, const Sha256& digest) const {
        const auto key = must(pki::PublicKey::from_spki(spki));
        const auto input =
            must(pki::sign_input(key.default_algorithm(), approval_message(id, verdict, digest)));
        return must(testing::sign_with(pair.get(), key.default_algorithm(), input));
    }
    std::string line() const { return "spki:" + to_base64(spki); }
    provider::PkeyPtr pair;
    Bytes spki;
};

class ApprovalsTest : public ServiceTest {
  protected:
    ApprovalsTest() {
        synchronise();
        approvals = std::make_unique<Approvals>(Approvals::Parts{*writer, *readers, clock});
    }
    std::shared_ptr<const policy::Policy> policy(const std::string& bobs_key = {}) const {
        return must(
            policy::Policy::parse("principals:\n"
                                  "  alice: { users: [1], approval_keys: [\"" +
                                      alice.line() +
                                      "\"] }\n"
                                      "  bob: { users: [2], approval_keys: [\"" +
                                      (bobs_key.empty() ? bob.line() : bobs_key) +
                                      "\"] }\n"
                                      "  carol: { users: [3], approval_keys: [\"" +
                                      carol.line() +
                                      "\"] }\n"
                                      "  dave: { users: [4] }\n"
                                      "rules: []\n",
                                  "policy.yaml"));
    }
    static Operation operation(std::string_view body = R"({"version":1})") {
        return {"keys.destroy",
                "document",
                "POST",
                "/v1/keys/{label}/destroy",
                "/v1/keys/document/destroy",
                {{"label", "document"}},
                "",
                body,
                "alice"};
    }
    Approval ask(const Operation& what) {
        return must(approvals->request({what.principal, "request-1", soon()}, what, names("alice"), 2));
    }
    Approval ask() { return ask(operation()); }
    static std::vector<std::string> names(std::string name) { return {std::move(name)}; }
    Result<Approval> decide(const std::string& who, const Person& key, const Approval& about,
                            Verdict verdict = Verdict::approve) {
        const auto signature = key.sign(about.approval.id, verdict, about.approval.digest);
        return approvals->decide({who, "request-2", soon()}, names(who), *policy(),
                                 {about.approval.id, verdict, signature, {}});
    }
    ErrorCode refusal(const std::string& who, const Person& key, const Approval& about) {
        const auto decided = decide(who, key, about);
        return decided ? ErrorCode::internal : decided.error().code;
    }
    Result<std::unique_ptr<ApprovalUse>> grant(const Operation& what, const Approval& about,
                                               bool replay = false) {
        return approvals->grant(what, about.approval.id, 2, policy(), replay);
    }
    Status use(const ApprovalUse& approval) {
        return writer->run([&](sqlite::Transaction& transaction) { return approval.use_up(transaction); });
    }
    std::size_t refused(const std::string& action) {
        must(audit->note("system.test", "ok", "{}"));
        std::size_t count = 0;
        for (const auto& one : records(action))
            count += one.record.outcome == "refused" ? 1U : 0U;
        return count;
    }

    Person alice{KeyAlgorithm::ec_p256};
    Person bob{KeyAlgorithm::ed25519};
    Person carol{KeyAlgorithm::rsa_2048};
    std::unique_ptr<Approvals> approvals;
};

TEST_F(ApprovalsTest, TwoOthersApproveAndItIsUsedOnce) {
    const auto asked = ask();
    EXPECT_EQ(asked.approval.state, sqlite::ApprovalState::waiting);
    EXPECT_EQ(grant(operation(), asked).error().code, ErrorCode::conflict) << "nobody approved yet";
    EXPECT_EQ(must(decide("bob", bob, asked)).decisions.size(), 1U);
    EXPECT_EQ(grant(operation(), asked).error().code, ErrorCode::conflict) << "one is not enough";
    EXPECT_EQ(must(decide("carol", carol, asked)).decisions.size(), 2U);
    const auto granted = must(grant(operation(), asked));
    must(use(*granted));
    EXPECT_TRUE(granted->used());
    EXPECT_EQ(use(*granted).error().code, ErrorCode::conflict) << "a second time";
    EXPECT_EQ(grant(operation(), asked).error().code, ErrorCode::conflict) << "replayed";
    EXPECT_EQ(must(approvals->find(asked.approval.id)).approval.state, sqlite::ApprovalState::used);
    EXPECT_EQ(records("approvals.request").size(), 1U);
    EXPECT_EQ(records("approvals.approve").size(), 2U);
    ASSERT_EQ(records("approvals.use").size(), 1U);
    EXPECT_NE(records("approvals.use")[0].record.details.find("bob, carol"), std::string::npos);
}

TEST_F(ApprovalsTest, TheSameRequestWaitsOnce) {
    EXPECT_EQ(ask().approval.id, ask().approval.id);
    EXPECT_NE(ask(operation(R"({"version":2})")).approval.id, ask().approval.id);
    EXPECT_EQ(must(approvals->list(sqlite::ApprovalState::waiting, {}, 100)).size(), 2U);
}

TEST_F(ApprovalsTest, NobodyApprovesTheirOwn) {
    const auto asked = ask();
    EXPECT_EQ(refusal("alice", alice, asked), ErrorCode::permission_denied);
    // Under another name that the same connection proves, and with somebody else's session but one's own key.
    const auto signature = bob.sign(asked.approval.id, Verdict::approve, asked.approval.digest);
    const std::vector<std::string> both{"bob", "alice"};
    EXPECT_EQ(approvals
                  ->decide({"bob", "request-2", soon()}, both, *policy(),
                           {asked.approval.id, Verdict::approve, signature, {}})
                  .error()
                  .code,
              ErrorCode::permission_denied);
    EXPECT_EQ(refusal("bob", alice, asked), ErrorCode::permission_denied);
    EXPECT_EQ(refused("approvals.approve"), 3U);
}

// sudo makes anybody a user, but gives nobody their key.
TEST_F(ApprovalsTest, AUserIdAloneApprovesNothing) {
    const auto asked = ask();
    EXPECT_EQ(refusal("bob", carol, asked), ErrorCode::permission_denied) << "another's key";
    EXPECT_EQ(refusal("bob", Person(KeyAlgorithm::ed25519), asked), ErrorCode::permission_denied)
        << "unregistered";
    EXPECT_EQ(refusal("dave", bob, asked), ErrorCode::permission_denied) << "no key is registered for dave";
    EXPECT_EQ(approvals
                  ->decide({"bob", "", soon()}, names("bob"), *policy(),
                           {asked.approval.id, Verdict::approve, {}, {}})
                  .error()
                  .code,
              ErrorCode::permission_denied)
        << "no signature";
    EXPECT_EQ(must(approvals->find(asked.approval.id)).decisions.size(), 0U);
    EXPECT_EQ(refused("approvals.approve"), 4U);
}

TEST_F(ApprovalsTest, APersonCountsOnce) {
    const auto asked = ask();
    must(decide("bob", bob, asked));
    EXPECT_EQ(refusal("bob", bob, asked), ErrorCode::conflict) << "two sessions of one person";
    EXPECT_EQ(grant(operation(), asked).error().code, ErrorCode::conflict);
    // A key that two principals share is no policy at all.
    EXPECT_FALSE(policy::Policy::parse("principals: { a: { users: [1], approval_keys: [\"" + bob.line() +
                                           "\"] }, b: { users: [2], approval_keys: [\"" + bob.line() +
                                           "\"] } }\nrules: []\n",
                                       "policy.yaml"));
}

TEST_F(ApprovalsTest, ASignatureIsForOneRequestAndOneVerdict) {
    const auto first = ask();
    const auto second = ask(operation(R"({"version":2})"));
    const auto with = [&](const Bytes& signature) {
        return approvals
            ->decide({"bob", "", soon()}, names("bob"), *policy(),
                     {second.approval.id, Verdict::approve, signature, {}})
            .has_value();
    };
    EXPECT_FALSE(with(bob.sign(first.approval.id, Verdict::approve, first.approval.digest)));
    EXPECT_FALSE(with(bob.sign(first.approval.id, Verdict::approve, second.approval.digest)));
    EXPECT_FALSE(with(bob.sign(second.approval.id, Verdict::approve, first.approval.digest)));
    EXPECT_FALSE(with(bob.sign(second.approval.id, Verdict::reject, second.approval.digest)));
    EXPECT_TRUE(with(bob.sign(second.approval.id, Verdict::approve, second.approval.digest)));
}

TEST_F(ApprovalsTest, TheApprovalIsForTheVeryRequest) {
    const auto asked = ask();
    must(decide("bob", bob, asked));
    must(decide("carol", carol, asked));
    const auto refuses = [&](const Operation& other) {
        const auto granted = grant(other, asked);
        return !granted && granted.error().code == ErrorCode::permission_denied;
    };
    EXPECT_TRUE(refuses(operation(R"({"version":2})"))) << "changed body";
    EXPECT_TRUE(refuses(operation(R"({"version": 1})"))) << "to the letter";
    auto other = operation();
    other.parameters = {{"label", "root"}};
    EXPECT_TRUE(refuses(other)) << "changed path";
    other = operation();
    other.route = "/v1/keys/{label}/disable";
    EXPECT_TRUE(refuses(other)) << "changed route";
    other = operation();
    other.verb = "GET";
    EXPECT_TRUE(refuses(other)) << "changed verb";
    other = operation();
    other.query = "force=1";
    EXPECT_TRUE(refuses(other)) << "changed query";
    other = operation();
    other.principal = "carol";
    EXPECT_TRUE(refuses(other)) << "another requester";
    EXPECT_TRUE(grant(operation(), asked));
    EXPECT_EQ(approvals->grant(operation(), "nonsense", 2, policy(), false).error().code,
              ErrorCode::not_found);
}

TEST_F(ApprovalsTest, RejectedIsRejected) {
    const auto asked = ask();
    must(decide("bob", bob, asked));
    must(decide("carol", carol, asked, Verdict::reject));
    EXPECT_EQ(grant(operation(), asked).error().code, ErrorCode::permission_denied);
    EXPECT_EQ(records("approvals.reject").size(), 1U);
    EXPECT_NE(ask().approval.id, asked.approval.id) << "one may ask anew";
}

TEST_F(ApprovalsTest, ItExpires) {
    const auto asked = ask();
    must(decide("bob", bob, asked));
    must(decide("carol", carol, asked));
    const auto granted = must(grant(operation(), asked));
    clock.advance(Approvals::kLifetime);
    EXPECT_EQ(use(*granted).error().code, ErrorCode::conflict) << "between the check and the work";
    EXPECT_EQ(grant(operation(), asked).error().code, ErrorCode::permission_denied);
    const auto other = ask(operation("{}"));
    EXPECT_TRUE(approvals->expire());
    EXPECT_EQ(must(approvals->find(asked.approval.id)).approval.state, sqlite::ApprovalState::expired);
    EXPECT_EQ(must(approvals->find(other.approval.id)).approval.state, sqlite::ApprovalState::waiting);
    EXPECT_EQ(records("approvals.expire").size(), 1U);
    EXPECT_EQ(refusal("bob", bob, asked), ErrorCode::conflict);
}

TEST_F(ApprovalsTest, WhoIsNoLongerNamedByThePolicyDoesNotCount) {
    const auto asked = ask();
    must(decide("bob", bob, asked));
    must(decide("carol", carol, asked));
    const auto changed = policy(Person(KeyAlgorithm::ed25519).line());
    EXPECT_EQ(approvals->grant(operation(), asked.approval.id, 2, changed, false).error().code,
              ErrorCode::conflict);
    EXPECT_EQ(approvals->grant(operation(), asked.approval.id, 3, policy(), false).error().code,
              ErrorCode::conflict)
        << "the policy wants more by now";
}

// The work and the use of the approval are durable together, or neither is.
TEST_F(ApprovalsTest, SharesTheTransactionOfTheWork) {
    const auto asked = ask();
    must(decide("bob", bob, asked));
    must(decide("carol", carol, asked));
    Caller alices{"alice", "request-3", soon()};
    alices.approval = must(grant(operation(), asked));
    must(keys->disable(caller(), "document", 1));
    token.set_unavailable(true);
    EXPECT_FALSE(keys->destroy(alices, "document", 1));
    // The intent and the use are one transaction: what happens to the token afterwards is another story.
    EXPECT_EQ(must(approvals->find(asked.approval.id)).approval.state, sqlite::ApprovalState::used);
    EXPECT_EQ(records("keys.destroy").back().record.outcome, "intent");
    token.set_unavailable(false);
    EXPECT_EQ(keys->destroy(alices, "mac", 1).error().code, ErrorCode::conflict);
    EXPECT_TRUE(token.find_key({"mac", 1}, soon()));
}

TEST_F(ApprovalsTest, ASignatureIsNotReleasedWithoutIt) {
    const auto asked = ask();
    must(decide("bob", bob, asked));
    must(decide("carol", carol, asked));
    Caller alices{"alice", "request-3", soon()};
    alices.approval = must(grant(operation(), asked));
    const auto sign = [&] {
        return signing->sign(alices, key("document"), SignAlgorithm::es256,
                             must(input_of_data(SignAlgorithm::es256, to_bytes("x"))));
    };
    EXPECT_TRUE(sign());
    EXPECT_EQ(sign().error().code, ErrorCode::conflict);
    EXPECT_EQ(records("keys.sign").size(), 1U);
}

TEST_F(ApprovalsTest, OneRequesterCannotFillTheList) {
    for (std::uint64_t i = 0; i < Approvals::kMaxWaiting; ++i) {
        const auto body = std::to_string(i);
        ask(operation(body));
    }
    EXPECT_EQ(approvals->request(caller(), operation("one more"), names("alice"), 2).error().code,
              ErrorCode::overloaded);
}

TEST_F(ApprovalsTest, KeysThatCannotVerifyAreFound) {
    EXPECT_TRUE(check_approval_keys(*policy()));
    const Bytes nonsense{0x30, 0x20, 1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                         16,   17,   18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32};
    EXPECT_FALSE(check_approval_keys(*policy("spki:" + to_base64(nonsense))));
}

}  // namespace
}  // namespace signet::service
