// Another system, for tests of what the daemon sends: keeps each request, and answers as told.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace signet::testing {

struct ReceivedRequest {
    std::string verb;
    std::string target;
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;
};

// Listens on a port of 127.0.0.1 from the constructor on. One request a connection.
class HttpReceiver {
  public:
    HttpReceiver();
    ~HttpReceiver();
    HttpReceiver(const HttpReceiver&) = delete;
    HttpReceiver& operator=(const HttpReceiver&) = delete;

    std::string url(const std::string& path = "/") const;
    // From now on; 200 and nothing at first. Status 0: the connection is closed without an answer.
    void answer(int status, std::string body = {});

    std::vector<ReceivedRequest> requests() const;
    // Waits until there are `count`; false when they do not come.
    bool wait_for(std::size_t count, std::chrono::milliseconds time = std::chrono::seconds(20)) const;

  private:
    void serve();
    void handle(int connection);

    int listener_ = -1;
    unsigned port_ = 0;
    std::atomic<bool> stopping_{false};
    mutable std::mutex mutex_;
    int status_ = 200;
    std::string body_;
    std::vector<ReceivedRequest> requests_;
    std::thread thread_;
};

}  // namespace signet::testing
