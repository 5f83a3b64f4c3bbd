// PayControl's transactions, operations, codes and events against the running daemon.
#include <thread>

#include "tests/api/paycontrol_fixture.h"

namespace signet::testing {
namespace {

class PayControl : public ::testing::Test {
  protected:
    static void SetUpTestSuite() {
        server = std::make_unique<PayControlServer>();
        server->configure(R"({"callback_url":")" + server->receiver.url("/callback") + R"("})");
    }
    static void TearDownTestSuite() { server.reset(); }
    static std::unique_ptr<PayControlServer> server;
};
std::unique_ptr<PayControlServer> PayControl::server;

TEST_F(PayControl, ATransactionIsConfirmedByItsCodeOnce) {
    const auto user = server->add_user();
    const auto transaction = server->add_transaction(user);
    EXPECT_EQ(server->status(user, transaction), "initialized");
    const auto code = server->code(user, transaction);
    EXPECT_EQ(code.size(), 8U);
    EXPECT_EQ(server->confirm(user, transaction, code).code, 0U);
    server->expect_error(server->confirm(user, transaction, code), 232);
    server->expect_error(
        server->post(server->path(user, transaction) + "/decline", R"({"decline_reason":"canceled"})"), 232);
    const auto info = server->expect(server->get(server->path(user, transaction)), "transaction_info");
    EXPECT_EQ(text(info, "status"), "confirmed");
    const auto& attempts = info.at("confirm_attempts").as_array();
    ASSERT_EQ(attempts.size(), 1U);
    EXPECT_EQ(text(attempts[0], "confirm_result"), "SUCCESS");
    EXPECT_EQ(text(attempts[0], "confirm_code"), code);
    EXPECT_EQ(text(attempts[0], "data_hash").size(), 64U);
    EXPECT_TRUE(server->wait_for_callbacks("transaction_callback", 1));
    std::size_t of_this = 0;
    for (const auto& callback : server->callbacks("transaction_callback")) {
        if (text(callback, "transaction_id") != transaction) continue;
        ++of_this;
        EXPECT_EQ(text(callback.at("confirmation"), "confirm_code"), code);
        EXPECT_GT(number(callback, "check_time"), 1'700'000'000U);
    }
    EXPECT_EQ(of_this, 1U);
    // Signed with the token's key, so that the receiver can trust it.
    EXPECT_TRUE(server->receiver.requests().front().headers.contains("x-jws-signature"));
}

TEST_F(PayControl, WrongCodesAreCountedAndThenNoCodeIsLookedAt) {
    const auto user = server->add_user();
    const auto transaction = server->add_transaction(user);
    const auto code = server->code(user, transaction);
    const std::string wrong = code == "00000000" ? "00000001" : "00000000";
    server->expect_error(server->confirm(user, transaction, "123456"), 254);
    server->expect_error(server->confirm(user, transaction, "nonsense!"), 254);
    for (int i = 0; i < 5; ++i)
        server->expect_error(server->confirm(user, transaction, wrong), 261);
    server->expect_error(server->confirm(user, transaction, code), 239);
    server->expect_error(server->confirm(user, transaction, std::string(64, '0')), 244);
    const auto info = server->expect(server->get(server->path(user, transaction)), "transaction_info");
    EXPECT_EQ(text(info, "status"), "initialized");
    EXPECT_EQ(text(info.at("confirm_attempts").as_array().at(0), "confirm_result"), "INVALID_OTP");
    // Another transaction is not touched by it.
    const auto other = server->add_transaction(user);
    EXPECT_EQ(server->confirm(user, other, server->code(user, other)).code, 0U);
}

TEST_F(PayControl, EveryCodeLengthWorksAndNoOther) {
    const auto user = server->add_user();
    for (const auto* const length : {"6", "7", "8", "9", "10", "64"}) {
        const auto transaction =
            server->add_transaction(user, R"("confirm_code_length":)" + std::string(length));
        const auto code = server->code(user, transaction);
        EXPECT_EQ(std::to_string(code.size()), length);
        if (code.size() == 64) server->expect_error(server->confirm(user, transaction, "123456"), 254);
        EXPECT_EQ(server->confirm(user, transaction, code).code, 0U) << length;
    }
    for (const auto* const length : {"5", "11", "63", "0", "-1", "\"x\"", "true"})
        server->expect_error(server->post(server->users(user) + "/transactions",
                                          R"({"transaction_data":{"text":"a"},"confirm_code_length":)" +
                                              std::string(length) + "}"),
                             254);
}

TEST_F(PayControl, BadInputIsRefusedAndNothingIsMade) {
    const auto user = server->add_user();
    const auto create = server->users(user) + "/transactions";
    const std::string large(10241, 'x');
    const std::pair<std::string, std::uint64_t> cases[] = {
        {"{", 283},
        {"[]", 283},
        {"{}", 217},
        {R"({"transaction_data":null})", 217},
        {R"({"transaction_data":"text"})", 283},
        {R"({"transaction_data":{}})", 217},
        {R"({"transaction_data":{"text":""}})", 217},
        {R"({"transaction_data":{"text":5}})", 283},
        {R"({"transaction_data":{"text":")" + large + R"("}})", 216},
        {R"({"transaction_data":{"binary_data":"%%"}})", 216},
        {R"({"transaction_data":{"text":"a","text_render_type":"html"}})", 283},
        {"{\"transaction_data\":{\"text\":\"\xff\"}}", 283},
        {R"({"transaction_data":{"text":"a"},"snippet":{}})", 283},
        {R"({"transaction_data":{"text":"a"},"ttl":-1})", 283},
        {R"({"transaction_data":{"text":"a"},"ttl":"soon"})", 283},
        {R"({"transaction_data":{"text":"a"},"notification_type":"Pigeon"})", 249},
        {R"({"transaction_data":{"text":"a"},"transaction_type":"OTHER"})", 328},
        {R"({"transaction_data":{"text":"a"},"transaction_type":"CMS"})", 323},
        {R"({"transaction_data":{"text":"a"},"transaction_type":"WITH_BACKEND_CHECK"})", 289},
        {R"({"transaction_data":{"text":"a"},"transaction_id":"get_list"})", 283},
        {R"({"transaction_data":{"text":"a"},"transaction_id":"a/b"})", 283},
        {R"({"transaction_data":{"text":"a"},"callback_url":"ftp://x"})", 283},
        {R"({"transaction_data":{"text":"a"},"callback_url":"http://10.0.0.1/"})", 283},
        {R"({"transaction_data":{"text":"a"},"extended_check":"yes"})", 283},
        {R"({"transaction_data":{"text":")" + std::string(2049, 'x') + R"("},"notification_type":"Offline"})",
         350}};
    for (const auto& [body, code] : cases) {
        SCOPED_TRACE(body.substr(0, 120));
        server->expect_error(server->post(create, body), code);
    }
    EXPECT_EQ(server->expect(server->get(create + "/get_list"), "transaction_list").as_array().size(), 0U);
    server->expect_error(server->post("/" + server->system + "/users/nobody/transactions",
                                      R"({"transaction_data":{"text":"a"}})"),
                         208);
    server->expect_error(
        server->post("/unknown/users/" + user + "/transactions", R"({"transaction_data":{"text":"a"}})"),
        203);
    server->expect_error(server->get(create + "/unknown"), 231);
    // A user of another system is nobody here.
    const auto other = server->add_system("Other");
    server->expect_error(server->get("/" + other + "/users/" + user + "/transactions/get_list"), 208);
}

TEST_F(PayControl, WhatTheNotesTolerateIsTolerated) {
    const auto user = server->add_user();
    const auto create = server->users(user) + "/transactions";
    // Trailing commas, a text that is an object, both spellings of autosign.
    const auto object = server->expect(
        server->post(create, R"({"transaction_data":{"text":{"a":1,"b":[true]},},"autosing_enabled":true,})"),
        "transaction_created");
    EXPECT_EQ(text(object, "autosign_enabled"), "true");
    const auto id = text(object, "transaction_id");
    EXPECT_EQ(text(server->expect(server->get(create + "/" + id + "/get_data"), "transaction_data"), "text"),
              R"({"a":1,"b":[true]})");
    EXPECT_EQ(
        server->expect(server->get(create + "/get_autoconfirm_list"), "transaction_list").as_array().size(),
        1U);
    // A text over the QR code's capacity is no fault where a push tells the device.
    const auto large = server->expect(
        server->post(create + "/", R"({"transaction_data":{"text":")" + std::string(10240, 'x') +
                                       R"("},"notification_type":"Push"})"),
        "transaction_created");
    EXPECT_TRUE(text(large, "transaction_qr").empty());
    // Hex in either case.
    const auto full = server->add_transaction(user, R"("confirm_code_length":64)");
    auto code = server->code(user, full);
    for (auto& c : code)
        c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    EXPECT_EQ(server->confirm(user, full, code).code, 0U);
}

TEST_F(PayControl, DataSnippetsLinksAndIds) {
    const auto user = server->add_user();
    const auto made = server->expect(
        server->post(
            server->users(user) + "/transactions",
            R"({"transaction_id":"my-own-)" + user +
                R"(","transaction_data":{"text":"Pay **1**","text_render_type":"markdown"},)"
                R"("snippet":{"text":"short","text_render_type":"markdown"},"app_extra":"x/%TRANSACTION_ID%",)"
                R"("url_template":"pc://t?j=%TRANSACTION_BASE64%","app_start_deeplink_template":"pc://s?u=%USER_ID%&t=%TRANSACTION_ID%",)"
                R"("deeplink_only":true})"),
        "transaction_created");
    EXPECT_EQ(text(made, "data_type"), "TEXT");
    EXPECT_EQ(text(made, "confirm_type"), "OFFLINE");
    EXPECT_EQ(number(made, "confirm_code_length"), 6U);
    EXPECT_TRUE(text(made, "transaction_qr").empty());
    EXPECT_TRUE(text(made, "transaction_deep_link").starts_with("pc://t?j="));
    EXPECT_EQ(text(made, "app_start_deeplink"), "pc://s?u=" + user + "&t=my-own-" + user);
    const auto id = text(made, "transaction_id");
    server->expect_error(
        server->post(server->users(user) + "/transactions",
                     R"({"transaction_id":")" + id + R"(","transaction_data":{"text":"a"}})"),
        271);
    const auto data = server->expect(server->get(server->path(user, id) + "/get_data"), "transaction_data");
    EXPECT_EQ(text(data, "text"), "Pay **1**");
    EXPECT_EQ(text(data, "text_render_type"), "markdown");
    EXPECT_EQ(text(data.at("snippet"), "text"), "short");
    EXPECT_EQ(text(data, "app_extra"), "x/" + id);
    EXPECT_EQ(server->status(user, id), "dataSent");
    server->expect_error(server->get(server->path(user, id) + "/get_binary_data"), 236);

