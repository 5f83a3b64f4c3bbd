#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "tests/support/process.h"

namespace signet {
namespace {

class FileTest : public ::testing::Test {
  protected:
    std::filesystem::path make(const std::string& name, std::string_view content, mode_t mode) {
        const auto path = directory_ / name;
        std::ofstream(path, std::ios::binary) << content;
        EXPECT_EQ(chmod(path.c_str(), mode), 0);
        return path;
    }
    std::size_t files() const {
        return static_cast<std::size_t>(
            std::distance(std::filesystem::directory_iterator(directory_.path()), {}));
    }
    testing::TempDirectory directory_;
};

TEST_F(FileTest, ReadsWithinItsBound) {
    const auto path = make("five", "12345", 0644);
    EXPECT_EQ(read_file(path, 5).value(), "12345");
    EXPECT_EQ(read_file(path, 4).error().code, ErrorCode::too_large);
    EXPECT_EQ(read_file(make("empty", "", 0644)).value(), "");
}

TEST_F(FileTest, NamesWhatIsMissingOrNoFile) {
    const auto missing = read_file(directory_ / "nothing");
    EXPECT_EQ(missing.error().code, ErrorCode::not_found);
    EXPECT_NE(missing.error().message.find("nothing"), std::string::npos);
    EXPECT_EQ(read_file(directory_.path()).error().code, ErrorCode::invalid_argument);
    ASSERT_EQ(mkfifo((directory_ / "pipe").c_str(), 0600), 0);
    EXPECT_EQ(read_file(directory_ / "pipe").error().code, ErrorCode::invalid_argument);  // and does not hang
}

TEST_F(FileTest, SecretFilesMustBePrivate) {
    for (const mode_t mode : {0644U, 0640U, 0604U, 0620U}) {
        const auto result = read_secret_file(make("open", "1234\n", mode));
        ASSERT_FALSE(result) << std::oct << mode;
        EXPECT_EQ(result.error().code, ErrorCode::failed_precondition);
        EXPECT_NE(result.error().message.find("chmod 600"), std::string::npos);
    }
    EXPECT_EQ(read_secret_file(make("pin", "1234", 0600)).value().text(), "1234");
    EXPECT_EQ(read_secret_file(make("pin", "1234\n", 0600)).value().text(), "1234");
    EXPECT_EQ(read_secret_file(make("pin", "1234\r\n", 0600)).value().text(), "1234");
    EXPECT_EQ(read_secret_file(make("pin", "12 34 \n\n", 0600)).value().text(), "12 34 \n");
    EXPECT_EQ(read_secret_file(make("pin", "\n", 0600)).error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(read_secret_file(make("pin", "12345", 0600), 4).error().code, ErrorCode::too_large);
}

TEST_F(FileTest, AtomicWriteReplacesWholeAndLeavesNothingBeside) {
    const auto path = directory_ / "state";
    ASSERT_TRUE(write_file_atomic(path, as_bytes("one"), 0600));
    ASSERT_TRUE(write_file_atomic(path, as_bytes("two"), 0640));
    EXPECT_EQ(read_file(path).value(), "two");
    struct stat info{};
    ASSERT_EQ(stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0640U);
    EXPECT_EQ(files(), 1U);
}

TEST_F(FileTest, AtomicWriteThatFailsKeepsTheOldFile) {
    std::filesystem::create_directory(directory_ / "taken");
    make("taken/inside", "x", 0600);
    EXPECT_FALSE(
        write_file_atomic(directory_ / "taken", as_bytes("new"), 0600));  // cannot replace a directory
    EXPECT_EQ(files(), 1U);
    EXPECT_EQ(write_file_atomic(directory_ / "no" / "such", as_bytes("new"), 0600).error().code,
              ErrorCode::not_found);
}

}  // namespace
}  // namespace signet
