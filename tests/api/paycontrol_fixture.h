// An appliance that is a PayControl server, with a licensed system and a receiver for what it sends.
#pragma once

#include <unistd.h>

#include <fstream>

#include "tests/api/json.h"
#include "tests/support/http_receiver.h"

namespace signet::testing {

// The documented envelope of an answer: {"answer_type", "answer": {"result", type: …}, "answer_version": 3}.
struct PcAnswer {
    std::string type;
    std::uint64_t code = 0;
    std::string message;
    json::value value;  // answer[type]
    std::string body;
};

class PayControlServer {
  public:
    // `settings` are lines of the section `paycontrol`, indented by two spaces; `prepare` may edit files before the start.
    explicit PayControlServer(const std::string& settings = {},
                              const std::function<void(Appliance&)>& prepare = {})
        : appliance(Appliance::Options{.start = false, .families = {"paycontrol"}}) {
        if (!settings.empty())
            appliance.edit("signetd.yaml", "\npaycontrol:", "\npaycontrol:\n" + settings + "  #");
        appliance.edit(
            "signetd.yaml", "listeners:\n",
            "outbound:\n  paycontrol: { plain_http: true, private_addresses: [127.0.0.0/8] }\nlisteners:\n");
        if (prepare) prepare(appliance);
        appliance.start();
        system = add_system("Bank");
    }

    std::string add_system(const std::string& name, int users = 100'000) {
        const auto file = appliance.scratch(name + ".json");
        const auto issued = appliance.ctl({"--json", "paycontrol", "issue-system", name, "--users",
                                           std::to_string(users), "--out", file.string()});
        EXPECT_EQ(issued.code, 0) << issued.output;
        const auto registered = appliance.ctl({"--json", "paycontrol", "register", file.string()});
        EXPECT_EQ(registered.code, 0) << registered.output;
        return text(parse_json(registered.output), "system_id");
    }

    static PcAnswer parse(const HttpAnswer& answer) {
        PcAnswer out;
        out.body = answer.body;
        const auto whole = parse_json(answer.body);
        EXPECT_EQ(number(whole, "answer_version"), 3U) << answer.status << answer.body << answer.error;
        out.type = text(whole, "answer_type");
        const auto* const inner = whole.is_object() ? whole.get_object().if_contains("answer") : nullptr;
        if (inner == nullptr || !inner->is_object()) return out;
        const auto* const result = inner->get_object().if_contains("result");
        if (result != nullptr) {
            out.code = number(*result, "error_code");
            out.message = text(*result, "error_message");
        }
        if (const auto* const value = inner->get_object().if_contains(out.type)) out.value = *value;
        return out;
    }
    PcAnswer send(const std::string& verb, const std::string& path, const std::string& body = {}) const {
        return parse(HttpConnection(appliance.api_socket())
                         .send({.verb = verb, .target = "/pc-api" + path, .body = body}));
    }
    PcAnswer get(const std::string& path) const { return send("GET", path); }
    PcAnswer post(const std::string& path, const std::string& body) const { return send("POST", path, body); }
    // An answer that must be a success of this type.
    json::value expect(const PcAnswer& answer, const std::string& type) const {
        EXPECT_EQ(answer.code, 0U) << answer.body;
        EXPECT_EQ(answer.type, type) << answer.body;
        return answer.value;
    }
    void expect_error(const PcAnswer& answer, std::uint64_t code) const {
        EXPECT_EQ(answer.code, code) << answer.body;
        EXPECT_EQ(answer.type, "result_only") << answer.body;
    }

    void configure(const std::string& settings) {
        const auto changed = send("PATCH", "/" + system, settings);
        EXPECT_EQ(changed.code, 0U) << changed.body;
    }

    // A user with a KEY_JSON under the password 123456. `parameters` are members of key_params.
    std::string add_user(const std::string& parameters = {}) {
        const auto made =
            expect(post("/" + system + "/users",
                        R"({"id_prefix":"test-","key_params":{)" + parameters +
                            R"(},"return_key_method":"KEY_JSON","key_encryption_password":"123456"})"),
                   "user_created");
        const auto user = text(made, "user_id");
        std::ofstream(appliance.scratch(user + ".key")) << text(made, "key_json");
        return user;
    }
    std::string users(const std::string& user) const { return "/" + system + "/users/" + user; }

    // The user's device in software; registers its public keys.
    void personalize(const std::string& user, std::vector<std::string> more = {}) {
        const auto secret = appliance.scratch("secret");
        if (!std::filesystem::exists(secret)) {
            std::ofstream(secret) << "123456";
            std::filesystem::permissions(secret, std::filesystem::perms(0600));
            own(secret);
        }
        own(appliance.scratch(user + ".key"));
        std::vector<std::string> command{"device",
                                         "personalize",
                                         device(user),
                                         "--password-file",
                                         secret.string(),
                                         "--from",
                                         appliance.scratch(user + ".key").string(),
                                         "--code-file",
                                         secret.string()};
        command.insert(command.end(), more.begin(), more.end());
        const auto done = appliance.ctl(command);
        EXPECT_EQ(done.code, 0) << done.output;
    }
    Ended with_device(const std::string& user, const std::string& what,
                      std::vector<std::string> more = {}) const {
        std::vector<std::string> command{
            "--json", "device", what, device(user), "--password-file", appliance.scratch("secret").string()};
        command.insert(command.end(), more.begin(), more.end());
        return appliance.ctl(command);
    }

    // Returns the transaction's id.
    std::string add_transaction(const std::string& user,
                                const std::string& more = R"("confirm_code_length":8)") {
        return text(
            expect(
                post(
                    users(user) + "/transactions",
                    R"({"transaction_data":{"text":"Pay 12 000","binary_data":"SGVsbG8="},"notification_type":"Push",)" +
                        more + "}"),
                "transaction_created"),
            "transaction_id");
    }
    std::string path(const std::string& user, const std::string& transaction) const {
        return users(user) + "/transactions/" + transaction;
    }
    // A right code for the transaction, by the server itself.
    std::string code(const std::string& user, const std::string& transaction) const {
        return expect(post(path(user, transaction) + "/gen_confirm_code", "{}"), "confirm_code")
            .as_string()
            .c_str();
    }
    PcAnswer confirm(const std::string& user, const std::string& transaction, const std::string& code) const {
        return post(path(user, transaction) + "/confirm", R"({"confirm_code":")" + code + "\"}");
    }
    std::string status(const std::string& user, const std::string& transaction) const {
        return text(expect(get(path(user, transaction)), "transaction_info"), "status");
    }

    // Callbacks of a type that the receiver has, as `pc_callback`'s inner object.
    std::vector<json::value> callbacks(const std::string& type) const {
        std::vector<json::value> out;
        for (const auto& request : receiver.requests()) {
            const auto body = parse_json(request.body);
            const auto* const callback =
                body.is_object() ? body.get_object().if_contains("pc_callback") : nullptr;
            if (callback == nullptr || text(*callback, "type") != type) continue;
            EXPECT_EQ(number(*callback, "version"), 3U);
            out.push_back(callback->at(type));
        }
        return out;
    }
    bool wait_for_callbacks(const std::string& type, std::size_t count) const {
        return eventually([&] { return callbacks(type).size() >= count; });
    }

    HttpReceiver receiver;
    Appliance appliance;
    std::string system;

  private:
    std::string device(const std::string& user) const { return appliance.scratch(user + ".device").string(); }
    static void own(const std::filesystem::path& file) {
        if (service_user()) {
            EXPECT_EQ(chown(file.c_str(), *service_user(), *service_user()), 0);
        }
    }
};

}  // namespace signet::testing
