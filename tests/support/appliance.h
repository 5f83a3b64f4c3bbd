// A whole appliance for a test: made by `signetctl init`, served by the built `signetd --with-token`.
//
// The first one of a process is made; the others are copies of it. Where the tests run as root, the appliance belongs to
// `service_user` and its policy permits root too, because the test itself makes requests.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/process.h"

namespace signet::testing {

struct HttpAnswer {
    long status = 0;                             // 0: no answer; `error` says why
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;
    std::string error;
};

struct HttpRequest {
    std::string verb = "GET";
    std::string target;
    std::string body{};
    std::vector<std::string> headers{};  // "Name: value"
    std::string content_type = "application/json";
    std::chrono::milliseconds time_limit = std::chrono::seconds(20);
    // TLS instead of the Unix socket.
    std::string url_base{};  // "https://localhost:4711"
    std::filesystem::path ca_file{};
    std::filesystem::path certificate_file{};
    std::filesystem::path key_file{};
};

// One keep-alive connection of libcurl's, which is no client of ours. One thread at a time.
class HttpConnection {
  public:
    explicit HttpConnection(std::filesystem::path socket = {});
    ~HttpConnection();
    HttpConnection(const HttpConnection&) = delete;
    HttpConnection& operator=(const HttpConnection&) = delete;
    HttpAnswer send(const HttpRequest& request);

  private:
    std::filesystem::path socket_;
    void* handle_;
};

class Appliance {
  public:
    struct Options {
        bool tls = false;       // a TLS listener on a free port
        bool publicly = false;  // a plain listener for anybody on a free port
        bool start = true;
        std::vector<std::string> families{};  // `signetctl init --with`
    };
    Appliance() : Appliance(Options{}) {}
    explicit Appliance(Options options);
    // Kills what still runs.
    ~Appliance();
    Appliance(const Appliance&) = delete;
    Appliance& operator=(const Appliance&) = delete;

    std::filesystem::path path(const std::filesystem::path& name = {}) const {
        return directory_.path() / "appliance" / name;
    }
    std::filesystem::path config() const { return path("signetd.yaml"); }
    std::filesystem::path api_socket() const { return path("run/api.sock"); }
    std::filesystem::path admin_socket() const { return path("run/admin.sock"); }
    // For files of the test's own; the daemon's user can read and write there.
    std::filesystem::path scratch(const std::filesystem::path& name) const {
        return directory_.path() / "scratch" / name;
    }
    unsigned tls_port() const { return tls_port_; }
    unsigned public_port() const { return public_port_; }

    // Starts the daemon; does not wait for it.
    void spawn();
    // Starts it and waits until it is ready; throws with its log when it is not.
    void start();
    // SIGTERM; the exit code, or nullopt when it did not end in time.
    std::optional<int> stop(std::chrono::milliseconds time = std::chrono::seconds(30));
    // SIGKILL to the daemon alone; returns when it is gone.
    void kill_daemon();
    void signal_daemon(int number) const;
    bool daemon_running() const;
    pid_t daemon_pid() const;
    // Below the daemon: the token's supervisor and its worker. 0 when there is none.
    pid_t supervisor_pid() const;
    pid_t worker_pid() const;
    std::string log() const;
    bool ready(std::chrono::milliseconds time = std::chrono::seconds(30)) const;

    // Replaces `what` in a file of the appliance; a failure if it is not there.
    void edit(const std::filesystem::path& name, std::string_view what, std::string_view by) const;
    void write(const std::filesystem::path& name, std::string_view content) const;

    HttpAnswer get(const std::string& target) const;
    HttpAnswer post(const std::string& target, const std::string& body,
                    std::vector<std::string> headers = {}) const;
    HttpAnswer admin(const HttpRequest& request) const;

    // signetctl with --config of this appliance, as the user of the appliance.
    Ended ctl(std::vector<std::string> arguments, const std::string& input = {}) const;
    // The openssl command, as the user who runs the tests.
    static Ended openssl(std::vector<std::string> arguments);
    static std::filesystem::path program(std::string_view name);

  private:
    TempDirectory directory_;
    std::unique_ptr<ChildProcess> daemon_;
    unsigned tls_port_ = 0;
    unsigned public_port_ = 0;
};

// Whether the process or a thread of it is more than a zombie.
bool process_alive(pid_t pid);

}  // namespace signet::testing
