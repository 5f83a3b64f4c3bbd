// libFuzzer target; see tests/fuzz/pki.h. Run: jws_fuzz tests/fuzz/corpus/jws
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/pki.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    signet::testing::fuzz_jws({data, size});
    return 0;
}
