// PayControl's operations, independent codes, events and deliveries against the running daemon.
#include <algorithm>

#include "tests/api/paycontrol_fixture.h"

namespace signet::testing {
namespace {

class PayControlGroups : public ::testing::Test {
  protected:
    static void SetUpTestSuite() {
        server = std::make_unique<PayControlServer>("  clean_events: true\n");
        server->configure(R"({"callback_url":")" + server->receiver.url("/callback") + R"("})");
    }
    static void TearDownTestSuite() { server.reset(); }
    static std::unique_ptr<PayControlServer> server;
};
std::unique_ptr<PayControlServer> PayControlGroups::server;

TEST_F(PayControlGroups, OperationsAreProcessedInPartsWithOneCallbackEach) {
    const auto user = server->add_user();
    const auto create = server->users(user) + "/operations";
    const auto body = [](const std::string& indexes) {
        return R"({"description":{"text":"Registry"},"notification_type":"Push","transactions":[)" + indexes +
               "]}";
    };
    const auto part = [](int index) {
        return R"({"transaction_data":{"text":"Pay )" + std::to_string(index) + R"("},"index":)" +
               std::to_string(index) + "}";
    };
    server->expect_error(server->post(create, "{}"), 235);
    server->expect_error(server->post(create, body("")), 235);
    server->expect_error(server->post(create, body(part(2))), 313);
    server->expect_error(server->post(create, body(part(1) + "," + part(1))), 313);
    const auto made =
        server->expect(server->post(create, body(part(1) + "," + part(2))), "operation_created");
    const auto id = text(made, "operation_id");
    const auto operation = create + "/" + id;
    std::vector<std::string> ids;
    for (const auto& one : made.at("transactions").as_array())
        ids.push_back(text(one, "transaction_id"));
    const auto added =
        server->expect(server->post(operation, R"({"transactions":[)" + part(1) + "]}"), "operation_update");
    ids.push_back(text(added.at("transactions").as_array().at(0), "transaction_id"));
    EXPECT_EQ(server->expect(server->get(create + "/get_list"), "operations_list").as_array().size(), 1U);
    EXPECT_EQ(server->expect(server->get(operation + "/get_data"), "operation_data")
                  .at("transactions")
                  .as_array()
                  .size(),
              3U);

    const auto results = server->expect(
        server->post(
            operation + "/process",
            R"({"confirm":[{"transaction_id":")" + ids[0] + R"(","confirm_code":")" +
                server->code(user, ids[0]) + R"("}],"decline":[{"transaction_id":")" + ids[1] +
                R"(","decline_code":")" + std::string(64, 'a') +
                R"(","decline_reason":"not autorized"},{"transaction_id":"stranger","decline_reason":"canceled"}]})"),
        "operation_processed");
    ASSERT_EQ(results.as_array().size(), 3U);
    EXPECT_EQ(number(results.as_array()[0].at("result"), "error_code"), 0U);
    EXPECT_EQ(number(results.as_array()[1].at("result"), "error_code"), 244U);
    EXPECT_EQ(number(results.as_array()[2].at("result"), "error_code"), 311U);
    EXPECT_EQ(text(server->expect(server->get(operation), "operation_info"), "status"),
              "processed_partially");
    server->expect(
        server->post(operation + "/process", R"({"decline":[{"transaction_id":")" + ids[1] +
                                                 R"(","decline_reason":"canceled"},{"transaction_id":")" +
                                                 ids[2] + R"(","decline_reason":"timeout"}]})"),
        "operation_processed");
    EXPECT_EQ(text(server->expect(server->get(operation), "operation_info"), "status"), "processed");
    server->expect_error(server->post(operation + "/process",
                                      R"({"decline":[{"transaction_id":"a","decline_reason":"canceled"}]})"),
                         312);
    server->expect_error(server->post(operation, R"({"transactions":[)" + part(1) + "]}"), 312);
    server->expect_error(server->get(create + "/unknown"), 310);
    EXPECT_EQ(server->expect(server->get(create + "/get_list"), "operations_list").as_array().size(), 0U);
    EXPECT_TRUE(server->wait_for_callbacks("operation_callback", 2));
    const auto told = server->callbacks("operation_callback");
    ASSERT_EQ(told.size(), 2U);
    EXPECT_EQ(text(told[0], "status"), "processed_partially");
    EXPECT_EQ(told[0].at("transactions").as_array().size(), 3U);
    EXPECT_EQ(text(told[1], "status"), "processed");
    for (const auto& callback : server->callbacks("transaction_callback"))
        EXPECT_EQ(std::ranges::count(ids, text(callback, "transaction_id")), 0);
}

