// libFuzzer target; see tests/fuzz/merchant.h. Run: merchant_fuzz tests/fuzz/corpus/merchant
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/merchant.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    signet::testing::fuzz_merchant({data, size});
    return 0;
}
