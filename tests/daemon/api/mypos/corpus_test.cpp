// The fuzzer's corpus as an ordinary test, each file whole, cut and changed.
#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "tests/fuzz/merchant.h"

namespace signet::api::mypos {
namespace {

TEST(MerchantCorpus, EveryFilePasses) {
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(SIGNET_CORPUS)) {
        const auto content = read_file(entry.path());
        ASSERT_TRUE(content) << entry.path();
        SCOPED_TRACE(entry.path());
        const auto bytes = to_bytes(*content);
        for (std::size_t size = 0; size <= bytes.size(); ++size)
            testing::fuzz_merchant(ByteView(bytes).first(size));
        for (std::size_t at = 0; at < bytes.size(); ++at) {
            for (const int flip : {0x01, 0x20, 0x80}) {
                auto changed = bytes;
                changed[at] = static_cast<std::uint8_t>(changed[at] ^ flip);
                testing::fuzz_merchant(changed);
            }
        }
        ++files;
    }
    EXPECT_GE(files, 8U);
}

}  // namespace
}  // namespace signet::api::mypos
