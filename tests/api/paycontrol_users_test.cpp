// PayControl's systems, users and devices on a whole appliance; the device is the one of signetctl.
#include <unistd.h>

#include <fstream>

#include "tests/api/json.h"

namespace signet::testing {
namespace {

class PayControlUsers : public ::testing::Test {
  protected:
    static void SetUpTestSuite() {
        appliance =
            std::make_unique<Appliance>(Appliance::Options{.start = false, .families = {"paycontrol"}});
        appliance->edit("signetd.yaml", "clear_keys: false", "clear_keys: true ");
        appliance->edit("token.yaml", "# session_copies: true", "reveal_secrets: true #");
        appliance->start();
        const auto issued = appliance->scratch("system.json");
        auto done =
            appliance->ctl({"paycontrol", "issue-system", "Demo Portal", "--users", "1000", "--out", issued});
        EXPECT_EQ(done.code, 0) << done.output;
        done = appliance->ctl({"paycontrol", "register", issued, "--json"});
        EXPECT_EQ(done.code, 0) << done.output;
        system_id = text(parse_json(done.output), "system_id");
    }
    static void TearDownTestSuite() { appliance.reset(); }

    static json::value send(const std::string& verb, const std::string& path, const std::string& body,
                            std::uint64_t code = 0) {
        HttpConnection connection(appliance->api_socket());
        const auto answer =
            connection.send({.verb = verb, .target = "/pc-api/" + system_id + path, .body = body});
        const auto value = parse_json(answer.body);
        const auto* members = value.is_object() ? value.get_object().if_contains("answer") : nullptr;
        if (members == nullptr || !members->is_object()) {
            ADD_FAILURE() << verb << " " << path << ": " << answer.status << " " << answer.body
                          << answer.error;
            return {};
        }
        EXPECT_EQ(number(members->at("result"), "error_code"), code)
            << verb << " " << path << ": " << answer.body;
        EXPECT_EQ(number(value, "answer_version"), 3U);
        const auto* payload = members->get_object().if_contains(text(value, "answer_type"));
        return payload == nullptr ? json::value() : *payload;
    }
    static json::value create(const std::string& params = "{}", const std::string& more = {}) {
        return send("POST", "/users",
                    R"({"id_prefix":"rest-api-test-","user_name":"Acme Ltd.","key_params":)" + params +
                        R"(,"return_key_method":"KEY_JSON","key_encryption_password":"123456")" + more + "}");
    }
    static std::filesystem::path secret(const std::string& name, const std::string& content) {
        const auto path = appliance->scratch(name);
        std::ofstream(path) << content;
        std::filesystem::permissions(path, std::filesystem::perms(0600));
        // signetctl runs as the appliance's user.
        if (const auto user = service_user()) {
            EXPECT_EQ(lchown(path.c_str(), *user, *user), 0);
        }
        return path;
    }
    static Ended device(std::vector<std::string> arguments, const std::string& name) {
        arguments.insert(arguments.begin(), "device");
        arguments.insert(arguments.begin() + 2, appliance->scratch(name + ".device"));
        arguments.insert(arguments.end(), {"--password-file", appliance->scratch("device.password")});
        return appliance->ctl(arguments);
    }
    // A user of `created` on a device called `name`.
    static void personalize(const json::value& created, const std::string& name,
                            const std::string& code = "123456") {
        secret("device.password", "device password");
        secret(name + ".json", text(created, "key_json"));
        const auto done = device({"personalize", "--from", appliance->scratch(name + ".json"), "--code-file",
                                  secret(name + ".code", code), "--push-id", "push-" + name},
                                 name);
        EXPECT_EQ(done.code, 0) << done.output;
    }

