#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "base/log_background.h"

namespace signet::log {
namespace {

using namespace std::chrono_literals;

// Stderr as a pipe whose reader comes late; put back at the end.
class SlowReader {
  public:
    SlowReader() {
        EXPECT_EQ(pipe2(ends_, O_CLOEXEC), 0);
        fcntl(ends_[1], F_SETPIPE_SZ, 4096);
        saved_ = dup(STDERR_FILENO);
        dup2(ends_[1], STDERR_FILENO);
        close(ends_[1]);
    }
    ~SlowReader() {
        restore();
        close(ends_[0]);
    }
    void restore() {
        if (saved_ < 0) return;
        dup2(saved_, STDERR_FILENO);
        close(saved_);
        saved_ = -1;
    }
    // Until the text came.
    bool read_until(std::string_view text) {
        std::string seen;
        char buffer[4096];
        while (seen.find(text) == std::string::npos) {
            const auto count = read(ends_[0], buffer, sizeof(buffer));
            if (count <= 0) return false;
            seen.append(buffer, static_cast<std::size_t>(count));
        }
        return true;
    }

  private:
    int ends_[2]{-1, -1};
    int saved_ = -1;
};

TEST(LogBackground, NobodyWaitsForAPipeThatNobodyReads) {
    set_up("log_test", "info");
    SlowReader reader;
    std::thread rest;
    {
        const Background background;
        // More than the pipe and the queue hold together; without the queue this would never end.
        for (int i = 0; i < 10'000; ++i)
            info("log.test", "a line of a log that nobody reads at the moment",
                 {{"number", std::to_string(i)}});
        EXPECT_GT(Background::lost(), 0U);
        EXPECT_FALSE(Background::flush(1ms));
        EXPECT_TRUE(reader.read_until("event=log.lost count="));
        // What still waits may be more than the pipe holds: somebody has to read while it is written.
        rest = std::thread([&] {
            EXPECT_TRUE(reader.read_until("the last line")) << "what waits is written before the end";
        });
        EXPECT_TRUE(Background::flush(10s));
        info("log.test", "the last line");
    }
    rest.join();
    info("log.test", "without a background thread");
    EXPECT_TRUE(reader.read_until("without a background thread"));
}

}  // namespace
}  // namespace signet::log
