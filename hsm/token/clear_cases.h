// The cases in which something that a token would keep to itself lies in this process's memory for a moment: each is off
// unless the operator switches it on (docs/security.md, "Where a key may be in clear").
#pragma once

namespace signet::token {

// in_clear in token.yaml, with these names.
struct ClearCases {
    // RSA-OAEP with hashes or a label that the token does not offer: the RSA operation is the token's, the padding is
    // removed here in constant time.
    bool software_oaep = false;
    // A merchant's own key pair for a configuration pack: made here, given out once, never kept.
    bool merchant_keys = false;
};

}  // namespace signet::token
