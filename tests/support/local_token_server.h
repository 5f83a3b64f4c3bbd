// The worker's request server in the test's own process, over any TokenInterface, on a socket of its own.
#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "hsm/frames/token_interface.h"
#include "hsm/token/request_server.h"
#include "tests/support/process.h"

namespace signet::testing {

class LocalTokenServer {
  public:
    explicit LocalTokenServer(TokenInterface& token, token::ServerOptions options = {});
    ~LocalTokenServer();

    std::filesystem::path socket() const { return directory_ / "token.sock"; }
    // As a crash: every connection ends, nothing listens.
    void stop();
    void start();
    // As the supervisor's gentle swap: new connections go to a new server, the old one is drained.
    void swap();
    // Joins the servers that were swapped out; whether each saw its clients off.
    bool old_ones_drained();

  private:
    struct Running {
        std::unique_ptr<token::RequestServer> server;
        std::thread thread;
        token::RequestServer::End end{};
    };
    void listen();
    void run_new();

    TempDirectory directory_;
    TokenInterface& token_;
    token::ServerOptions options_;
    UniqueFd listener_;
    std::vector<UniqueFd> old_listeners_;
    std::unique_ptr<Running> current_;
    std::vector<std::unique_ptr<Running>> old_;
};

}  // namespace signet::testing
