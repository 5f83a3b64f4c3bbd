// What an intent to make a key keeps, so that its row can be written when the daemon died before it could.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "hsm/frames/token_interface.h"

namespace signet::service {

struct GenerateIntent {
    bool activate = false;
    std::optional<SystemTime> not_after;
};

// {"algorithm":"ec-p256","usages":"sign","activate":true,"not_after":"2030-01-01T00:00:00.000Z"}
std::string intent_parameters(const GenerateKeyRequest& request, bool activate,
                              std::optional<SystemTime> not_after);
// Error: internal, when it is not what intent_parameters made.
Result<GenerateIntent> parse_intent_parameters(std::string_view json);

// "device.ca/2". Error: internal.
Result<KeyId> key_id_from(std::string_view text);

}  // namespace signet::service