    static std::unique_ptr<Appliance> appliance;
    static std::string system_id;
};
std::unique_ptr<Appliance> PayControlUsers::appliance;
std::string PayControlUsers::system_id;

TEST_F(PayControlUsers, TheSystemIsThere) {
    const auto system = send("GET", "", "");
    EXPECT_EQ(text(system, "name"), "Demo Portal");
    EXPECT_EQ(number(system, "user_keys_expiration_period"), 365U);
    EXPECT_TRUE(text(system, "license").contains(system_id));
    send("PATCH", "", R"({"user_keys_expiration_period":30,})");
    EXPECT_EQ(number(send("GET", "", ""), "user_keys_expiration_period"), 30U);
    send("PATCH", "", R"({"callback_url":"https://127.0.0.1/callback"})", 283);
    send("PATCH", "", R"({"license":"{\"request\":{},\"signature\":\"MAA=\"}"})", 284);
    send("PATCH", "", R"({"user_keys_expiration_period":0})", 283);
}

TEST_F(PayControlUsers, OnlyTheSellerRegistersSystems) {
    const auto post = [&](const std::string& body, std::uint64_t code) {
        const auto answer = parse_json(appliance->post("/pc-api/", body).body);
        EXPECT_EQ(number(answer.at("answer").at("result"), "error_code"), code) << body;
    };
    const auto request = [](std::string_view text) {
        return R"({"request":")" + to_base64(as_bytes(text)) + "\"}";
    };
    post("{}", 233);
    post(R"({"request":"%%%"})", 233);
    post(request("<?xml version=\"1.0\"?><request/>"), 233);
    post(request(R"({"request":{"id":"x","name":"y"},"signature":"MAA="})"), 221);
    std::ifstream file(appliance->scratch("system.json"));
    const std::string issued{std::istreambuf_iterator<char>(file), {}};
    post(R"({"request":")" + text(parse_json(issued), "request") + "\"}", 220);
}

TEST_F(PayControlUsers, CreatesUsersInEveryForm) {
    const auto json_user = create(R"({"with_finger_print":true})");
    EXPECT_TRUE(text(json_user, "user_id").starts_with("rest-api-test-"));
    EXPECT_EQ(number(json_user, "key_flags"), 1U);
    const auto key = parse_json(text(json_user, "key_json"));
    EXPECT_EQ(number(key, "pc_key_version"), 7U);
    EXPECT_EQ(number(key, "kek_digits"), 6U);
    EXPECT_TRUE(key.as_object().contains("encrypted_key"));
    EXPECT_FALSE(key.as_object().contains("key"));

    const auto coded = send("POST", "/users",
                            R"({"return_key_method":"QR_WITH_ACTIVATION_CODE","activation_code_length":10})");
    EXPECT_EQ(text(coded, "activation_code").size(), 10U);
    EXPECT_TRUE(text(coded, "key_QR").starts_with("R0lGOD"));
    EXPECT_EQ(
        text(send("POST", "/users", R"({"return_key_method":"QR_WITH_ACTIVATION_CODE"})"), "activation_code")
            .size(),
        8U);

    const auto link = send(
        "POST", "/users",
        R"({"return_key_method":"DEEP_LINK_WITH_ACTIVATION_CODE","url_template":"paycontrol://%SYSTEM_ID%/%USER_ID%?k=%KEY_BASE64%"})");
    EXPECT_TRUE(text(link, "key_deep_link")
                    .starts_with("paycontrol://" + system_id + "/" + text(link, "user_id") + "?k="));
    EXPECT_TRUE(
        text(send("POST", "/users", R"({"return_key_method":"FULL_QR"})"), "key_QR").starts_with("R0lGOD"));
}

TEST_F(PayControlUsers, RefusesWhatIsWrongWithTheDocumentsCodes) {
    const auto post = [](const std::string& body, std::uint64_t code) { send("POST", "/users", body, code); };
    post("{", 283);
    post("{}", 263);
    post(R"({"return_key_method":"FAX"})", 263);
    post(R"({"return_key_method":"KEY_JSON"})", 237);
    post(R"({"return_key_method":"KEY_JSON","key_encryption_password":"12345"})", 264);
    post(R"({"return_key_method":"QR_WITH_ACTIVATION_CODE","activation_code_length":3})", 264);
    post(R"({"return_key_method":"DEEP_LINK"})", 333);
    post(R"({"return_key_method":"KEY_JSON","key_encryption_password":"123456","id_prefix":")" +
             std::string(65, 'x') + "\"}",
         253);
    post(R"({"return_key_method":"KEY_JSON","key_encryption_password":"123456","type":2})", 351);
    post(
        R"({"return_key_method":"KEY_JSON","key_encryption_password":"123456","key_params":{"pass_policy":9}})",
        283);
    send("GET", "/users/nobody", "", 208);
    HttpConnection connection(appliance->api_socket());
    const auto foreign = parse_json(connection.send({.target = "/pc-api/elsewhere/users/nobody"}).body);
    EXPECT_EQ(number(foreign.at("answer").at("result"), "error_code"), 203U);
}

TEST_F(PayControlUsers, APersonalisedDeviceShowsInTheUser) {
    const auto created = create();
    personalize(created, "first");
    const auto path = "/users/" + text(created, "user_id");
    const auto user = send("GET", path, "");
    EXPECT_EQ(text(user, "device_push_id"), "push-first");
    EXPECT_EQ(text(user, "public_key").size(), 182U);
    EXPECT_EQ(text(user, "user_name"), "Acme Ltd.");
    EXPECT_FALSE(text(user.at("active_key_info"), "device_fingerprint").empty());
    EXPECT_EQ(device({"info"}, "first").code, 0);

    send("PATCH", path, R"({"block":true})");
    EXPECT_TRUE(device({"info"}, "first").output.contains("294"));
    send("PATCH", path, R"({"user_name":"x"})", 294);
    send("PATCH", path, R"({"unblock":true})");
    EXPECT_EQ(device({"info"}, "first").code, 0);
    send("POST", path + "/key/export", R"({"key_encryption_password":"123456"})", 289);
    send("DELETE", path, "");
    send("GET", path, "", 209);
    EXPECT_TRUE(device({"info"}, "first").output.contains("209"));
}

TEST_F(PayControlUsers, APublicKeyIsReplacedOnlyByTheOldOnesSignature) {
    const auto created = create();
    personalize(created, "owner");
    const auto path = "/users/" + text(created, "user_id");
    const std::string other =
        "3059301306072a8648ce3d020106082a8648ce3d030107034200042ef111f3be77c74abeac08c87c9ee27a56ae53bc546d4e"
        "15fb9ff9f3"
        "72a98794bcc7e95c538035fc3bb0d9c1ba0e46ca5fa394425a400793c3888e7c375dda5e";
    send("PATCH", path, R"({"public_key":")" + other + "\"}", 334);
    send("PATCH", path, R"({"public_key":")" + other + R"(","public_key_signature":"3006020101020101"})",
         278);
    send("PATCH", path, R"({"public_key":"00"})", 283);
    send("PATCH", path, R"({"push_address":{"device_type":"Nokia","device_push_id":"x"}})", 259);
    send("PATCH", path, R"({"push_address":{"device_push_id":"x"}})", 251);
    send("PATCH", path, R"({"push_address":{"device_type":"iOS"}})", 265);
    const auto fixed = create(R"({"deny_renew_public_key":true})");
    personalize(fixed, "fixed");
    send("PATCH", "/users/" + text(fixed, "user_id"), R"({"public_key":")" + other + "\"}", 277);
}

