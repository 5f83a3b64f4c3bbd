// Where the PIN comes from: a private file, a systemd credential, or custodians' shares; and what became of a PIN change that
// was interrupted.
//
// A change writes the next credential beside the one in force (`.next`), sets it in the token, and promotes it. After a crash
// in between both are there: each is tried once, and a file in the state directory says across restarts which were.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/secret.h"
#include "hsm/custody/sealed_pins.h"
#include "hsm/token/config.h"

namespace signet::token {

class Credentials {
  public:
    // Errors: those of read_pin, and invalid_argument for a file of shares that is malformed.
    static Result<Credentials> load(const TokenConfig& config);

    // The PIN to log in with now; null while custodians' shares are awaited, or when every one was refused.
    const Secret* pin() const;
    // Whether a refusal of this PIN is final: there is no other that could be the right one.
    bool is_last() const;
    // Before a login, when there is another candidate: written down first. Error: it could not be.
    Status note_try();
    // The token refused it. True when another one is left, perhaps one whose shares are awaited.
    bool refused();
    // The token took it: it is put into force, others are set aside.
    Status accepted();

    bool in_shares() const;  // the PIN in force is
    // The sets whose shares would open a PIN: of those in shares that may still be tried.
    std::vector<custody::ShareSet> sets() const;
    // The key that a set's shares gave. unprocessable when the file was altered.
    Status open(const custody::ShareSet& set, const Secret& key);
    // PIN and SO PIN in force, for a change; the SO PIN is empty where it is not known.
    Result<custody::Pins> in_force() const;

    // Writes the next credential: sealed by `set` and `key`, or without a set into the PIN's file.
    Status write_next(const custody::Pins& pins, const custody::ShareSet* set, const Secret* key);
    // The token did not take it: as if it had never been.
    void drop_next();
    // The token took it.
    Status promote_next();
    // Nobody knows whether the token took it: from now on both are candidates.
    void keep_both();

  private:
    struct Candidate {
        std::string name;  // "current", "next"
        std::filesystem::path file;
        std::optional<custody::SealedPins> sealed;
        custody::Pins pins;
        bool tried = false;
        Candidate copy() const { return {name, file, sealed, pins.clone(), tried}; }
    };
    explicit Credentials(const TokenConfig& config) : config_(config) {}
    Status add(std::string name, const std::filesystem::path& file, bool shares);
    Candidate* candidate();
    const Candidate* candidate() const;
    Status put_in_force(Candidate& chosen);
    std::filesystem::path tried_file() const { return config_.state / "pin-tried"; }

    TokenConfig config_;
    std::vector<Candidate> candidates_;
    std::optional<Candidate> next_;  // of a change under way
};

}  // namespace signet::token
