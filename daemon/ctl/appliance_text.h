// The files that `signetctl init` writes, as text with comments for the people who will change them.
#pragma once

#include <string>
#include <vector>

#include "daemon/ctl/family_setup.h"

namespace signet::ctl {

struct ApplianceSettings {
    std::string directory;          // absolute
    std::string module;             // PKCS#11 module
    std::string module_parameters;  // for C_Initialize's reserved field; empty: none
    bool softhsm = true;            // the module reads softhsm2.conf
    std::string token_label;
    std::vector<std::string> users;  // names or numbers: who the policy permits everything
    std::string service_user;        // who runs the daemon
    std::string tls_address;         // "127.0.0.1:8443"; empty: the listener stays a comment
    std::string public_address;      // plain HTTP for CRL and OCSP; empty: likewise
    std::vector<const FamilySetup*> families{};
    std::string audit_key = "audit";  // label of the key that signs the audit chain
    bool for_backup = false;          // the first keys may go into a backup
    bool own_authority = true;        // with the authority device.ca, which `init` makes
};

std::string softhsm_text(const ApplianceSettings& settings);
std::string token_text(const ApplianceSettings& settings);
std::string daemon_text(const ApplianceSettings& settings);
std::string policy_text(const ApplianceSettings& settings);

}  // namespace signet::ctl
