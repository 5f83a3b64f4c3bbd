// An appliance whose daemon does not run, opened by one command of signetctl: the database under signetd's own lock, the
// token through signetd-token (the running one, or one of its own for as long as this lives), and the services that keep
// the audit chain. What is done here has the same records as what the daemon does.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "daemon/config/config.h"
#include "daemon/service/audit.h"
#include "daemon/service/keys.h"
#include "hsm/client/token_client.h"
#include "hsm/provider/library_context.h"
#include "sqlite/read_pool.h"
#include "sqlite/writer.h"

namespace signet::ctl {

class Offline {
  public:
    struct Options {
        std::string_view holder;     // "signetctl ceremony": for who finds the database locked
        std::string_view principal;  // of the records
        std::string request_id;
        bool create = false;  // make the database when there is none
        // Takes the custodians' shares when the token waits for them; true when it did.
        std::function<Result<bool>(const std::filesystem::path& token_config)> unlock{};
    };
    // Errors: conflict (the daemon runs), token_* and storage_*.
    static Result<std::unique_ptr<Offline>> open(config::Config config, Options options);
    ~Offline();
    Offline(const Offline&) = delete;
    Offline& operator=(const Offline&) = delete;

    const config::Config& config() const;
    const Clock& clock() const;
    TokenClient& token();
    provider::LibraryContext& library();
    sqlite::Writer& writer();
    sqlite::ReadPool& readers();
    service::Keys& keys();
    service::Audit& audit();
    service::Caller caller(std::chrono::seconds time = std::chrono::seconds(120)) const;
    // A record of this command; the sequence number.
    Result<std::uint64_t> note(std::string_view action, std::string object, std::string outcome,
                               std::string details);

  private:
    struct Parts;
    explicit Offline(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

}  // namespace signet::ctl
