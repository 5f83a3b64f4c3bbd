// libFuzzer target; see tests/fuzz/frames.h. Run: frames_fuzz tests/fuzz/corpus/frames
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/frames.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    signet::testing::fuzz_frames({data, size});
    return 0;
}
