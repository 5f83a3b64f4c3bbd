// libFuzzer target; see tests/fuzz/paycontrol.h. Run: paycontrol_fuzz tests/fuzz/corpus/paycontrol
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/paycontrol.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    signet::testing::fuzz_paycontrol({data, size});
    return 0;
}