TEST_F(PayControlGroups, AnOperationEndsByItsTimeWithOneCallback) {
    const auto before = server->callbacks("operation_callback").size();
    const auto user = server->add_user();
    const auto made = server->expect(
        server->post(
            server->users(user) + "/operations",
            R"({"ttl":1,"transactions":[{"transaction_data":{"text":"a"},"index":1},{"transaction_data":{"text":"b"},"index":2}]})"),
        "operation_created");
    const auto operation = server->users(user) + "/operations/" + text(made, "operation_id");
    EXPECT_TRUE(eventually([&] { return text(server->get(operation).value, "status") == "processed"; }));
    EXPECT_TRUE(server->wait_for_callbacks("operation_callback", before + 1));
    server->expect_error(server->post(operation + "/process",
                                      R"({"decline":[{"transaction_id":"a","decline_reason":"canceled"}]})"),
                         317);
    const auto told = server->callbacks("operation_callback");
    EXPECT_EQ(told.size(), before + 1);
    for (const auto& one : told.back().at("transactions").as_array())
        EXPECT_EQ(text(one.at("cancelation"), "reason"), "time out");
}

TEST_F(PayControlGroups, IndependentCodesAreForTheirUserAndDataOnly) {
    const auto user = server->add_user();
    const auto other = server->add_user();
    const auto codes = "/" + server->system + "/codes/";
    const auto make = [&](const std::string& more) {
        return std::string(server
                               ->expect(server->post(codes + "gen_confirm_code",
                                                     R"({"transaction_data":{"text":"a"})" + more + "}"),
                                        "confirm_code")
                               .as_string()
                               .c_str());
    };
    const auto check = [&](const std::string& code, const std::string& more, const std::string& data = "a") {
        return server
            ->post(codes + "check_confirm_code", R"({"transaction_data":{"text":")" + data +
                                                     R"("},"confirm_code":")" + code + "\"" + more + "}")
            .code;
    };
    const auto mine = R"(,"user_id":")" + user + "\"";
    const auto yours = R"(,"user_id":")" + other + "\"";
    const auto code = make(mine + R"(,"confirm_code_length":10)");
    EXPECT_EQ(code.size(), 10U);
    EXPECT_EQ(check(code, mine), 0U);
    EXPECT_EQ(check(code, mine), 0U);
    EXPECT_EQ(check(code, mine, "b"), 261U);
    EXPECT_EQ(check(code, yours), 261U);
    EXPECT_EQ(check(code, mine + R"(,"time_sampling_interval":90)"), 261U);
    EXPECT_EQ(check(code, ""), 261U);
    const auto common = make("");
    EXPECT_EQ(common.size(), 6U);
    EXPECT_EQ(check(common, ""), 0U);
    EXPECT_EQ(check(std::string(64, 'a'), ""), 254U);
    EXPECT_EQ(check("", ""), 255U);
    server->expect_error(server->post(codes + "gen_confirm_code",
                                      R"({"transaction_data":{"text":"a"},"confirm_code_length":64})"),
                         254);
    server->expect_error(
        server->post(codes + "gen_confirm_code", R"({"transaction_data":{"text":"a"},"user_id":"nobody"})"),
        208);
    server->expect_error(server->post(codes + "gen_confirm_code", "{}"), 217);
    // Guessing ends, also with the right one.
    for (int i = 0; i < 4; ++i)
        EXPECT_EQ(check("0000000001", yours), 261U);
    EXPECT_EQ(check(make(yours), yours), 239U);
    EXPECT_EQ(check(code, mine), 0U);
}