    const auto binary = server->add_transaction(user);
    const auto with_url =
        server->expect(server->get(server->path(user, binary) + "/get_data"), "transaction_data");
    EXPECT_TRUE(text(with_url, "binary_data_url")
                    .ends_with("/jsonrequest_v3" + server->path(user, binary) + "/get_binary_data"));
    const auto raw = server->appliance.get("/pc-api" + server->path(user, binary) + "/get_binary_data");
    EXPECT_EQ(raw.body, "Hello");
    EXPECT_EQ(raw.headers.at("content-type"), "application/octet-stream");
    // And a QR code where there is one.
    const auto offline = server->expect(
        server->post(server->users(user) + "/transactions", R"({"transaction_data":{"text":"Pay 1"}})"),
        "transaction_created");
    EXPECT_TRUE(text(offline, "transaction_qr").starts_with("R0lGOD"));
}

TEST_F(PayControl, ATransactionEndsByItsTime) {
    const auto user = server->add_user();
    const auto transaction = server->add_transaction(user, R"("ttl":1,"confirm_code_length":8)");
    const auto code = server->code(user, transaction);
    EXPECT_TRUE(eventually([&] { return server->status(user, transaction) == "declined"; }));
    server->expect_error(server->confirm(user, transaction, code), 281);
    EXPECT_TRUE(eventually([&] {
        for (const auto& callback : server->callbacks("transaction_callback"))
            if (text(callback, "transaction_id") == transaction)
                return text(callback.at("cancelation"), "reason") == "time out";
        return false;
    }));
    EXPECT_EQ(server->expect(server->get(server->users(user) + "/transactions/get_list"), "transaction_list")
                  .as_array()
                  .size(),
              0U);
}

