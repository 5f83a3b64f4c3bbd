// A TLS endpoint whose private key is in the token.
#pragma once

#include <string_view>

#include "base/error.h"
#include "hsm/provider/openssl_ptr.h"
#include "hsm/provider/token_key.h"

namespace signet::provider {

enum class TlsRole { server, client };

// Gives `context` (made by SSL_CTX_new_ex in the key's library context) the key and its certificate chain,
// leaf first, and limits the signature schemes it offers to those the key may be asked for: a P-256 key signs
// SHA-256 only. The key must have been loaded for `tls` and match the leaf.
Status use_token_key(ssl_ctx_st* context, const TokenKey& key, std::string_view certificate_chain_pem,
                     TlsRole role);

}  // namespace signet::provider