TEST_F(PayControlGroups, EachRequestLeavesAnEvent) {
    const auto user = server->add_user();
    const auto transaction = server->add_transaction(user);
    server->expect_error(server->confirm(user, transaction, "00000000"), 261);
    (void)server->get(server->path(user, transaction) + "/get_data");
    const auto events = server->expect(server->post("/events/", R"({"user_id":")" + user + "\"}"), "events");
    std::vector<std::string> types;
    for (const auto& event : events.at("events_to_post_list").as_array()) {
        types.push_back(text(event, "request_type"));
        EXPECT_EQ(text(event, "system_id"), server->system);
        EXPECT_EQ(text(event, "request_hash").size(), 64U);
        EXPECT_TRUE(event.as_object().contains("connection_info"));
    }
    EXPECT_EQ(types, (std::vector<std::string>{"get_transaction_data", "confirm_transaction",
                                               "create_transaction", "create_user"}));
    EXPECT_EQ(number(events, "total_count"), 4U);
    EXPECT_EQ(number(events, "to"), 4U);
    const auto found = [&](const std::string& more) {
        return number(
            server->expect(server->post("/events", R"({"user_id":")" + user + "\"," + more + "}"), "events"),
            "total_count");
    };
    EXPECT_EQ(found(R"("transaction_id":")" + transaction + "\""), 3U);
    EXPECT_EQ(found(R"("request_result":"261")"), 1U);
    EXPECT_EQ(found(R"("request_type":"create_user")"), 1U);
    EXPECT_EQ(found(R"("is_cleaned":true)"), 0U);
    EXPECT_EQ(found(R"("date_from":"2020-07-06 22:12:22.0 +0000")"), 4U);
    EXPECT_EQ(found(R"("date_to":"2020-07-06 22:12:22.0 +0000")"), 0U);
    EXPECT_EQ(found(R"("from":3)"), 4U);
    server->expect_error(server->post("/events", R"({"date_from":"yesterday"})"), 283);

    // Registered by hand, cleaned, and one alone.
    const auto registered = server->expect(
        server->post(
            server->users(user) + "/events",
            R"({"event_type":"password_incorrect","event":{"device_event_id":"e1","session_id":"s1","device_time":1528968541746,"device_info":"Peter's iPhone"}})"),
        "event_info");
    EXPECT_EQ(text(registered, "request_type"), "password_incorrect");
    const auto one = server->expect(server->get("/events/" + text(registered, "event_id")), "event_info");
    EXPECT_EQ(text(one, "device_info"), "Peter's iPhone");
    EXPECT_EQ(text(one, "session_id"), "s1");
    server->expect_error(server->get("/events/999999999"), 236);
    const auto cleaned = server->expect(server->send("DELETE", "/events/", R"({"user_id":")" + user + "\"}"),
                                        "cleaned_events");
    EXPECT_GE(cleaned.at("events_to_post_list").as_array().size(), 5U);
    EXPECT_EQ(text(server->get("/events/" + text(registered, "event_id")).value, "device_info"), "");
    EXPECT_GE(found(R"("is_cleaned":true)"), 5U);
}

