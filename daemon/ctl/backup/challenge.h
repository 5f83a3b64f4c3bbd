// The proof that a restored key is the one that was backed up: what it answered when the backup was made, or what its public
// part says.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "hsm/frames/backup_interface.h"

namespace signet::ctl {

struct Challenge {
    Bytes value;  // 32 random bytes
    std::map<std::string, Bytes>
        answers;  // by "label/version": a MAC, a sealed text, or a wrapped key (see below)
    std::map<std::string, WrappedKey> wrapped;  // of wrapping keys: a MAC key made under them …
    std::map<std::string, Bytes> wrapped_macs;  // … and its MAC over the challenge
};

// Asks every secret key of `keys`; a wrapping key is asked together with a binding key among them.
Result<Challenge> make_challenge(TokenInterface& token, const std::vector<BackedUpKey>& keys);

struct Proved {
    std::string key;
    std::string how;    // "signs (ES256)", "same MAC"
    std::string fault;  // empty: good
};
// Every key once.
std::vector<Proved> prove(TokenInterface& token, const std::vector<BackedUpKey>& keys,
                          const Challenge& challenge);

}  // namespace signet::ctl
