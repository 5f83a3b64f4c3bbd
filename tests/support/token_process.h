// The real `signetd-token` over a SoftHSM token made for the test.
#pragma once

#include <memory>
#include <string>

#include "hsm/client/token_client.h"
#include "tests/support/process.h"
#include "tests/support/softhsm_token.h"

namespace signet::testing {

class TokenProcess {
  public:
    // Makes the token and token.yaml; starts nothing yet. `program` is the path of signetd-token.
    explicit TokenProcess(std::string program);

    // Replaces or adds a line of token.yaml: set("threads", "1").
    void set(const std::string& key, const std::string& value);
    // As `set`, for what the module finds in its environment.
    void set_environment(const std::string& name, const std::string& value) { environment_[name] = value; }

    void start();
    // SIGTERM, and the exit code.
    std::optional<int> stop();
    Ended run_command(std::vector<std::string> arguments, std::string input = {}) const;

    ChildProcess& process() { return *process_; }
    std::filesystem::path config() const { return directory_ / "token.yaml"; }
    std::filesystem::path socket() const { return directory_ / "run/token.sock"; }
    std::filesystem::path state() const { return directory_ / "state"; }
    const TempDirectory& directory() const { return directory_; }
    SoftHsmToken& token() { return token_; }
    std::string log() const { return process_ ? process_->output() : std::string(); }

    std::unique_ptr<TokenClient> client() const { return TokenClient::create({.socket = socket()}); }
    // Waits until the token answers; nullptr when it does not.
    std::unique_ptr<TokenClient> serving_client() const;

  private:
    void write_config() const;

    std::string program_;
    SoftHsmToken token_;
    TempDirectory directory_;
    std::map<std::string, std::string> settings_;
    std::map<std::string, std::string> environment_;
    std::unique_ptr<ChildProcess> process_;
};

}  // namespace signet::testing
