// What the tests of the running processes share: a served token with keys, and callers that keep it busy.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "tests/support/token_process.h"

namespace signet::testing {

using namespace std::chrono_literals;

inline Deadline soon() {
    return Deadline::in(20s);
}

inline SignRequest sign_request(const std::string& key = "signer") {
    return {KeyId{key, 1}, SignAlgorithm::es256, KeyUsage::sign, Bytes(32, 7)};
}

class ProcessTest : public ::testing::Test {
  protected:
    // Starts the processes, connects, and makes the key "signer".
    void serve() {
        process.start();
        client = process.serving_client();
        // An exception, because ASSERT would end this function alone.
        if (!client) throw std::runtime_error("the token is not served: " + process.log());
        const auto made =
            client->generate_key({{"signer", 1}, KeyAlgorithm::ec_p256, KeyUsage::sign}, soon());
        if (!made) throw std::runtime_error("no key: " + made.error().message + "\n" + process.log());
    }
    bool signs() { return client->sign(sign_request(), Deadline::in(5s)).has_value(); }
    bool recovers(std::chrono::milliseconds time = 20s) {
        return eventually([&] { return signs(); }, time);
    }
    // Throws where there is none: kill(-1) would end every process that this user may end.
    pid_t worker() {
        pid_t pid = 0;
        eventually([&] {
            const auto status = client->status(soon());
            pid = status ? static_cast<pid_t>(status->worker_pid) : 0;
            return pid > 1;
        });
        if (pid <= 1) throw std::runtime_error("no worker serves: " + process.log());
        return pid;
    }

    TokenProcess process{SIGNETD_TOKEN};
    std::unique_ptr<TokenClient> client;
};

// Threads that sign as fast as they can, and what became of each request.
class Load {
  public:
    explicit Load(TokenClient& client, int threads = 8, std::chrono::milliseconds deadline = 10s) {
        for (int i = 0; i < threads; ++i) {
            threads_.emplace_back([this, &client, deadline] {
                while (!stop_) {
                    const auto answer = client.sign(sign_request(), Deadline::in(deadline));
                    if (answer) {
                        ++good_;
                        continue;
                    }
                    const std::lock_guard lock(mutex_);
                    ++failures_[answer.error().code];
                    last_error_ = answer.error().message + " (" + answer.error().detail + ")";
                }
            });
        }
    }
    ~Load() { stop(); }

    void stop() {
        stop_ = true;
        for (auto& thread : threads_)
            thread.join();
        threads_.clear();
    }
    std::uint64_t good() const { return good_; }
    bool goes_on(std::uint64_t more = 50) const {
        const auto before = good();
        return eventually([&] { return good() > before + more; });
    }
    std::map<ErrorCode, int> failures() const {
        const std::lock_guard lock(mutex_);
        return failures_;
    }
    bool fails() const {
        const auto before = total(failures());
        return eventually([&] { return total(failures()) > before; });
    }
    std::string last_error() const {
        const std::lock_guard lock(mutex_);
        return last_error_;
    }
    // Whether every failure so far has one of these codes.
    bool only(std::initializer_list<ErrorCode> codes) const {
        for (const auto& [code, count] : failures()) {
            if (std::ranges::find(codes, code) == codes.end()) return false;
        }
        return true;
    }

  private:
    static int total(const std::map<ErrorCode, int>& counts) {
        int sum = 0;
        for (const auto& [code, count] : counts)
            sum += count;
        return sum;
    }
    mutable std::mutex mutex_;
    std::map<ErrorCode, int> failures_;
    std::string last_error_;
    std::atomic<std::uint64_t> good_{0};
    std::atomic<bool> stop_{false};
    std::vector<std::thread> threads_;
};

}  // namespace signet::testing
