#include "daemon/ctl/progress.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace signet::ctl {
namespace {

TEST(ProgressLine, ShowsShareAndTime) {
    EXPECT_EQ(progress_line("verifying", 45, 100, 72), "verifying  [#########-----------]   45 %  01:12");
    EXPECT_EQ(progress_line("verifying", 100, 100, 0), "verifying  [####################]  100 %  00:00");
    EXPECT_EQ(progress_line("verifying", 300, 100, 0), "verifying  [####################]  100 %  00:00");
    EXPECT_EQ(progress_line("making a key", 0, 0, 5), "making a key  00:05") << "nobody knows how long";
}

TEST(ProgressLine, FitsALineAndDrivesNoTerminal) {
    const auto line = progress_line(std::string(200, 'x') + "\x1b[2J", 1, 2, 359'999);
    EXPECT_LE(line.size(), 72U);
    EXPECT_EQ(progress_line("a\x1b[2J", 0, 0, 0).find('\x1b'), std::string::npos);
}

// Quick work shows nothing; with --json nothing is shown at all.
TEST(Progress, IsSilentForQuickWork) {
    char* text = nullptr;
    std::size_t size = 0;
    std::FILE* const file = open_memstream(&text, &size);
    {
        Output out(false, file, file);
        Progress progress(out, "quick", 10);
        progress.at(10);
    }
    std::fclose(file);
    EXPECT_EQ(size, 0U);
    std::free(text);
}

}  // namespace
}  // namespace signet::ctl
