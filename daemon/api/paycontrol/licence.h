// What the seller signs: requests that register systems, and licences. Compact JSON of the member `request`, ES256 or the
// seller key's algorithm, DER in base64.
#pragma once

#include <string>
#include <string_view>

#include "daemon/api/json.h"
#include "daemon/api/paycontrol/context.h"

namespace signet::api::paycontrol {

// {"request":{…},"signature":"…"} with the seller's signature over compact JSON of `request`: that object. nullopt when the
// signature is not the seller's. Errors: 283 when the form is another.
Outcome<std::optional<JsonObject>> signed_request(Call& call, const JsonObject& document);
// The same document, made and audited. `request`: compact JSON. Error: 200 when no token key is the seller's.
Outcome<std::string> sign_as_seller(Call& call, const std::string& request);

// Whether one more user may be made. Codes: 296 no licence, 285 expired, 286 used up.
Outcome<void> check_licence(const sqlite::PayControlSystem& system, SystemTime now);
// The two values of a licence put into `system`, with its text. Code: 284; 285 when it is over already.
Outcome<void> take_licence(Call& call, std::string_view text, sqlite::PayControlSystem& system);

}  // namespace signet::api::paycontrol
