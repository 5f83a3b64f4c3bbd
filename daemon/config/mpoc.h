// The section `mpoc` of signetd.yaml: the MPoC AMS API.
//
//   mpoc:
//     ca: mpoc.ca                  # label of the CA that certifies SDK instances
//     profiles: { kek: kek, sign: sign }         # of that CA; by default these names
//     api_keys: mpoc.api           # label of the MAC key under which customers' API keys are kept
//     key_type: rsa-3072           # of key pairs made in the token: rsa-2048, rsa-3072 or rsa-4096
//     attestations: 400d           # how long the history of attestation results stays
#pragma once

#include <chrono>
#include <string>

#include "hsm/frames/key_types.h"

namespace signet::config {

struct Mpoc {
    std::string ca = "mpoc.ca";
    std::string kek_profile = "kek";
    std::string sign_profile = "sign";
    std::string api_keys = "mpoc.api";
    KeyAlgorithm key_type = KeyAlgorithm::rsa_3072;
    std::chrono::milliseconds attestations = std::chrono::days{400};
};

}  // namespace signet::config
