// PIN and SO PIN in a file that only the custodians' shares open: the header of the set (share_set.h), and AES-256-GCM over
// both, with the header as associated data.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/secret.h"
#include "hsm/custody/share_set.h"

namespace signet::custody {

struct Pins {
    Secret pin;     // 1 to 256 bytes
    Secret so_pin;  // may be empty: not in custody
    Pins clone() const { return {pin.clone(), so_pin.clone()}; }
};

struct SealedPins {
    ShareSet set;
    Bytes sealed;  // nonce (12) ‖ ciphertext ‖ tag (16)
};

Result<SealedPins> seal(const ShareSet& set, const Secret& key, const Pins& pins);
// unprocessable when the file was altered.
Result<Pins> unseal(const SealedPins& sealed, const Secret& key);

std::string to_text(const SealedPins& sealed);
Result<SealedPins> parse_sealed_pins(std::string_view text, std::string name);

}  // namespace signet::custody
