// Whether the appliance can sign right now, and if not, why. Found out in the background: asking costs nothing and never
// waits for a token that hangs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "daemon/service/audit.h"
#include "daemon/service/authorities.h"
#include "daemon/service/keys.h"
#include "hsm/frames/token_interface.h"
#include "sqlite/writer.h"

namespace signet::service {

struct HealthReason {
    std::string code;     // "token_unavailable", "storage_full", "disk_low", "audit_chain", …
    std::string message;  // what it is and what to do
};

struct Readiness {
    bool ready = false;
    std::vector<HealthReason> reasons;  // why not; empty when ready
    std::vector<std::string> warnings;  // what will become a reason: a CRL near its end, a missing key
};

class Health {
  public:
    struct Parts {
        TokenInterface& token;
        sqlite::Writer& writer;
        Keys& keys;
        Audit& audit;
        Authorities& authorities;
        const Clock& clock;
        std::filesystem::path database;
    };
    Health(Parts parts, std::uint64_t free_disk) : parts_(std::move(parts)), free_disk_(free_disk) {}
    void set_free_disk(std::uint64_t bytes);

    // Asks the token for a few random bytes and looks at disk and database. When the token comes (back), compares its keys
    // and its audit anchor with the database first, so that `ready` means synchronised. Returns whether it is ready.
    bool check(std::chrono::milliseconds time_limit);
    Readiness readiness() const;
    // Keys that the token lacks, that nobody here made, or that are near the end of their use.
    std::vector<std::string> key_alarms() const;
    // As of the last check; nullopt while the token does not answer.
    std::optional<TokenStatus> token_status() const;

  private:
    std::optional<HealthReason> check_token(std::chrono::milliseconds time_limit);
    std::optional<HealthReason> check_storage();
    std::optional<HealthReason> check_disk() const;

    Parts parts_;
    bool synchronised_ = false;  // of the background thread alone
    mutable std::mutex mutex_;   // guards what follows
    std::uint64_t free_disk_;
    Readiness readiness_{false, {{"starting", "the first look at the token has not ended yet"}}, {}};
    std::optional<TokenStatus> token_status_;
};

}  // namespace signet::service
