// Principals and rules as the policy file states them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/digest.h"
#include "policy/csr_constraints.h"

namespace signet::policy {

// A name for whoever proves one of its identities.
struct Principal {
    std::string name;  // "ops", "pay-gateway"; `public` is the anonymous one and cannot be defined
    int line = 0;
    std::vector<std::uint32_t> uids;
    std::vector<std::uint32_t> gids;
    std::vector<std::string> fingerprints;  // SHA-256 of a client certificate, lower-case hex
    std::vector<std::string> sans;  // "dns:pay.example", "uri:spiffe://…", `*` within one label of a DNS name
    std::vector<Sha256> api_keys;   // SHA-256 of keys of 256 random bits
    // Public keys with which this person signs approvals, DER SubjectPublicKeyInfo; no two principals share one.
    std::vector<Bytes> approval_keys;
    bool operator==(const Principal&) const = default;
};

struct Rate {
    std::uint32_t count = 0;
    std::chrono::milliseconds per{0};  // "100/1s", "5000/1h"
    bool operator==(const Rate&) const = default;
};

// Days and hours in UTC. A window whose `from` is past its `to` runs over midnight and belongs to the day it
// begins on.
struct TimeWindow {
    std::uint8_t days = 0x7F;  // bit 0 = Monday
    std::chrono::minutes from{0};
    std::chrono::minutes to{24 * 60};  // exclusive
    bool operator==(const TimeWindow&) const = default;
    bool contains(SystemTime time) const;
};

struct Rule {
    std::string name;
    int line = 0;
    bool allow = true;
    std::vector<std::string> principals;   // names, or `*` for every known one (never `public`)
    std::vector<std::string> permissions;  // "keys.sign", "keys.*", "*"
    std::vector<std::string> keys;         // globs over labels: "document.*"; empty: any resource, also none
    std::vector<std::string> algorithms;   // JOSE names; empty: any
    std::optional<TimeWindow> window;
    std::optional<Rate> rate;  // for each principal that the rule admits
    std::uint32_t quorum = 0;  // approvals needed besides the requester's own request
    std::optional<CsrConstraints> csr;
    bool operator==(const Rule&) const = default;
};

}  // namespace signet::policy
