#include "tests/support/token_process.h"

#include <signal.h>
#include <unistd.h>

namespace signet::testing {

using namespace std::chrono_literals;

TokenProcess::TokenProcess(std::string program) : program_(std::move(program)) {
    settings_ = {{"socket", "run/token.sock"},
                 {"module", SoftHsmToken::module().string()},
                 {"module_config", token_.conf().string()},
                 {"token", "{ label: " + token_.label() + " }"},
                 {"pin_file", token_.pin_file().string()},
                 {"allowed_users", "[" + std::to_string(geteuid()) + "]"},
                 {"state", "state"}};
}

void TokenProcess::set(const std::string& key, const std::string& value) {
    settings_[key] = value;
}

void TokenProcess::write_config() const {
    std::string text;
    for (const auto& [key, value] : settings_) {
        if (!value.empty()) text += key + ": " + value + "\n";
    }
    directory_.write("token.yaml", text, 0600);
}

void TokenProcess::start() {
    write_config();
    process_ =
        std::make_unique<ChildProcess>(std::vector<std::string>{program_, "--config", config().string()},
                                       ChildProcess::Options{.environment = environment_});
}

std::optional<int> TokenProcess::stop() {
    process_->signal(SIGTERM);
    return process_->wait();
}

Ended TokenProcess::run_command(std::vector<std::string> arguments, std::string input) const {
    write_config();
    arguments.insert(arguments.begin(), program_);
    return run(std::move(arguments), {.environment = environment_, .input = std::move(input)});
}

std::unique_ptr<TokenClient> TokenProcess::serving_client() const {
    auto made = client();
    if (eventually([&] { return made->status(Deadline::in(5s)).has_value(); })) return made;
    return nullptr;
}

}  // namespace signet::testing
