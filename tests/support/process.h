// Programs under test as child processes, and the directories they work in.
//
// Our daemons refuse root. Where the tests run as root (CI does), children run as the unprivileged account
// `nobody`; otherwise as the user who runs the tests.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace signet::testing {

// The user children run as: nobody (65534) for root, nullopt (stay) for anybody else.
std::optional<uid_t> service_user();

// A directory under $TMPDIR or /tmp, mode 0700, owned by `service_user`, removed with everything in it.
class TempDirectory {
  public:
    TempDirectory();
    ~TempDirectory();
    TempDirectory(const TempDirectory&) = delete;
    TempDirectory& operator=(const TempDirectory&) = delete;

    const std::filesystem::path& path() const { return path_; }
    std::filesystem::path operator/(const std::filesystem::path& name) const { return path_ / name; }
    // Writes a file, and makes its directories; all of them belong to `service_user`.
    std::filesystem::path write(const std::filesystem::path& name, std::string_view content,
                                mode_t mode = 0600) const;
    std::filesystem::path make_directory(const std::filesystem::path& name, mode_t mode = 0700) const;
    // Gives everything below to `service_user` again, after the test itself made files there as root.
    void give_away() const;

  private:
    std::filesystem::path path_;
};

// What a child that ended left behind. `code` is the exit code, or -signal when a signal ended it.
struct Ended {
    int code = 0;
    std::string output;  // stdout and stderr, as they came
};

class ChildProcess {
  public:
    struct Options {
        bool as_service_user = true;                       // see above; false: as the user who runs the tests
        std::map<std::string, std::string> environment{};  // added to the test's own
        std::filesystem::path directory{};                 // working directory; empty: the test's
        std::string input{};                               // on stdin
    };
    // The program is opened before the user changes, so it may lie where that user cannot look.
    explicit ChildProcess(std::vector<std::string> command) : ChildProcess(std::move(command), Options{}) {}
    ChildProcess(std::vector<std::string> command, Options options);
    // Kills the child if it still runs, and waits for it.
    ~ChildProcess();
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;

    pid_t pid() const { return pid_; }
    void signal(int number) const;
    bool running();
    std::string output() const;  // so far
    // The exit code, or -signal; nullopt when it still runs after `time`.
    std::optional<int> wait(std::chrono::milliseconds time = std::chrono::seconds(30));
    // Waits until the output contains `text`.
    bool wait_for_output(std::string_view text,
                         std::chrono::milliseconds time = std::chrono::seconds(30)) const;

  private:
    pid_t pid_ = -1;
    std::filesystem::path output_file_;
    std::optional<int> code_;
};

// Runs a program to its end; killed after `time` (code -9).
Ended run(std::vector<std::string> command, ChildProcess::Options options = {},
          std::chrono::milliseconds time = std::chrono::seconds(60));

// Polls `condition` until it holds; false when it does not within `time`.
bool eventually(const std::function<bool()>& condition,
                std::chrono::milliseconds time = std::chrono::seconds(30));

}  // namespace signet::testing
