// mypos of signetd.yaml: stores, certificates and signatures of myPOS (docs/mypos-protocol.md).
#pragma once

#include <cstdint>
#include <string>

namespace signet::config {

struct Mypos {
    std::string ca = "mypos.ca";    // the authority that certifies our keys; an entry of `ca`
    std::string profile = "store";  // one of its profiles
    bool longer_keys = false;       // also takes merchants' keys over 2048 bits; shorter ones never
    bool packs = false;  // configuration packs may be made: a private key leaves the appliance, once
    // Wrong signatures in a minute, after which a caller, or a store, is refused for a while.
    std::uint32_t failures_per_caller = 60;
    std::uint32_t failures_per_store = 60;
};

}  // namespace signet::config
