// The daemon is killed under load: each user, transaction, confirmation and callback that was acknowledged is there, once.
#include <atomic>
#include <set>
#include <thread>

#include "tests/api/paycontrol_fixture.h"

namespace signet::testing {
namespace {

struct Acknowledged {
    std::set<std::string> users;
    std::set<std::pair<std::string, std::string>> transactions;  // user, transaction
    std::set<std::pair<std::string, std::string>> confirmed;
};

// One client: makes users, transactions and confirmations, and remembers what it was told.
class Client {
  public:
    Client(const PayControlServer& server, std::atomic<std::size_t>& done) : server_(server), done_(done) {
        thread_ = std::thread([this] { run(); });
    }
    Acknowledged stop() {
        stopping_ = true;
        thread_.join();
        return std::move(acknowledged_);
    }

  private:
    // The value of answer[type], or null for whatever is not that success.
    json::value ask(const std::string& path, const std::string& body, const std::string& type) {
        const auto answer = HttpConnection(server_.appliance.api_socket())
                                .send({.verb = "POST", .target = "/pc-api" + path, .body = body});
        boost::system::error_code error;
        if (answer.status != 200) return {};
        const auto whole = json::parse(answer.body, error);
        if (error || text(whole, "answer_type") != type) return {};
        const auto& inner = whole.at("answer").as_object();
        if (number(inner.at("result"), "error_code") != 0) return {};
        const auto* const value = inner.if_contains(type);
        return value == nullptr ? json::value(true) : *value;
    }
    void run() {
        while (!stopping_) {
            const auto made =
                ask("/" + server_.system + "/users",
                    R"({"return_key_method":"KEY_JSON","key_encryption_password":"123456"})", "user_created");
            if (!made.is_object()) continue;
            const auto user = text(made, "user_id");
            acknowledged_.users.insert(user);
            for (int i = 0; i < 5 && !stopping_; ++i)
                confirm_one(user);
        }
    }
    void confirm_one(const std::string& user) {
        const auto made =
            ask(server_.users(user) + "/transactions",
                R"({"transaction_data":{"text":"Pay"},"notification_type":"Push","confirm_code_length":8})",
                "transaction_created");
        if (!made.is_object()) return;
        const auto transaction = text(made, "transaction_id");
        acknowledged_.transactions.emplace(user, transaction);
        const auto path = server_.path(user, transaction);
        const auto code = ask(path + "/gen_confirm_code", "{}", "confirm_code");
        if (!code.is_string()) return;
        const auto body = R"({"confirm_code":")" + std::string(code.get_string()) + "\"}";
        if (ask(path + "/confirm", body, "result_only").is_null()) return;
        acknowledged_.confirmed.emplace(user, transaction);
        ++done_;
    }

    const PayControlServer& server_;
    std::atomic<std::size_t>& done_;
    std::atomic<bool> stopping_{false};
    Acknowledged acknowledged_;
    std::thread thread_;
};

TEST(PayControlFault, WhatWasAcknowledgedSurvivesKill9Once) {
    PayControlServer server;
    server.configure(R"({"callback_url":")" + server.receiver.url("/callback") + R"("})");
    Acknowledged all;
    std::atomic<std::size_t> done{0};
    for (int round = 0; round < 3; ++round) {
        const auto target = done + 15;
        std::vector<std::unique_ptr<Client>> clients;
        for (int i = 0; i < 4; ++i)
            clients.push_back(std::make_unique<Client>(server, done));
        EXPECT_TRUE(eventually([&] { return done >= target; }, std::chrono::seconds(120)));
        server.appliance.kill_daemon();
        for (auto& client : clients) {
            auto told = client->stop();
            all.users.merge(told.users);
            all.transactions.merge(told.transactions);
            all.confirmed.merge(told.confirmed);
        }
        server.appliance.start();
    }
    EXPECT_GE(all.confirmed.size(), 45U);
    for (const auto& user : all.users)
        EXPECT_EQ(server.get(server.users(user)).code, 0U) << user;
    for (const auto& [user, transaction] : all.transactions)
        EXPECT_EQ(server.get(server.path(user, transaction)).code, 0U) << transaction;
    for (const auto& [user, transaction] : all.confirmed) {
        const auto info = server.get(server.path(user, transaction)).value;
        EXPECT_EQ(text(info, "status"), "confirmed") << transaction;
        std::size_t successes = 0;
        for (const auto& attempt : info.at("confirm_attempts").as_array())
            successes += text(attempt, "confirm_result") == "SUCCESS" ? 1U : 0U;
        EXPECT_EQ(successes, 1U) << transaction;
    }
    // The outbox delivers at least once: a kill between the delivery and its record sends it again, with the same content.
    const auto told = [&] {
        std::map<std::string, std::set<std::string>> callbacks;
        for (const auto& callback : server.callbacks("transaction_callback"))
            callbacks[text(callback, "transaction_id")].insert(json::serialize(callback));
        return callbacks;
    };
    EXPECT_TRUE(eventually(
        [&] {
            const auto callbacks = told();
            for (const auto& one : all.confirmed)
                if (!callbacks.contains(one.second)) return false;
            return true;
        },
        std::chrono::seconds(120)));
    const auto callbacks = told();
    for (const auto& [user, transaction] : all.confirmed) {
        ASSERT_TRUE(callbacks.contains(transaction)) << transaction;
        EXPECT_EQ(callbacks.at(transaction).size(), 1U) << transaction;
    }
    EXPECT_EQ(server.appliance.ctl({"audit", "verify"}).code, 0);
}

}  // namespace
}  // namespace signet::testing
