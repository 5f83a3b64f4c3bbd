// What the fuzzers and the corpus test do with one input of each kind the PKI library reads from strangers. Each aborts
// where an accepted input breaks a promise of its parser.
#pragma once

#include "base/bytes.h"

namespace signet::testing {

void fuzz_csr(ByteView input);
void fuzz_jws(ByteView input);
void fuzz_ocsp_request(ByteView input);

}  // namespace signet::testing