TEST_F(PayControlGroups, KeyDeletedTakesTheRightPushAddressAway) {
    const auto user = server->add_user();
    const auto address = R"("push_address":{"device_type":"Android","device_push_id":"abc"})";
    EXPECT_EQ(server->send("PATCH", server->users(user), std::string("{") + address + "}").code, 0U);
    const auto deleted = [&](const std::string& id) {
        return server->post(
            server->users(user) + "/events",
            R"({"event_type":"key_deleted","push_address":{"device_type":"Android","device_push_id":")" + id +
                "\"}}");
    };
    server->expect_error(server->post(server->users(user) + "/events", R"({"event_type":"key_deleted"})"),
                         265);
    server->expect_error(deleted("other"), 297);
    EXPECT_EQ(text(server->get(server->users(user)).value, "device_push_id"), "abc");
    EXPECT_EQ(deleted("abc").code, 0U);
    EXPECT_EQ(text(server->get(server->users(user)).value, "device_push_id"), "");
}

// Its own server, because the system's settings change.
TEST(PayControlDelivery, PushesEventsAndCleaning) {
    PayControlServer server("  clean_confirmed: true\n  gost_imit: true\n");
    server.configure(R"({"pc_is_internal_url":")" + server.receiver.url("/push") +
                     R"(","events_post_url":")" + server.receiver.url("/events") + R"("})");
    const auto user = server.add_user(R"("collect_events":true)");
    EXPECT_EQ(server
                  .send("PATCH", server.users(user),
                        R"({"push_address":{"device_type":"iOS","device_push_id":"p1"}})")
                  .code,
              0U);
    const auto transaction = server.add_transaction(
        user, R"("callback_url":")" + server.receiver.url("/own") + R"(","confirm_code_length":6)");
    const auto received = [&](const std::string& target) {
        std::vector<json::value> bodies;
        for (const auto& request : server.receiver.requests())
            if (request.target == target) bodies.push_back(parse_json(request.body));
        return bodies;
    };
    ASSERT_TRUE(eventually([&] { return received("/push").size() == 1; }));
    EXPECT_EQ(text(received("/push")[0], "transaction_id"), transaction);
    EXPECT_EQ(text(received("/push")[0].at("push_address"), "device_push_id"), "p1");
    EXPECT_TRUE(eventually([&] { return server.status(user, transaction) == "pushSent"; }));
    EXPECT_EQ(server.confirm(user, transaction, server.code(user, transaction)).code, 0U);
    const auto info = server.expect(server.get(server.path(user, transaction)), "transaction_info");
    EXPECT_EQ(text(info, "data_type"), "EMPTY");
    ASSERT_TRUE(eventually([&] { return received("/own").size() == 1; }));
    const auto callback = received("/own")[0].at("pc_callback").at("transaction_callback");
    EXPECT_EQ(text(callback.at("confirmation"), "gost_imit").size(), 64U);
    EXPECT_EQ(text(callback.at("event"), "request_type"), "confirm_transaction");
    EXPECT_TRUE(eventually([&] {
        for (const auto& body : received("/events"))
            if (text(body.at("events_to_post_list").as_array().at(0), "request_type") ==
                "confirm_transaction")
                return true;
        return false;
    }));
}

TEST(PayControlDelivery, ABackendDecidesWhereItIsAsked) {
    HttpReceiver backend;
    PayControlServer server("  backend_check_url: \"" + backend.url("/check") + "\"\n  pusher: console\n");
    const auto user = server.add_user();
    const auto type = R"("transaction_type":"WITH_BACKEND_CHECK")";
    const auto refused = server.add_transaction(user, type);
    EXPECT_EQ(server.status(user, refused), "pushSent");
    backend.answer(200, R"({"allowed":false})");
    server.expect_error(server.confirm(user, refused, server.code(user, refused)), 291);
    EXPECT_NE(server.status(user, refused), "confirmed");
    backend.answer(500);
    server.expect_error(server.confirm(user, refused, server.code(user, refused)), 291);
    backend.answer(200, R"({"allowed":true})");
    EXPECT_EQ(server.confirm(user, refused, server.code(user, refused)).code, 0U);
    EXPECT_EQ(text(parse_json(backend.requests().back().body), "transaction_id"), refused);
}

}  // namespace
}  // namespace signet::testing
