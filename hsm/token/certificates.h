// Certificates beside the keys they certify.
#pragma once

#include <vector>

#include "base/error.h"
#include "hsm/frames/token_interface.h"
#include "hsm/token/key_cache.h"
#include "hsm/token/token_context.h"

namespace signet::token {

class Certificates {
  public:
    Certificates(TokenContext& context, KeyCache& keys) : context_(&context), keys_(&keys) {}

    // Takes the place of the key's former certificate. invalid_argument unless it is one whole X.509 certificate of
    // 64 KiB at most over this very public key.
    Status import(const CertificateEntry& entry);
    // Those of the keys there are.
    Result<std::vector<CertificateEntry>> list();

  private:
    TokenContext* context_;
    KeyCache* keys_;
};

}  // namespace signet::token
