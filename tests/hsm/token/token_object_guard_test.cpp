#include "hsm/token/token_object_guard.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "base/file.h"
#include "hsm/pkcs11/init_token.h"
#include "hsm/token/token_operations.h"
#include "tests/support/softhsm_token.h"

namespace signet::token {
namespace {

using testing::SoftHsmToken;

mode_t mode_of(const std::filesystem::path& path) {
    struct stat status{};
    return stat(path.c_str(), &status) == 0 ? status.st_mode & 07777U : 0;
}

class Guard : public ::testing::Test {
  protected:
    std::string content() { return read_file(object).value(); }
    void write(std::string_view text) { ASSERT_TRUE(write_file_atomic(object, as_bytes(text), 0600)); }
    bool opens() { return TokenOperations::open(token.options(), token.pin()).has_value(); }

    SoftHsmToken token;
    std::filesystem::path object = token.object_directory() / "token.object";
    TokenObjectGuard guard{token.token_directory(), token.directory() / "copies"};
};

TEST_F(Guard, ProtectsTheFileAndKeepsACopy) {
    const auto report = guard.start(true);
    ASSERT_TRUE(report);
    EXPECT_TRUE(report->restored.empty());
    EXPECT_TRUE(report->broken.empty());
    EXPECT_EQ(mode_of(object), 0400U);
    const auto copy =
        token.directory() / "copies" / (object.parent_path().filename().string() + ".token.object");
    EXPECT_EQ(read_file(copy).value(), content());
    EXPECT_EQ(mode_of(copy), 0600U);
    EXPECT_EQ(mode_of(copy.parent_path()), 0700U);
    EXPECT_TRUE(opens());
}

TEST_F(Guard, PutsBackWhatAKilledLoginLeft) {
    ASSERT_TRUE(guard.start(true));
    const auto whole = content();
    for (const std::size_t size : {std::size_t{0}, std::size_t{7}, std::size_t{100}, whole.size() - 1}) {
        SCOPED_TRACE(size);
        write(whole.substr(0, size));
        EXPECT_FALSE(opens());
        const auto report = guard.start(true);
        ASSERT_TRUE(report);
        EXPECT_EQ(report->restored, std::vector{object.parent_path().filename().string()});
        EXPECT_EQ(content(), whole);
        EXPECT_EQ(mode_of(object), 0400U);
        EXPECT_TRUE(opens());
    }
}

TEST_F(Guard, SaysWhenThereIsNoCopy) {
    write("");
    const auto report = guard.start(true);
    ASSERT_TRUE(report);
    EXPECT_TRUE(report->restored.empty());
    EXPECT_EQ(report->broken, std::vector{object.parent_path().filename().string()});
}

TEST_F(Guard, FollowsAPinChange) {
    ASSERT_TRUE(guard.start(true));
    const auto new_pin = Secret::copy_of("a new pin");
    {
        auto writable = WritableTokenObject::begin(guard);
        ASSERT_TRUE(writable);
        EXPECT_EQ(mode_of(object), 0600U);
        {
            const auto module = pkcs11::Module::load(SoftHsmToken::module()).value();
            ASSERT_TRUE(pkcs11::change_pin(*module, token.label(), {}, token.pin(), new_pin));
        }
        ASSERT_TRUE(writable->finish());
    }
    EXPECT_EQ(mode_of(object), 0400U);
    write("");
    ASSERT_TRUE(guard.start(true));
    EXPECT_FALSE(opens()) << "the old PIN";
    EXPECT_TRUE(TokenOperations::open(token.options(), new_pin));
}

TEST_F(Guard, NeverReplacesAGoodCopyByABrokenFile) {
    ASSERT_TRUE(guard.start(true));
    const auto whole = content();
    write(whole.substr(0, 50));
    EXPECT_EQ(guard.keep().error().code, ErrorCode::token_unavailable);
    ASSERT_TRUE(guard.start(true));
    EXPECT_EQ(content(), whole);
}

TEST_F(Guard, RemovesEmptyObjectsAtAColdStartOnly) {
    const auto empty = object.parent_path() / "11111111-2222-3333-4444-555555555555.object";
    const auto lock = std::filesystem::path(empty).replace_extension(".lock");
    ASSERT_TRUE(write_file_atomic(empty, {}, 0600));
    ASSERT_TRUE(write_file_atomic(lock, {}, 0600));
    ASSERT_TRUE(guard.start(false)->removed_objects.empty());
    EXPECT_TRUE(std::filesystem::exists(empty));
    EXPECT_EQ(guard.start(true)->removed_objects, std::vector{empty.string()});
    EXPECT_FALSE(std::filesystem::exists(empty));
    EXPECT_FALSE(std::filesystem::exists(lock));
    EXPECT_TRUE(opens());
}

TEST_F(Guard, SaysWhenTheDirectoryIsGone) {
    const TokenObjectGuard gone(token.directory() / "elsewhere", token.directory() / "copies");
    EXPECT_EQ(gone.start(true).error().code, ErrorCode::token_unavailable);
}

TEST_F(Guard, ReadsTheDirectoryFromTheConfiguration) {
    EXPECT_EQ(softhsm_token_directory(token.conf()).value(), token.token_directory());
    const auto conf = token.directory() / "other.conf";
    ASSERT_TRUE(write_file_atomic(
        conf, as_bytes("# directories.tokendir = /no\n\n  directories.tokendir =\t/a/b \r\n"), 0600));
    EXPECT_EQ(softhsm_token_directory(conf).value(), "/a/b");
    ASSERT_TRUE(write_file_atomic(conf, as_bytes("log.level = INFO\n"), 0600));
    EXPECT_EQ(softhsm_token_directory(conf).error().code, ErrorCode::failed_precondition);
}

TEST_F(Guard, KnowsAWholeFileFromOneCutAnywhere) {
    const auto whole = content();
    EXPECT_TRUE(is_whole_token_object(as_bytes(whole)));
    for (std::size_t size = 0; size < whole.size(); ++size) {
        EXPECT_FALSE(is_whole_token_object(as_bytes(whole).first(size))) << size;
    }
    EXPECT_FALSE(is_whole_token_object(as_bytes(whole + "x")));
    EXPECT_FALSE(is_whole_token_object(Bytes(320, 0)));
    EXPECT_FALSE(is_whole_token_object(Bytes(320, 0xFF)));
}

}  // namespace
}  // namespace signet::token