TEST_F(PayControlUsers, ADelayedKeyComesIntoForceAtItsFirstUse) {
    const auto created = create();
    personalize(created, "old");
    const auto path = "/users/" + text(created, "user_id");
    const auto updated = send(
        "POST", path + "/key",
        R"({"is_delayed":true,"return_key_method":"KEY_JSON","key_encryption_password":"123456","app_extra":"%USER_ID%"})");
    const auto both = send("GET", path, "");
    EXPECT_EQ(number(both.at("delayed_key_info"), "key_index"), 2U);
    EXPECT_EQ(text(both.at("delayed_key_info"), "app_extra"), text(created, "user_id"));
    EXPECT_EQ(device({"info"}, "old").code, 0) << "still the active one";
    personalize(updated, "new");
    const auto after = send("GET", path, "");
    EXPECT_EQ(number(after.at("active_key_info"), "key_index"), 2U);
    EXPECT_FALSE(after.as_object().contains("delayed_key_info"));
    EXPECT_TRUE(device({"info"}, "old").output.contains("336"));
    send("PATCH", path, R"({"commit_delayed":true})", 245);
}

TEST_F(PayControlUsers, AnUpdateFlushesAndUnblocks) {
    const auto created = create();
    personalize(created, "flushed");
    const auto path = "/users/" + text(created, "user_id");
    send("PATCH", path, R"({"block":true})");
    const auto updated =
        send("POST", path + "/key", R"({"return_key_method":"KEY_JSON","key_encryption_password":"123456"})");
    const auto user = send("GET", path, "");
    EXPECT_EQ(text(user, "blocked"), "false");
    EXPECT_FALSE(user.as_object().contains("public_key"));
    EXPECT_FALSE(user.as_object().contains("device_type"));
    EXPECT_EQ(number(user.at("active_key_info"), "key_index"), 2U);
    // Before its first use the key may be exported again, under another password.
    const auto exported = send("POST", path + "/key/export", R"({"key_encryption_password":"another one"})");
    personalize(exported, "again", "another one");
    EXPECT_EQ(text(updated, "user_id"), text(created, "user_id"));
}