TEST_F(PayControl, ManyWhoEndItAtOnceHaveOneOutcome) {
    const auto user = server->add_user();
    for (int round = 0; round < 5; ++round) {
        const auto transaction = server->add_transaction(user, R"("ttl":1,"confirm_code_length":8)");
        const auto code = server->code(user, transaction);
        std::atomic<int> confirmed{0}, canceled{0};
        std::vector<std::thread> threads;
        for (int i = 0; i < 8; ++i)
            threads.emplace_back([&, i] {
                if (i % 2 == 0) {
                    if (server->confirm(user, transaction, code).code == 0) ++confirmed;
                } else if (server
                               ->post(server->path(user, transaction) + "/decline",
                                      R"({"decline_reason":"canceled"})")
                               .code == 0) {
                    ++canceled;
                }
            });
        for (auto& thread : threads)
            thread.join();
        EXPECT_LE(confirmed + canceled, 1);
        EXPECT_TRUE(eventually([&] {
            const auto status = server->status(user, transaction);
            return status == "confirmed" || status == "declined";
        }));
        EXPECT_EQ(server->status(user, transaction) == "confirmed", confirmed == 1);
        const auto told = [&] {
            std::size_t count = 0;
            for (const auto& callback : server->callbacks("transaction_callback"))
                count += text(callback, "transaction_id") == transaction ? 1U : 0U;
            return count;
        };
        EXPECT_TRUE(eventually([&] { return told() >= 1; }));
        EXPECT_EQ(told(), 1U);
    }
}

