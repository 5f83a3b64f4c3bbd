// Where a ceremony takes place: what differs between the rehearsal and the real thing, in a file of its own.
//
//   appliance: /srv/root-ca           # the appliance's directory; a ceremony with token.initialise makes it
//   module: /usr/lib/softhsm/libsofthsm2.so      # for token.initialise; else the appliance's token.yaml says it
//   module_parameters: "…"            # for C_Initialize's reserved field, where the module wants them
//   pin_file: …                       # for token.initialise with PINs of your own, mode 0600; otherwise both
//   so_pin_file: …                    #   are random
//   outputs: /srv/root-ca/ceremony    # directory of what the ceremony leaves; default `ceremony` in the appliance
#pragma once

#include <filesystem>
#include <string>

#include "base/error.h"
#include "daemon/ctl/ceremony/plan.h"

namespace signet::ctl::ceremony {

struct Site {
    std::filesystem::path appliance;
    std::filesystem::path module;
    std::string module_parameters;
    std::filesystem::path pin_file;
    std::filesystem::path so_pin_file;
    std::filesystem::path outputs;
    bool rehearsal = false;

    std::filesystem::path config() const { return appliance / "signetd.yaml"; }
    std::filesystem::path token_config() const { return appliance / "token.yaml"; }
    // The durable journal of one ceremony's steps.
    std::filesystem::path journal(const Plan& plan) const;
    std::filesystem::path transcript(const Plan& plan) const;
};

// Paths are relative to the file.
Result<Site> read_site(const std::filesystem::path& file);
// The site of an appliance that is there.
Site site_of(const std::filesystem::path& config);
// A disposable SoftHSM below `directory`; outputs go to `outputs`.
Site rehearsal_site(const std::filesystem::path& directory, const std::filesystem::path& outputs);

}  // namespace signet::ctl::ceremony
