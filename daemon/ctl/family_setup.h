// What `signetctl init --with FAMILY` adds to a new appliance: keys, authorities, and the sections that switch a family on.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "hsm/frames/key_types.h"

namespace signet::ctl {

struct FirstKey {
    std::string_view label;
    KeyAlgorithm algorithm;
    KeyUsages usages;
};

// A root that signs itself; its certificate goes where signetd.yaml places it (ca.LABEL.certificate).
struct FirstAuthority {
    std::string_view label;        // of a key with usage certify
    std::string_view common_name;  // "Signet MPoC SDK CA"; something unique is added
};

// A certificate for another of the keys, for signing documents (pki::document_signing_profile).
struct FirstCertificate {
    std::string_view key;
    std::string_view authority;
    std::string_view common_name;
    std::string_view file;  // below the appliance's directory: "ca/mosip.mms.pem"
};

struct FamilySetup {
    std::string_view name;     // "mpoc"
    std::string_view summary;  // one line for the help
    std::vector<FirstKey> keys;
    std::vector<FirstAuthority> authorities{};
    std::vector<FirstCertificate> certificates{};
    // With comments for the people who will change them.
    std::string_view authorities_text{};  // what stands below `ca:` in signetd.yaml, two spaces deep
    std::string_view daemon_text{};       // sections of signetd.yaml
    std::string_view policy_text{};       // rules of policy.yaml, two spaces deep
};

FamilySetup momo_setup();   // setup_momo.cpp
FamilySetup mypos_setup();  // setup_mypos.cpp

// In the order of the help. Each family has a file of its own, setup_<family>.cpp.
const std::vector<FamilySetup>& family_setups();
// Error: invalid_argument naming those there are.
Result<std::vector<const FamilySetup*>> setups_named(const std::vector<std::string>& names);

}  // namespace signet::ctl
