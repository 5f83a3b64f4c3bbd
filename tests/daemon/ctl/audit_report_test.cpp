#include "daemon/ctl/audit_report.h"

#include <gtest/gtest.h>

namespace signet::ctl {
namespace {

class AuditReportTest : public ::testing::Test {
  protected:
    void add(std::string principal, std::string action, std::string object, std::string outcome = "ok",
             std::string details = "{}") {
        sqlite::ChainedRecord one;
        one.record = {.sequence = ++sequence_,
                      .time_ms = time_ms_ += 1000,
                      .request_id = "r",
                      .principal = std::move(principal),
                      .action = std::move(action),
                      .object = std::move(object),
                      .outcome = std::move(outcome),
                      .details = std::move(details)};
        summariser_.add(one);
    }
    bool has_gap(std::string_view text) const {
        for (const auto& gap : summary_.gaps)
            if (gap.text.find(text) != std::string::npos) return true;
        return false;
    }
    void finish() { summary_ = summariser_.take(); }

    AuditSummariser summariser_;
    AuditSummary summary_;
    std::uint64_t sequence_ = 0;
    std::int64_t time_ms_ = 1'700'000'000'000;
};

TEST_F(AuditReportTest, SaysWhoDidWhatWithWhichKey) {
    add("payments", "keys.sign", "document.ec/1");
    add("payments", "keys.sign", "document.ec/1");
    add("payments", "keys.sign", "document.ec/1", "failed");
    add("ops", "keys.rotate", "document.ec/2", "intent");
    add("ops", "keys.rotate", "document.ec/2");
    add("till", "keys.sign", "document.ec", "refused", R"({"why":"no rule"})");
    add("bob", "approvals.approve", "wq1");
    finish();
    EXPECT_EQ(summary_.records, 7U);
    const auto& use = summary_.uses.at({"payments", "keys.sign", "document.ec/1"});
    EXPECT_EQ(use.done, 2U);
    EXPECT_EQ(use.failed, 1U);
    EXPECT_EQ(use.last_ms - use.first_ms, 2000);
    EXPECT_EQ(summary_.changes_count, 1U) << "an intent is no change yet";
    EXPECT_EQ(summary_.refusals_count, 1U);
    EXPECT_EQ(summary_.approvals_count, 1U);
    EXPECT_TRUE(summary_.gaps.empty());
    const auto page = render_html(summary_, {.appliance = "a", .whole = true, .verification = "whole"});
    for (const auto* text : {"payments", "document.ec/2", "no rule", "approvals.approve", "class=\"whole\""})
        EXPECT_NE(page.find(text), std::string::npos) << text;
}

TEST_F(AuditReportTest, FindsGaps) {
    add("operator", "system.init", "");  // by signetctl, before any daemon ran
    add("system", "system.start", "");
    add("a", "keys.sign", "k/1");
    add("system", "system.start", "");  // without a stop
    add("system", "system.stop", "");
    time_ms_ += 3'600'000;
    add("system", "system.start", "");
    ++sequence_;
    add("a", "keys.sign", "k/1");
    time_ms_ -= 600'000;
    add("a", "keys.sign", "k/1");
    add("system", "system.refusals", "", "refused", R"({"anonymous":1,"over_rate":0,"not_recorded":3})");
    finish();
    EXPECT_EQ(summary_.gaps.size(), 5U);
    EXPECT_TRUE(has_gap("without saying so"));
    EXPECT_TRUE(has_gap("did not run since"));
    EXPECT_TRUE(has_gap("records 7 to 7 are missing"));
    EXPECT_TRUE(has_gap("clock went back"));
    EXPECT_TRUE(has_gap("3 refusals"));
}

// A stranger chooses the subject of a request.
TEST_F(AuditReportTest, TextOfARecordIsNoMarkup) {
    add("x", "ca.issue", "device.ca", "refused", R"({"subject":"CN=<script>alert(1)</script>"})");
    finish();
    const auto page = render_html(summary_, {});
    EXPECT_EQ(page.find("<script"), std::string::npos);
    EXPECT_NE(page.find("&lt;script&gt;"), std::string::npos);
}

TEST_F(AuditReportTest, IsBounded) {
    for (std::size_t i = 0; i < AuditSummary::kMaxRows + 10; ++i)
        add("a", "keys.sign", "k/" + std::to_string(i));
    finish();
    EXPECT_EQ(summary_.uses.size(), AuditSummary::kMaxRows);
    EXPECT_EQ(summary_.uses_left_out, 10U);
    EXPECT_NE(render_html(summary_, {}).find("and 10 more"), std::string::npos);
}

}  // namespace
}  // namespace signet::ctl
