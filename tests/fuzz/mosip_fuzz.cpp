// libFuzzer target; see tests/fuzz/mosip.h. Run: mosip_fuzz tests/fuzz/corpus/mosip
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/mosip.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    signet::testing::fuzz_mosip({data, size});
    return 0;
}
