// What the fuzzer and the corpus test do with one input: the whole way of bytes from the token socket.
#pragma once

#include "base/bytes.h"

namespace signet::testing {

// Takes the input apart into frames as worker and client do, and decodes each message for its kind and
// operation. Aborts where an accepted message does not encode to the very bytes it came from.
void fuzz_frames(ByteView input);

}  // namespace signet::testing
