#include "daemon/ctl/process_times.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "tests/support/process.h"

namespace signet::ctl {
namespace {

TEST(ProcessTimes, OwnTimeGrows) {
    const auto before = processor_time(getpid()).value();
    EXPECT_TRUE(signet::testing::eventually([&] {
        volatile unsigned spin = 0;
        for (unsigned i = 0; i < 1'000'000; ++i)
            spin = spin + i;
        return processor_time(getpid()).value() > before;
    }));
    EXPECT_EQ(processor_time(0x7FFFFFF).error().code, ErrorCode::not_found);
}

TEST(ProcessTimes, TheTreeHoldsChildrenOfChildren) {
    signet::testing::ChildProcess shell({"/bin/sh", "-c", "sleep 60 & wait"});
    EXPECT_TRUE(signet::testing::eventually([&] {
        const auto tree = process_tree(getpid());
        return std::ranges::any_of(tree, [](const auto& process) { return process.name == "sleep"; });
    }));
    const auto tree = process_tree(getpid());
    EXPECT_EQ(tree.front().pid, getpid());
    // The shell's child is not ours to reap: end it by its id.
    for (const auto& process : tree) {
        if (process.name == "sleep") ::kill(process.pid, SIGTERM);
    }
    EXPECT_TRUE(shell.wait());
}

TEST(ProcessTimes, NobodyListens) {
    const signet::testing::TempDirectory directory;
    EXPECT_EQ(listener_of(directory / "none.sock").error().code, ErrorCode::token_unavailable);
}

}  // namespace
}  // namespace signet::ctl
