// The public keys that may have signed an audit chain's checkpoints.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "hsm/pki/public_key.h"
#include "sqlite/audit_log.h"
#include "sqlite/connection.h"

namespace signet::ctl {

class AuditKeys {
  public:
    // A PEM public key that a person vouches for: accepted for any label and version.
    Status add_file(const std::filesystem::path& path);
    // Every version of every audit key in the appliance's own registry.
    Status add_registered(sqlite::Connection& db);
    bool empty() const { return vouched_.empty() && registered_.empty(); }

    // Whether a key that is known by the checkpoint's label and version, or vouched for, signed it.
    Result<bool> check(const sqlite::Checkpoint& checkpoint) const;

  private:
    std::vector<pki::PublicKey> vouched_;
    std::map<std::pair<std::string, std::uint32_t>, pki::PublicKey> registered_;
};

}  // namespace signet::ctl
