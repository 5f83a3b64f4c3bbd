// What the fuzzer and the corpus test do with one input of PayControl: its JSON, and the TLV that codes cover.
#pragma once

#include "base/bytes.h"

namespace signet::testing {

// Aborts where tolerance changes a text that is good already, where a body that is taken is not UTF-8, where key parameters
// do not survive being written and read, or where two different contents give the same TLV.
void fuzz_paycontrol(ByteView input);

}  // namespace signet::testing
