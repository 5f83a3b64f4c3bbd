#include "daemon/ctl/load_generator.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <map>
#include <thread>

#include "base/unique_fd.h"
#include "tests/support/process.h"

namespace signet::ctl {
namespace {

// Answers every request of every connection with the same bytes, from one thread, until it goes.
class Echo {
  public:
    Echo(const std::filesystem::path& path, std::string answer)
        : answer_(std::move(answer)), listener_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
        EXPECT_EQ(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(listen(listener_.get(), 64), 0);
        thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
    }
    std::size_t requests() const { return requests_; }

  private:
    void serve(const std::stop_token& stop) {
        std::vector<UniqueFd> connections;
        while (!stop.stop_requested()) {
            std::vector<pollfd> polled{{listener_.get(), POLLIN, 0}};
            for (const auto& connection : connections)
                polled.push_back({connection.get(), POLLIN, 0});
            if (poll(polled.data(), polled.size(), 50) <= 0) continue;
            for (std::size_t i = 1; i < polled.size(); ++i) {
                char buffer[4096];
                if (polled[i].revents == 0) continue;
                if (::recv(polled[i].fd, buffer, sizeof buffer, 0) <= 0) {
                    connections[i - 1].reset();
                    continue;
                }
                ++requests_;
                // In two pieces: an answer may come in any.
                (void)::send(polled[i].fd, answer_.data(), 20, MSG_NOSIGNAL);
                (void)::send(polled[i].fd, answer_.data() + 20, answer_.size() - 20, MSG_NOSIGNAL);
            }
            std::erase_if(connections, [](const auto& connection) { return !connection; });
            if ((polled[0].revents & POLLIN) != 0)
                connections.emplace_back(::accept(listener_.get(), nullptr, nullptr));
        }
    }
    std::string answer_;
    UniqueFd listener_;
    std::atomic<std::size_t> requests_{0};
    std::jthread thread_;
};

Load load_of(const std::filesystem::path& socket) {
    Load load;
    load.socket = socket;
    load.connections = 4;
    load.target = "/x";
    load.body = R"({"digest":"AAAAAAAAAAAA"})";
    load.varying = 11;
    load.warm_up = std::chrono::milliseconds(20);
    load.time = std::chrono::milliseconds(200);
    return load;
}

TEST(LoadGenerator, CountsAnswers) {
    const signet::testing::TempDirectory directory;
    const Echo server(directory / "s",
                      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
    auto load = load_of(directory / "s");
    int started = 0;
    int ended = 0;
    load.on_start = [&] { ++started; };
    load.on_end = [&] { ++ended; };
    const auto report = run_load(load);
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_GT(report->operations, 0U);
    EXPECT_LE(report->operations, server.requests());
    EXPECT_EQ(report->failures, 0U);
    EXPECT_GT(report->seconds, 0.1);
    EXPECT_LE(report->p50_us, report->p99_us);
    EXPECT_EQ(started, 1);
    EXPECT_EQ(ended, 1);
}

TEST(LoadGenerator, KeepsTheFirstFailure) {
    const signet::testing::TempDirectory directory;
    const Echo server(directory / "s", "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy");
    const auto report = run_load(load_of(directory / "s"));
    ASSERT_TRUE(report);
    EXPECT_EQ(report->operations, 0U);
    EXPECT_GT(report->failures, 0U);
    EXPECT_EQ(report->first_failure, "HTTP/1.1 503 Service Unavailable: busy");
}

TEST(LoadGenerator, NobodyThere) {
    const signet::testing::TempDirectory directory;
    EXPECT_EQ(run_load(load_of(directory / "none")).error().code, ErrorCode::token_unavailable);
}

}  // namespace
}  // namespace signet::ctl
