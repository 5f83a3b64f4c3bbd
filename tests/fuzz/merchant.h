// What the fuzzer and the corpus test do with one input: everything of the merchant families that reads bytes of strangers.
#pragma once

#include "base/bytes.h"

namespace signet::testing {

// Reads the input as an Authorization field (Basic, Bearer), as a myPOS form and as a myPOS JSON message. Aborts where a bound
// does not hold, or where something accepted does not survive being written and read again.
void fuzz_merchant(ByteView input);

}  // namespace signet::testing