TEST_F(PayControl, ADeviceConfirmsDeclinesAndSignsAutomatically) {
    const auto user = server->add_user(R"("autosign_enabled":true,"with_finger_print":true)");
    server->personalize(user);
    const auto confirmed =
        server->add_transaction(user, R"("snippet":{"text":"short"},"extended_check":true)");
    // An extended check wants both the code and the signature.
    server->expect_error(server->confirm(user, confirmed, std::string(64, '0')), 293);
    const auto done = server->with_device(user, "confirm", {confirmed});
    EXPECT_EQ(done.code, 0) << done.output;
    const auto info = server->expect(server->get(server->path(user, confirmed)), "transaction_info");
    EXPECT_EQ(text(info, "status"), "confirmed");
    EXPECT_FALSE(text(info.at("confirm_attempts").as_array().back(), "signature").empty());

    const auto declined = server->add_transaction(user);
    server->expect_error(
        server->post(server->path(user, declined) + "/decline", R"({"decline_reason":"not autorized"})"),
        255);
    server->expect_error(server->post(server->path(user, declined) + "/decline", R"({"decline_code":"x"})"),
                         270);
    server->expect_error(
        server->post(server->path(user, declined) + "/decline", R"({"decline_reason":"bored"})"), 283);
    const auto wrong = server->post(
        server->path(user, declined) + "/decline",
        R"({"decline_reason":"not autorized","decline_code":")" + std::string(64, 'a') + R"("})");
    server->expect_error(wrong, 244);
    EXPECT_EQ(wrong.message, "Decline code is incorrect");
    EXPECT_EQ(server->with_device(user, "decline", {declined}).code, 0);
    EXPECT_EQ(server->status(user, declined), "declined");

    const auto automatic = server->add_transaction(user, R"("autosign_enabled":true)");
    const auto manual = server->add_transaction(user);
    EXPECT_NE(server->with_device(user, "autosign", {manual}).code, 0);
    const auto signed_by_itself = server->with_device(user, "autosign", {automatic});
    EXPECT_EQ(signed_by_itself.code, 0) << signed_by_itself.output;
    EXPECT_TRUE(eventually([&] {
        for (const auto& callback : server->callbacks("transaction_callback"))
            if (text(callback, "transaction_id") == automatic)
                return callback.at("autosign").as_object().contains("scoring") &&
                       !text(callback.at("autosign"), "signature").empty();
        return false;
    }));
    // Neither codes nor signatures of somebody else.
    const auto other = server->add_user();
    server->personalize(other);
    const auto foreign = server->add_transaction(user);
    EXPECT_NE(server->with_device(other, "confirm", {foreign}).code, 0);
    server->expect_error(server->post(server->path(user, foreign) + "/confirm", R"({"signature":"00"})"),
                         278);
    server->expect_error(server->post(server->path(user, foreign) + "/confirm", "{}"), 280);
}

