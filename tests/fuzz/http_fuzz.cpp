// libFuzzer target; see tests/fuzz/http.h. Run: http_fuzz tests/fuzz/corpus/http
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/http.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    signet::testing::fuzz_http({data, size});
    return 0;
}