TEST_F(PayControlUsers, OnlineCredentialsCountTries) {
    const auto created = create(R"({"online_credentials":true})");
    const auto path = "/users/" + text(created, "user_id");
    HttpConnection connection(appliance->api_socket());
    const auto activate = [&](const std::string& code) {
        const auto answer =
            parse_json(connection
                           .send({.verb = "POST",
                                  .target = "/pc-api/ext/" + system_id + path + "/key/credentials/activate",
                                  .body = R"({"key_index":1,"activation_code":")" + code + "\"}"})
                           .body);
        return answer.at("answer").at("result");
    };
    EXPECT_EQ(text(activate("000000"), "error_message"), "Incorrect activation code. Attempts left: 4");
    EXPECT_EQ(number(activate("123456"), "error_code"), 0U);
    personalize(created, "online");
    const auto right = secret("right", "correct horse"), wrong = secret("wrong", "battery staple");
    EXPECT_TRUE(
        device({"password", "--verify", "--server-password-file", right}, "online").output.contains("345"));
    EXPECT_EQ(device({"password", "--server-password-file", right}, "online").code, 0);
    EXPECT_EQ(device({"password", "--verify", "--server-password-file", right}, "online").code, 0);
    for (int left = 4; left > 0; --left)
        EXPECT_TRUE(device({"password", "--verify", "--server-password-file", wrong}, "online")
                        .output.contains("Attempts left: " + std::to_string(left)));
    EXPECT_TRUE(
        device({"password", "--verify", "--server-password-file", wrong}, "online").output.contains("343"));
    EXPECT_EQ(text(send("GET", path, ""), "blocked"), "true");
    send("PATCH", path, R"({"unblock":true})");
    send("POST", path + "/key/credentials/reset", R"({"keys_password":"12"})", 264);
    send("POST", path + "/key/credentials/reset", R"({})", 237);
    send("POST", path + "/key/credentials/reset", R"({"keys_password":"battery staple"})");
    EXPECT_EQ(device({"password", "--verify", "--server-password-file", wrong}, "online").code, 0);
    send("POST", "/users/" + text(create(), "user_id") + "/key/credentials/reset",
         R"({"keys_password":"123456"})", 346);
}

TEST_F(PayControlUsers, ARenewalReplacesBothSecrets) {
    const auto created = create();
    personalize(created, "renewing");
    const auto renewed = device({"renew"}, "renewing");
    EXPECT_EQ(renewed.code, 0) << renewed.output;
    EXPECT_EQ(device({"info"}, "renewing").code, 0);
    const auto user = send("GET", "/users/" + text(created, "user_id"), "");
    EXPECT_EQ(number(user.at("active_key_info"), "key_index"), 2U);
    EXPECT_EQ(text(user, "device_push_id"), "push-renewing");
    EXPECT_EQ(text(user, "public_key").size(), 182U);
}

TEST_F(PayControlUsers, DevicesMustProveEachRequest) {
    const auto created = create();
    personalize(created, "proving");
    HttpConnection connection(appliance->api_socket());
    const auto code = [&](std::vector<std::string> headers) {
        const auto answer =
            connection.send({.target = "/pc-api/ext/" + system_id + "/users/" + text(created, "user_id"),
                             .headers = std::move(headers)});
        return number(parse_json(answer.body).at("answer").at("result"), "error_code");
    };
    EXPECT_EQ(code({}), 288U);
    EXPECT_EQ(code({"PC-Auth: nonsense"}), 288U);
    EXPECT_EQ(code({"PC-Auth: 1;1;1;;" + std::string(64, '0')}), 288U);
    EXPECT_EQ(code({"PC-Auth: 1;7;1;;" + std::string(64, '0')}), 337U);
    EXPECT_EQ(connection.send({.verb = "POST", .target = "/pc-api/ext/" + system_id + "/users", .body = "{}"})
                  .status,
              404)
        << "devices make no users";
}

TEST_F(PayControlUsers, AQrCodeAndALinkPersonaliseADevice) {
    const auto coded = send(
        "POST", "/users",
        R"({"return_key_method":"QR_WITH_ACTIVATION_CODE","url_template":"paycontrol://user_key?key_json=%KEY_URLENCODED%"})");
    secret("device.password", "device password");
    secret("code.gif", std::string(as_text(from_base64(text(coded, "key_QR")).value())));
    auto done = device({"personalize", "--qr", appliance->scratch("code.gif"), "--code-file",
                        secret("qr.code", text(coded, "activation_code"))},
                       "scanned");
    EXPECT_EQ(done.code, 0) << done.output;
    const auto link = send(
        "POST", "/users",
        R"({"return_key_method":"DEEP_LINK","url_template":"paycontrol://user_key?key_json=%KEY_URLENCODED%"})");
    done = device({"personalize", "--from", secret("link", text(link, "key_deep_link"))}, "linked");
    EXPECT_EQ(done.code, 0) << done.output;
}

TEST_F(PayControlUsers, AnswersItsHealth) {
    const auto answer = expect_json(appliance->get("/healthcheck"));
    EXPECT_EQ(text(answer, "status"), "UP");
    EXPECT_FALSE(text(answer, "version").empty());
    EXPECT_FALSE(text(answer, "build_timestamp").empty());
    EXPECT_EQ(text(answer, "build_branch"), "main");
}

}  // namespace
}  // namespace signet::testing
