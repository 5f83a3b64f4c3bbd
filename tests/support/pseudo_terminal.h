// A program under test at a pseudo-terminal, as the service user: what people do at a real one.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace signet::testing {

class Pty {
  public:
    explicit Pty(std::vector<std::string> command);
    // Kills what still runs.
    ~Pty();
    Pty(const Pty&) = delete;
    Pty& operator=(const Pty&) = delete;

    // Reads on until `found(unread output)` gives a position to go on from; false at the program's end or after `time`.
    bool read_until(const std::function<std::optional<std::size_t>(const std::string&)>& found,
                    std::chrono::milliseconds time = std::chrono::seconds(120));
    void send(const std::string& line);
    void kill();
    // The exit code, or -signal.
    int wait();
    const std::string& output() const { return output_; }

  private:
    pid_t pid_ = -1;
    int fd_ = -1;
    std::string output_;
    std::size_t read_ = 0;
    std::optional<int> code_;
};

// The people of a ceremony: answers every prompt of signetctl as its participants would.
class People {
  public:
    // Runs the program to its end, or until its output contains `stop_at`: then it is killed (code -9).
    int drive(std::vector<std::string> command, const std::string& stop_at = {});
    const std::string& output() const { return output_; }
    // What each custodian wrote down last, by name: 40 words in one line.
    std::vector<std::pair<std::string, std::string>> shares;
    std::map<std::string, std::vector<std::string>> dealt;  // everything they ever wrote down, in order
    // Whom to believe when a share is asked for: indexes into `shares`, used up one after the other.
    std::vector<std::string> to_give;
    bool confirm = true;              // false: type something else
    std::function<bool()> stop_when;  // asked all the time; true: the program is killed

  private:
    std::string output_;
};

}  // namespace signet::testing
