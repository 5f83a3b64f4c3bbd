#include <csignal>

#include "sqlite/connection.h"
#include "tests/api/json.h"

namespace signet::testing {
namespace {

constexpr std::string_view kEverything = "permissions: [\"*\"]";

TEST(Policy, RefusalsAreProblemsAndAudited) {
    Appliance appliance({.start = false});
    appliance.edit("policy.yaml", kEverything, "permissions: [keys.list, health.ready, audit.read]");
    appliance.start();
    EXPECT_EQ(appliance.get("/v1/keys").status, 200);
    expect_problem(appliance.post("/v1/keys/document.ec/sign", sign_body("ES256", "x")), 403,
                   "permission_denied");
    // The refusal is recorded without making the caller wait for it.
    EXPECT_TRUE(eventually([&] {
        const auto records = parse_json(appliance.get("/v1/audit?after=0").body);
        const auto* list = records.is_object() ? records.get_object().if_contains("records") : nullptr;
        if (list == nullptr) return false;
        for (const auto& record : list->as_array()) {
            if (text(record, "action") == "keys.sign" && text(record, "outcome") == "refused") return true;
        }
        return false;
    }));
}

TEST(Policy, StrangersGetNothing) {
    Appliance appliance({.start = false});
    const auto user = service_user() ? std::string("users: [root, ") : std::string("users: [");
    appliance.edit("policy.yaml", user, "users: [bin] # ");
    appliance.spawn();
    // The one route that is open to everybody.
    EXPECT_TRUE(eventually([&] { return appliance.get("/v1/health/live").status == 200; }));
    expect_problem(appliance.get("/v1/health/ready"), 401, "unauthenticated");
    expect_problem(appliance.get("/v1/keys"), 401, "unauthenticated");
    expect_problem(appliance.post("/v1/keys/document.ec/sign", sign_body("ES256", "x")), 401,
                   "unauthenticated");
}

TEST(Policy, ReloadTakesAGoodFileAndKeepsTheOldOneOnABadOne) {
    Appliance appliance;
    const auto sign = [&] {
        return appliance.post("/v1/keys/document.ec/sign", sign_body("ES256", "x")).status;
    };
    EXPECT_EQ(sign(), 200);

    appliance.edit("policy.yaml", kEverything, "permissions: [keys.list, health.*, nonsense.permission]");
    appliance.signal_daemon(SIGHUP);
    EXPECT_TRUE(eventually([&] { return appliance.log().find("nonsense.permission") != std::string::npos; }))
        << appliance.log();
    EXPECT_EQ(sign(), 200);
    EXPECT_TRUE(appliance.daemon_running());

    appliance.edit("policy.yaml", ", nonsense.permission", "");
    appliance.signal_daemon(SIGHUP);
    EXPECT_TRUE(eventually([&] { return sign() == 403; }));
    EXPECT_EQ(appliance.get("/v1/keys").status, 200);

    appliance.edit("policy.yaml", "permissions: [keys.list, health.*]", kEverything);
    appliance.signal_daemon(SIGHUP);
    EXPECT_TRUE(eventually([&] { return sign() == 200; }));
}

// What is in force is always on record: a policy whose reload cannot be recorded is not taken.
TEST(Policy, AReloadThatCannotBeRecordedChangesNothing) {
    Appliance appliance;
    const auto list = [&] { return appliance.get("/v1/keys").status; };
    EXPECT_EQ(list(), 200);
    appliance.edit("policy.yaml", kEverything, "permissions: [health.*]");
    {
        auto db =
            sqlite::Connection::open(appliance.path("data/signet.db"), sqlite::Connection::Mode::read_write);
        ASSERT_TRUE(db) << db.error().message;
        // Another process that holds the write lock for too long stands in for a disk that takes nothing.
        ASSERT_TRUE(db->run("BEGIN IMMEDIATE"));
        appliance.signal_daemon(SIGHUP);
        EXPECT_TRUE(eventually([&] {
            return appliance.log().find("the old configuration stays in force") != std::string::npos;
        })) << appliance.log();
        EXPECT_EQ(list(), 200);
        ASSERT_TRUE(db->run("ROLLBACK"));
    }
    appliance.signal_daemon(SIGHUP);
    EXPECT_TRUE(eventually([&] { return list() == 403; }));
}

TEST(Policy, ABadConfigurationIsRefusedAtReloadAndAtStart) {
    Appliance appliance;
    appliance.edit("signetd.yaml", "limits:", "limmits:");
    appliance.signal_daemon(SIGHUP);
    EXPECT_TRUE(eventually([&] { return appliance.log().find("limmits") != std::string::npos; }))
        << appliance.log();
    EXPECT_EQ(appliance.get("/v1/keys").status, 200);
    EXPECT_EQ(appliance.stop(), 0);
    EXPECT_ANY_THROW(appliance.start());
    EXPECT_NE(appliance.log().find("limits"), std::string::npos) << appliance.log();  // did you mean
}

}  // namespace
}  // namespace signet::testing
