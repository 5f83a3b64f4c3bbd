// Certificate requests for token keys, for authorities elsewhere: a TLS server's, a document signer's, a CA's own.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/service/caller.h"
#include "daemon/service/keys.h"
#include "hsm/pki/name.h"
#include "hsm/provider/library_context.h"
#include "sqlite/writer.h"

namespace signet::service {

struct MadeRequest {
    std::string pem;
    KeyId key;
    std::uint64_t audit = 0;
};

class CertificateRequests {
  public:
    struct Parts {
        provider::LibraryContext& library;
        Keys& keys;
        sqlite::Writer& writer;
    };
    explicit CertificateRequests(Parts parts) : parts_(parts) {}

    // `version` nullopt: the newest one that may be used, so that a rotated key gets its certificate before it is
    // activated. The request is released with its audit record. Errors: not_found, conflict (disabled, destroyed),
    // unprocessable (a key that signs nothing), invalid_argument (subject, names), token_unavailable, the token's,
    // storage_*.
    Result<MadeRequest> make(const Caller& caller, std::string_view label,
                             std::optional<std::uint32_t> version, const pki::Name& subject,
                             const std::vector<pki::GeneralName>& names);

  private:
    Parts parts_;
};

}  // namespace signet::service
