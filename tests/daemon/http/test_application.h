// An application for tests of what moves the bytes: its paths say what it does.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "daemon/http/application.h"

namespace signet::http {

// GET  /hello      200 "hello"                 POST /echo    the body back, up to 64 KiB
// ANY  /denied     403 from admit              GET  /peer    what the connection proves
// GET  /blocked    waits for release()         GET  /big     1 MiB
// GET  /throws     throws                      anything else 404 from admit
class TestApplication final : public Application {
  public:
    std::variant<Admitted, Response> admit(const RequestHead& head) override {
        ++admitted;
        if (head.path == "/denied") return Response{403, "text/plain", "denied", {}};
        if (head.path == "/hello" || head.path == "/peer" || head.path == "/blocked" || head.path == "/big" ||
            head.path == "/throws" || head.path == "/empty")
            return Admitted{0, nullptr};
        if (head.path == "/echo") return Admitted{std::size_t{64} << 10, nullptr};
        if (head.path == "/later") return Admitted{std::size_t{64} << 10, nullptr, true};
        return Response{404, "text/plain", "nothing here", {}};
    }

    Response handle(Request request, const Admitted&) override {
        ++handled;
        if (request.path == "/echo") return {200, "text/plain", std::move(request.body), {}};
        if (request.path == "/big") return {200, "text/plain", std::string(std::size_t{1} << 20, 'x'), {}};
        if (request.path == "/throws") throw std::runtime_error("on purpose");
        if (request.path == "/empty")
            return {204, "", "", {{"X-Bad", "a\r\nInjected: 1"}, {"Content-Length", "7"}}};
        if (request.path == "/peer") return {200, "text/plain", describe(*request.peer), {}};
        if (request.path == "/blocked") {
            std::unique_lock lock(mutex_);
            ++blocked_;
            changed_.notify_all();
            changed_.wait(lock, [&] { return released_; });
        }
        return {200, "text/plain", "hello", {}};
    }

    // Leaves the answer to the test.
    void begin(Request request, Admitted, Finish finish) override {
        const std::lock_guard lock(mutex_);
        begun.emplace_back(std::move(request), std::move(finish));
        changed_.notify_all();
    }
    std::pair<Request, Finish> take_begun() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return !begun.empty(); });
        auto first = std::move(begun.front());
        begun.erase(begun.begin());
        return first;
    }
    std::vector<std::pair<Request, Finish>> begun;

    Response refuse(unsigned status, std::string_view why, std::string_view) override {
        Response response{status, "text/plain", std::string(why), {}};
        if (status == 503) response.headers.emplace_back("Retry-After", "1");
        return response;
    }

    void wait_until_blocked(int requests) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return blocked_ >= requests; });
    }
    void release() {
        const std::lock_guard lock(mutex_);
        released_ = true;
        changed_.notify_all();
    }

    std::atomic<int> admitted{0};
    std::atomic<int> handled{0};

  private:
    static std::string describe(const Peer& peer) {
        std::string out = peer.listener + "\n";
        if (peer.uid) out += "uid=" + std::to_string(*peer.uid) + "\n";
        if (peer.pid) out += "pid=" + std::to_string(*peer.pid) + "\n";
        for (const auto gid : peer.gids)
            out += "gid=" + std::to_string(gid) + "\n";
        if (peer.certificate) {
            out += "subject=" + peer.certificate->subject + "\nfingerprint=" + peer.certificate->fingerprint +
                   "\n";
            for (const auto& name : peer.certificate->dns_names)
                out += "dns=" + name + "\n";
            for (const auto& name : peer.certificate->uris)
                out += "uri=" + name + "\n";
            for (const auto& name : peer.certificate->emails)
                out += "email=" + name + "\n";
        }
        return out;
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    int blocked_ = 0;
    bool released_ = false;
};

}  // namespace signet::http
