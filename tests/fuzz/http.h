// What the fuzzer and the corpus test do with one input: everything that reads bytes of an HTTP request.
#pragma once

#include "base/bytes.h"

namespace signet::testing {

// Reads the input as a request (header, path, query, body), as JSON, as a form and as an answer. Aborts where the same bytes
// read differently when they come in other pieces, where a bound does not hold, or where something accepted does not survive
// being written and read again.
void fuzz_http(ByteView input);

}  // namespace signet::testing
