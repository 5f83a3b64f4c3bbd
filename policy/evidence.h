// What a connection or a request proves about who is asking.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"

namespace signet::policy {

struct Evidence {
    std::optional<std::uint32_t> uid;  // SO_PEERCRED of a Unix socket
    std::vector<std::uint32_t> gids;
    std::string certificate_fingerprint;  // SHA-256 of a verified TLS client certificate, lower-case hex
    std::vector<std::string> certificate_sans;  // "dns:…", "uri:…", "email:…"
    std::optional<Sha256> api_key;              // SHA-256 of the key in `Authorization: Bearer`
};

}  // namespace signet::policy
