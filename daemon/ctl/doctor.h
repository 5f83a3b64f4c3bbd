// What `signetctl doctor` looks at, one function a subject; each finding says what to do about it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "daemon/config/config.h"
#include "daemon/ctl/context.h"

namespace signet::ctl::doctor {

enum class Health : std::uint8_t { ok, warning, error };

struct Finding {
    std::string_view check;  // "token.pin", stable
    Health health = Health::ok;
    std::string message;
    std::string remedy;  // empty when all is well
};

class Findings {
  public:
    void ok(std::string_view check, std::string message) { add({check, Health::ok, std::move(message), {}}); }
    void warning(std::string_view check, std::string message, std::string remedy) {
        add({check, Health::warning, std::move(message), std::move(remedy)});
    }
    void error(std::string_view check, std::string message, std::string remedy) {
        add({check, Health::error, std::move(message), std::move(remedy)});
    }
    const std::vector<Finding>& all() const { return all_; }
    std::size_t count(Health health) const;

  private:
    void add(Finding finding) { all_.push_back(std::move(finding)); }
    std::vector<Finding> all_;
};

// Policy, and who owns and may read the files.
void check_files(const config::Config& config, Findings& findings);
// The module, the PIN and its marker, the token behind its socket.
void check_token(const config::Config& config, Findings& findings);
// Database, disk, clock.
void check_state(const config::Config& config, Findings& findings);
// Keys that are missing, near their end, or not ours.
void check_keys(const config::Config& config, Findings& findings);
// Whether the audit chain has the head that the token anchored.
void check_anchor(const config::Config& config, Findings& findings);
// Certificates and revocation lists near their end.
void check_certificates(const config::Config& config, Findings& findings);
// The daemon's sockets, and what it says of itself.
void check_daemon(Context& context, const config::Config& config, Findings& findings);

}  // namespace signet::ctl::doctor
