// What happens at the very moment of a destruction, of a login, and around the audit chain's anchor.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "tests/hsm/token/operations_fake.h"

namespace signet::token {
namespace {

// Another lane asks for the key at the very moment in which it is destroyed.
TEST_F(OperationsFake, AKeyThatIsBeingDestroyedDoesNotComeBack) {
    for (const bool with_copies : {true, false}) {
        copies = with_copies;
        operations.reset();
        open();
        ASSERT_TRUE(make("one"));
        ASSERT_TRUE(make("two"));
        ASSERT_TRUE(sign("one"));
        std::optional<Result<Bytes>> meanwhile;
        std::optional<Result<Bytes>> other;
        fake.on_call = [&](std::string_view name) {
            if (name != "C_DestroyObject" || meanwhile) return;
            meanwhile.emplace(std::unexpected(Error{}));  // once
            meanwhile = sign("one");
            (void)operations->list_keys(soon());
            other = sign("two");
        };
        ASSERT_TRUE(operations->destroy_key({"one", 1}, soon()));
        fake.on_call = {};
        ASSERT_TRUE(meanwhile);
        EXPECT_EQ(meanwhile->error().code, ErrorCode::conflict);
        EXPECT_TRUE(*other) << "others go on";
        EXPECT_EQ(sign("one").error().code, ErrorCode::not_found);
        EXPECT_TRUE(sign("two"));
        ASSERT_TRUE(make("one")) << "the name is free again";
        EXPECT_TRUE(sign("one"));
        ASSERT_TRUE(operations->destroy_key({"one", 1}, soon()));
        ASSERT_TRUE(operations->destroy_key({"two", 1}, soon()));
    }
}

TEST_F(OperationsFake, ASearchThatBeganBeforeADestructionIsMadeAgain) {
    open();
    ASSERT_TRUE(make("one"));
    ASSERT_TRUE(make("two"));
    int searches = 0;
    fake.on_call = [&](std::string_view name) {
        // The search has the key's handle already.
        if (name != "C_FindObjectsFinal" || ++searches != 1) return;
        EXPECT_TRUE(operations->destroy_key({"one", 1}, soon()));
    };
    const auto listed = operations->list_keys(soon());
    fake.on_call = {};
    ASSERT_TRUE(listed);
    EXPECT_EQ(std::ranges::count(*listed, KeyId{"one", 1}, &KeyInfo::id), 0);
    EXPECT_EQ(std::ranges::count(*listed, KeyId{"two", 1}, &KeyInfo::id), 1);
}

TEST_F(OperationsFake, ADamagedAnchorIsNotTakenForNone) {
    open();
    ASSERT_TRUE(make("audit", KeyAlgorithm::ec_p256, KeyUsage::audit));
    const auto anchor = [&](std::uint64_t sequence, std::uint64_t previous) {
        return operations->sign_checkpoint({{"audit", 1}, sequence, {}, previous, {}}, soon());
    };
    ASSERT_TRUE(anchor(7, 0));
    const auto damage = [&] {
        for (auto& [handle, object] : fake.objects) {
            const auto label = object.find(CKA_LABEL);
            if (label != object.end() && as_text(label->second) == "signet.audit.anchor")
                object[CKA_VALUE].back() ^= 1;
        }
    };
    damage();
    EXPECT_EQ(operations->read_anchor(soon()).error().code, ErrorCode::conflict);
    EXPECT_EQ(anchor(8, 7).error().code, ErrorCode::conflict);
    EXPECT_EQ(anchor(8, 0).error().code, ErrorCode::conflict)
        << "and not the first checkpoint of a new chain";

    const auto done = operations->re_anchor({7, {}}, "the vault's officers, ticket 4711");
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(done->before, "a damaged anchor");
    EXPECT_NE(done->trace.find("ticket 4711"), std::string::npos);
    EXPECT_EQ((*operations->read_anchor(soon()))->sequence, 7U);
    EXPECT_TRUE(anchor(8, 7));
    EXPECT_EQ(std::ranges::count_if(fake.objects,
                                    [](const auto& entry) {
                                        const auto label = entry.second.find(CKA_LABEL);
                                        return label != entry.second.end() &&
                                               as_text(label->second) == "signet.audit.reanchored";
                                    }),
              1);
    const auto back = operations->re_anchor({3, {}}, "back to the restored database");
    ASSERT_TRUE(back) << "also to a lower number: that is what it is for";
    EXPECT_NE(back->before.find("sequence 8"), std::string::npos);
    EXPECT_TRUE(anchor(4, 3));
    EXPECT_EQ(operations->re_anchor({3, {}}, "").error().code, ErrorCode::invalid_argument);
}

TEST_F(OperationsFake, NobodyIsAskedBeforeTheLoginIsNotedDown) {
    OperationsOptions options;
    options.token_label = "signet";
    std::vector<std::string> order;
    PinState seen;
    options.before_login = [&](const PinState& state) -> Status {
        seen = state;
        order.emplace_back("before");
        EXPECT_EQ(fake.calls("C_Login"), 0);
        return {};
    };
    options.after_login = [&] {
        order.emplace_back("after");
        EXPECT_EQ(fake.calls("C_Login"), 1);
        EXPECT_EQ(fake.calls("C_FindObjectsInit"), 0) << "before anything else that a process may die of";
    };
    const auto attempt = [&](std::string_view pin) {
        return TokenOperations::open(options, pkcs11::Module::adopt(fake.functions(), "fake").value(),
                                     Secret::copy_of(pin));
    };
    fake.token_flags |= CKF_USER_PIN_COUNT_LOW;
    EXPECT_TRUE(attempt("1234"));
    EXPECT_EQ(order, (std::vector<std::string>{"before", "after"}));
    EXPECT_TRUE(seen.locks);
    EXPECT_TRUE(seen.wrong_since_last_login);

    order.clear();
    options.before_login = [&](const PinState&) -> Status { return fail(ErrorCode::token_pin, "no"); };
    EXPECT_EQ(attempt("1234").error().code, ErrorCode::token_pin);
    EXPECT_EQ(fake.calls("C_Login"), 1) << "refused before it was asked";
}

}  // namespace
}  // namespace signet::token
