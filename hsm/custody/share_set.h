// A secret of 256 bits in M-of-N shares (A. Shamir, "How to share a secret", 1979; libgfshare, over GF(2^8)).
//
// The public header names the set: threshold, custodians, and the SHA-256 of each share, so that a share that is wrong,
// mistyped, given twice or of another set is named before anything is combined. A hash of 256 random bits helps nobody.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/secret.h"

namespace signet::custody {

inline constexpr std::size_t kKeySize = 32;
inline constexpr std::size_t kMostShares = 16;

using SetId = std::array<std::uint8_t, 4>;

enum class Purpose : std::uint8_t {
    pin = 1,     // seals PIN and SO PIN
    backup = 2,  // wraps the keys of a backup
};
std::string_view to_string(Purpose purpose);  // "pin", "backup"
std::optional<Purpose> purpose_from(std::string_view name);

struct Share {
    SetId set{};
    std::uint8_t number = 0;  // from 1; a share number 0 would be the secret itself
    Secret value{};           // kKeySize bytes
    Share clone() const { return {set, number, value.clone()}; }
};

struct ShareSet {
    Purpose purpose = Purpose::pin;
    SetId id{};
    std::uint8_t threshold = 0;
    std::vector<std::string> custodians;  // share i + 1 belongs to custodian i
    std::vector<Sha256> hashes;           // of share i + 1, by hash_of
    Sha256 key_check{};                   // of the key, by hash_of: that the shares gave the right one

    // The custodian of a share that belongs here. Errors: invalid_argument (not of this set: which one it is of; a number that
    // the set does not have; not the share that was dealt).
    Result<std::string> check(const Share& share) const;
    Status check_key(const Secret& key) const;
};

// SHA-256("signet-share-1" ‖ purpose ‖ set id ‖ number ‖ value); number 0 for the key.
Sha256 hash_of(Purpose purpose, const Share& share);

// The header as YAML text, and back (strictly).
std::string to_text(const ShareSet& set);
Result<ShareSet> parse_share_set(std::string_view text, std::string name);

struct Dealt {
    ShareSet set;
    std::vector<Share> shares;
};
// 2 <= threshold <= custodians <= 16; names of 1 to 128 bytes on one line. Random numbers are OpenSSL's private ones.
Result<Dealt> deal(Purpose purpose, const Secret& key, unsigned threshold,
                   std::vector<std::string> custodians);
// A new random key of kKeySize bytes.
Secret new_key();
// At least `threshold` different shares of the set, each checked before. Errors: failed_precondition (too few), internal (they
// do not give the key that was dealt).
Result<Secret> combine(const ShareSet& set, const std::vector<Share>& shares);

}  // namespace signet::custody
