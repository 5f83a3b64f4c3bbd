// Random numbers and identifiers, from OpenSSL's private generator (RAND_priv_bytes).
#pragma once

#include <cstddef>
#include <string>

#include "base/bytes.h"

namespace signet {

// Aborts the process when the generator fails: nothing of ours may go on with predictable numbers.
Bytes random_bytes(std::size_t size);
// UUID version 4 (RFC 9562 section 5.4), lower case, 36 characters.
std::string random_uuid();
// 22 characters of base64url over 16 random bytes; for request, approval and job ids.
std::string random_id();

}  // namespace signet