TEST_F(PayControl, WhatElseCanBeWrongHasItsCode) {
    const auto user = server->add_user(R"("autosign_enabled":true)");
    const auto canceled = server->add_transaction(user);
    const auto code = server->code(user, canceled);
    const auto cancel = R"({"decline_reason":"canceled"})";
    EXPECT_EQ(server->post(server->path(user, canceled) + "/decline", cancel).code, 0U);
    server->expect_error(server->post(server->path(user, canceled) + "/decline", cancel), 267);
    server->expect_error(server->confirm(user, canceled, code), 267);
    server->expect_error(server->post(server->path(user, canceled) + "/gen_confirm_code", "{}"), 267);

    const auto automatic = server->path(user, server->add_transaction(user, R"("autosign_enabled":true)"));
    server->expect_error(server->post(automatic + "/confirm", R"({"signature":"00"})"), 276);
    server->expect_error(server->post(automatic + "/autoconfirm", "{}"), 279);
    server->expect_error(server->post(automatic + "/autoconfirm", R"({"signature":"00"})"), 276);
    const auto risk = R"({"signature":"00","scoring":{"gib_sb":{"score":99,"scoreLevel":"HIGH_RISK"}}})";
    server->expect_error(server->post(automatic + "/autoconfirm", risk), 302);
    server->personalize(user);
    server->expect_error(server->post(automatic + "/autoconfirm", R"({"signature":"00"})"), 299);
    const auto checked =
        server->path(user, server->add_transaction(user, R"("autosign_enabled":true,"extended_check":true)"));
    server->expect_error(server->post(checked + "/autoconfirm", R"({"signature":"00"})"), 304);

    const auto attempts = server->users(user) + "/transactions/attempts/";
    server->expect_error(server->get(attempts + "x/scoring_details"), 306);
    server->expect_error(server->get(attempts + "999999/scoring_details"), 236);
    const auto attempt_of = [&](const std::string& path) {
        return text(
            server->expect(server->get(path), "transaction_info").at("confirm_attempts").as_array().back(),
            "confirm_attempt_id");
    };
    server->expect_error(server->get(attempts + attempt_of(automatic) + "/scoring_details"), 298);
    const auto scored = server->add_transaction(user);
    const auto body =
        R"({"confirm_code":")" + server->code(user, scored) +
        R"(","scoring":{"gib_sb":{"score":0,"scoreLevel":"NO_RISK"}},"scoring_details":{"gib_sb":{"status":200}}})";
    EXPECT_EQ(server->post(server->path(user, scored) + "/confirm", body).code, 0U);
    const auto details =
        server->expect(server->get(attempts + attempt_of(server->path(user, scored)) + "/scoring_details"),
                       "scoring_details");
    EXPECT_EQ(number(details.at("gib_sb"), "status"), 200U);

    const auto made =
        server->expect(server->post(server->users(user) + "/operations",
                                    R"({"transactions":[{"transaction_data":{"text":"a"},"index":1}]})"),
                       "operation_created");
    server->expect_error(
        server->post(server->users(user) + "/operations/" + text(made, "operation_id") + "/process",
                     R"({"decline":[{}]})"),
        256);
    server->expect_error(server->send("DELETE", "/events", "{}"), 348);
}

}  // namespace
}  // namespace signet::testing
