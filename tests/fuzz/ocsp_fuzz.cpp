// libFuzzer target; see tests/fuzz/pki.h. Run: ocsp_fuzz tests/fuzz/corpus/ocsp
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/pki.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    signet::testing::fuzz_ocsp_request({data, size});
    return 0;
}
