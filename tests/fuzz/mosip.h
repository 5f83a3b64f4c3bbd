// What the fuzzer and the corpus test do with one input: everything that reads bytes of a biometric device.
#pragma once

#include "base/bytes.h"

namespace signet::testing {

// Reads the input as the body of a request with its JWS and payload, as a JWS in two parts, and as a white list. Aborts where
// a bound does not hold or something accepted is not what it says.
void fuzz_mosip(ByteView input);

}  // namespace signet::testing
