// Secrets on their way to a device and back, under a password. Everything clear that this needs lives here, in the token's
// process, and no longer than the call: the derived keys, and in `reveal_secrets` the secrets themselves.
#pragma once

#include <vector>

#include "base/error.h"
#include "hsm/frames/token_interface.h"
#include "hsm/token/wrapped_keys.h"

namespace signet::token {

// scrypt of the password gives 64 bytes: a wrapping key and a MAC key.
Result<ExportedSecrets> export_secrets(WrappedKeys& keys, const ExportSecretsRequest& request);
Result<std::vector<WrappedKey>> import_secrets(WrappedKeys& keys, const ImportSecretsRequest& request);
Result<Secret> reveal_secrets(WrappedKeys& keys, const RevealSecretsRequest& request);

}  // namespace signet::token
