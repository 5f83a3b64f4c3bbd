// libFuzzer target; see tests/fuzz/pki.h. Run: csr_fuzz tests/fuzz/corpus/csr
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/pki.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    signet::testing::fuzz_csr({data, size});
    return 0;
}
