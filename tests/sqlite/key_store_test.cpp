#include "sqlite/key_store.h"

#include "sqlite/wrapped_key_store.h"
#include "tests/sqlite/database_fixture.h"

namespace signet::sqlite {
namespace {

class KeyStoreTest : public DatabaseTest {
  protected:
    StoredKey key(std::uint32_t version, KeyState state = KeyState::pending) const {
        return {.label = "document",
                .version = version,
                .algorithm = "ec-p256",
                .usages = 1,
                .state = state,
                .created = clock.now(),
                .public_key = {1, 2, 3},
                .created_by = "ops"};
    }
    Status insert(const StoredKey& stored) {
        return writer->run([&](Transaction& transaction) { return key_store::insert(transaction, stored); });
    }
    Status activate(std::uint32_t version) {
        return writer->run([&](Transaction& transaction) {
            return key_store::activate(transaction, "document", version, clock.now());
        });
    }
    Status set_state(std::uint32_t version, KeyState state) {
        return writer->run([&](Transaction& transaction) {
            return key_store::set_state(transaction, "document", version, state);
        });
    }
    StoredKey find(std::uint32_t version) { return must(key_store::find(db, "document", version)).value(); }

    std::unique_ptr<Writer> writer = start();
    Connection db = read_only();
};

TEST_F(KeyStoreTest, KeepsWhatWasInserted) {
    auto stored = key(1);
    stored.not_after = clock.now() + std::chrono::hours(1);
    stored.unavailable_since = clock.now();
    stored.uses = 7;
    ASSERT_TRUE(insert(stored));
    EXPECT_EQ(find(1), stored);
    EXPECT_EQ(insert(stored).error().code, ErrorCode::already_exists);
    EXPECT_FALSE(must(key_store::find(db, "document", 2)));
    EXPECT_FALSE(must(key_store::active(db, "document")));
    EXPECT_EQ(must(key_store::list(db)).size(), 1U);
}

TEST_F(KeyStoreTest, OneVersionIsActive) {
    EXPECT_EQ(must(key_store::next_version(db, "document")), 1U);
    for (std::uint32_t version : {1U, 2U, 3U})
        must(insert(key(version)));
    EXPECT_EQ(must(key_store::next_version(db, "document")), 4U);
    must(activate(1));
    EXPECT_EQ(must(key_store::active(db, "document"))->version, 1U);
    EXPECT_EQ(find(1).activated, clock.now());
    must(activate(2));
    EXPECT_EQ(must(key_store::active(db, "document"))->version, 2U);
    EXPECT_EQ(find(1).state, KeyState::retired);
    EXPECT_EQ(activate(1).error().code, ErrorCode::conflict) << "a retired version makes nothing new";
    EXPECT_EQ(activate(9).error().code, ErrorCode::not_found);
    must(activate(2));
    EXPECT_EQ(must(key_store::versions(db, "document")).size(), 3U);
    EXPECT_FALSE(insert(key(4, KeyState::active))) << "the database holds it too";
}

TEST_F(KeyStoreTest, StatesFollowTheirOrder) {
    must(insert(key(1)));
    EXPECT_EQ(set_state(1, KeyState::retired).error().code, ErrorCode::conflict);
    EXPECT_EQ(set_state(1, KeyState::active).error().code, ErrorCode::conflict);
    must(set_state(1, KeyState::disabled));
    must(set_state(1, KeyState::disabled));
    must(activate(1));
    must(set_state(1, KeyState::retired));
    must(set_state(1, KeyState::destroyed));
    for (const auto state : {KeyState::disabled, KeyState::retired, KeyState::pending})
        EXPECT_EQ(set_state(1, state).error().code, ErrorCode::conflict);
    EXPECT_EQ(activate(1).error().code, ErrorCode::conflict);
    EXPECT_EQ(set_state(2, KeyState::disabled).error().code, ErrorCode::not_found);
}

TEST_F(KeyStoreTest, AnUnavailableKeyKeepsItsState) {
    must(insert(key(1)));
    must(activate(1));
    const auto set = [&](std::optional<SystemTime> since) {
        must(writer->run([&](Transaction& transaction) {
            return key_store::set_unavailable(transaction, "document", 1, since);
        }));
    };
    set(clock.now());
    EXPECT_EQ(find(1).state_name(), "unavailable");
    EXPECT_EQ(find(1).state, KeyState::active);
    set(std::nullopt);
    EXPECT_EQ(find(1).state_name(), "active");
}

TEST_F(KeyStoreTest, CountsUses) {
    must(insert(key(1)));
    for (int i = 0; i < 2; ++i)
        must(writer->run(
            [&](Transaction& transaction) { return key_store::add_uses(transaction, "document", 1, 500); }));
    EXPECT_EQ(find(1).uses, 1000U);
    must(writer->run([&](Transaction& transaction) {
        return key_store::set_not_after(transaction, "document", 1, clock.now());
    }));
    EXPECT_EQ(find(1).not_after, clock.now());
}

TEST_F(KeyStoreTest, StateNames) {
    for (int i = 1; i <= 5; ++i) {
        const auto state = static_cast<KeyState>(i);
        EXPECT_EQ(key_state_from(to_string(state)), state);
    }
    EXPECT_FALSE(key_state_from("unavailable"));
}

TEST_F(KeyStoreTest, WrappedKeys) {
    StoredWrappedKey stored{.owner = "paycontrol:1:7",
                            .key_class = "paycontrol.user.k1",
                            .index = 3,
                            .version = 2,
                            .algorithm = "hmac-256",
                            .usages = 32,
                            .wrapping_label = "wrap",
                            .wrapping_version = 1,
                            .binding_label = "bind",
                            .binding_version = 1,
                            .blob = {9, 8, 7},
                            .mac = Bytes(32, 5),
                            .public_key = {},
                            .created = clock.now()};
    const auto insert_wrapped = [&](const StoredWrappedKey& one) {
        return writer->run([&](Transaction& transaction) -> Status {
            SIGNET_ASSIGN(stored.id, wrapped_key_store::insert(transaction, one));
            return {};
        });
    };
    must(insert_wrapped(stored));
    EXPECT_EQ(must(wrapped_key_store::find(db, stored.owner, stored.key_class, 3, 2)), stored);
    EXPECT_EQ(must(wrapped_key_store::latest(db, stored.owner, stored.key_class, 3)), stored);
    EXPECT_FALSE(must(wrapped_key_store::find(db, "paycontrol:1:8", stored.key_class, 3, 2)));
    EXPECT_EQ(insert_wrapped(stored).error().code, ErrorCode::already_exists);
    EXPECT_EQ(must(wrapped_key_store::count_under(db, "wrap", 1)), 1U);

    auto after = stored;
    after.wrapping_version = 2;
    after.blob = {1};
    after.mac = Bytes(32, 6);
    const auto rewrap = [&] {
        return writer->run(
            [&](Transaction& transaction) { return wrapped_key_store::rewrap(transaction, stored, after); });
    };
    must(rewrap());
    EXPECT_EQ(must(wrapped_key_store::under(db, "wrap", 2, 0, 10)), std::vector{after});
    EXPECT_EQ(must(wrapped_key_store::count_under(db, "wrap", 1)), 0U);
    EXPECT_EQ(rewrap().error().code, ErrorCode::conflict) << "it changed meanwhile";

    must(writer->run([&](Transaction& transaction) -> Status {
        SIGNET_ASSIGN(const auto gone, wrapped_key_store::erase_owner(transaction, stored.owner));
        EXPECT_EQ(gone, 1U);
        EXPECT_EQ(wrapped_key_store::erase(transaction, stored.id).error().code, ErrorCode::not_found);
        return {};
    }));
    EXPECT_TRUE(must(wrapped_key_store::of_owner(db, stored.owner)).empty());
}

}  // namespace
}  // namespace signet::sqlite
