#include "daemon/ctl/ceremony/journal.h"

#include <gtest/gtest.h>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <fstream>

#include "base/digest.h"
#include "base/file.h"
#include "tests/support/process.h"

namespace signet::ctl::ceremony {
namespace {

class CeremonyJournal : public ::testing::Test {
  protected:
    Result<Journal> open(std::string_view file = "plan", bool rehearsal = false) {
        return Journal::open(path, sha256(as_bytes(file)), rehearsal, clock);
    }
    testing::TempDirectory directory;
    std::filesystem::path path = directory / "journal";
    SystemClock clock;
};

TEST_F(CeremonyJournal, KeepsWhatWasWritten) {
    {
        auto journal = open();
        ASSERT_TRUE(journal) << journal.error().message;
        ASSERT_TRUE(journal->write("key:a", "begun", {}));
        ASSERT_TRUE(journal->write("key:a", "done", {{"sha256", "00"}}));
        EXPECT_EQ(journal->interruptions(), 0U);
    }
    auto again = open();
    ASSERT_TRUE(again);
    ASSERT_NE(again->find("key:a", "done"), nullptr);
    EXPECT_EQ(again->find("key:a", "done")->at("sha256").as_string(), "00");
    EXPECT_EQ(again->find("key:b", "begun"), nullptr);
    EXPECT_EQ(again->interruptions(), 1U);
}

TEST_F(CeremonyJournal, HalfALineIsNone) {
    {
        auto journal = open();
        ASSERT_TRUE(journal->write("key:a", "begun", {}));
    }
    std::ofstream(path, std::ios::app) << R"({"time":"2026-01-01T00:00:00Z","step":"key:a","sta)";
    auto journal = open();
    ASSERT_TRUE(journal) << journal.error().message;
    EXPECT_EQ(journal->find("key:a", "done"), nullptr);
    ASSERT_TRUE(journal->write("key:a", "done", {}));
}

TEST_F(CeremonyJournal, IsOfOneFileAndOneProcess) {
    {
        const auto journal = open();
        ASSERT_TRUE(journal);
        EXPECT_FALSE(open()) << "one process at a time";
    }
    EXPECT_FALSE(open("another plan"));
    EXPECT_FALSE(open("plan", true)) << "a rehearsal is no ceremony";
    EXPECT_TRUE(open());
}

TEST_F(CeremonyJournal, ADamagedOneIsNotGoneOnWith) {
    {
        auto journal = open();
        ASSERT_TRUE(journal->write("key:a", "begun", {}));
    }
    std::ofstream(path, std::ios::app) << "nonsense\n";
    EXPECT_FALSE(open());
}

}  // namespace
}  // namespace signet::ctl::ceremony
