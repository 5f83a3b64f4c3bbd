// paycontrol: the PayControl PC Server that this appliance is. A section of signetd.yaml:
//
//   paycontrol:
//     instance: pcs-node-1             # pc_instance_name of events
//     seller_key: paycontrol.seller    # token key whose signatures on system requests and licences count
//     seller_public_key: seller.pem    # instead, when the seller's key is elsewhere
//     default_type: 0                  # crypto type of users: 0 ECDSA, 1 GOST
//     default_ttl: 0s                  # of transactions; 0: without end
//     confirm_interval: 180s           # confirm_code_time_sampling_interval
//     auth_interval: 180s              # auth_code_time_sampling_interval
//     key_lifetime: 365                # days; systems may say otherwise
//     clear_keys: false                # whether FULL_QR and DEEP_LINK, which show keys in clear, may be asked for
//     clean_confirmed: false           # wipe a transaction's data once it is confirmed
//     attempts: 5                      # wrong codes, activation codes and passwords before it ends
//     collect_events: true             # whether callbacks embed the event
//     clean_events: false              # whether DELETE on events is allowed
//     events_retention: 400d
//     transactions_retention: 3650d    # with operations and attempts, after they were made
//     external_methods: [codeword]     # ext_auth_available_methods
//     backend_check_url: ""            # asked before a WITH_BACKEND_CHECK transaction is confirmed
//     pusher: http                     # or console, none
//     signer_url: ""                   # of the server signer, for users that name none
//     callback_key: ""                 # token key that signs callbacks (JWS, detached)
//     gost_imit: false                 # whether confirmations carry gost_imit
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace signet::config {

struct PayControl {
    std::string instance = "signet";
    std::string seller_key;
    std::filesystem::path seller_public_key;  // PEM; empty: the token key
    std::uint32_t default_type = 0;
    std::chrono::seconds default_ttl{0};
    std::chrono::seconds confirm_interval{180};
    std::chrono::seconds auth_interval{180};
    std::uint32_t key_lifetime = 365;
    bool clear_keys = false;
    bool clean_confirmed = false;
    std::uint32_t attempts = 5;
    bool collect_events = true;
    bool clean_events = false;
    std::chrono::milliseconds events_retention = std::chrono::days{400};
    std::chrono::milliseconds transactions_retention = std::chrono::days{3650};
    std::vector<std::string> external_methods{"codeword"};
    std::string backend_check_url;
    std::string pusher = "http";
    std::string signer_url;
    std::string callback_key;
    bool gost_imit = false;
};

}  // namespace signet::config
