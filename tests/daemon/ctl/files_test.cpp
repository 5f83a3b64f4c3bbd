#include "daemon/ctl/files.h"

#include <gtest/gtest.h>

#include "tests/support/process.h"

namespace signet::ctl {
namespace {

TEST(Files, HashesInBlocks) {
    const signet::testing::TempDirectory directory;
    const std::string large(200'000, 'x');
    const auto path = directory.write("large", large);
    for (const auto algorithm :
         {HashAlgorithm::sha1, HashAlgorithm::sha256, HashAlgorithm::sha384, HashAlgorithm::sha512})
        EXPECT_EQ(hash_input(path, algorithm).value(), digest(algorithm, as_bytes(large)));
    EXPECT_EQ(hash_input(directory.write("empty", ""), HashAlgorithm::sha256).value(),
              digest(HashAlgorithm::sha256, {}));
}

TEST(Files, ReadsWithinABound) {
    const signet::testing::TempDirectory directory;
    const auto path = directory.write("five", "12345");
    EXPECT_EQ(read_input(path, 5).value(), "12345");
    EXPECT_EQ(read_input(path, 4).error().code, ErrorCode::too_large);
    EXPECT_EQ(read_input(directory / "none").error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace signet::ctl
