// Textual encodings of PKIX structures (RFC 7468), strictly.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace signet::pki {

struct PemBlock {
    std::string label;  // "CERTIFICATE"
    Bytes der;
};

// Lines of 64 characters, LF, a final newline.
std::string to_pem(std::string_view label, ByteView der);

// Exactly one block with one of `labels`; outside it only white space. CRLF is accepted, RFC 1421 headers are
// not.
Result<Bytes> from_pem(std::string_view text, std::initializer_list<std::string_view> labels);

// Every block of a file that people edit, such as a bundle of trust anchors: other text may stand between the
// blocks (RFC 7468 section 5.2), at most `max_blocks` of them.
Result<std::vector<PemBlock>> read_pem_bundle(std::string_view text, std::size_t max_blocks = 256);

// DER as it comes: PEM with one of `labels`, DER, or base64 of DER (wrapped or not); exactly one object of at
// most `max_size` bytes, nothing after it. `what` names the object in errors ("certificate request").
Result<Bytes> der_from_any(std::string_view input, std::initializer_list<std::string_view> labels,
                           std::size_t max_size, std::string_view what);

}  // namespace signet::pki
