#include "sqlite/audit_export.h"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>

#include "sqlite/output_file.h"
#include "tests/sqlite/audit_chain_fixture.h"

namespace signet::sqlite {
namespace {

using AuditExportTest = AuditChainTest;

TEST_F(AuditExportTest, AnExportVerifiesOffline) {
    fill(50, 10);
    const auto file = export_all();
    auto with = options();
    with.anchor = verify().head;
    const auto report = must(verify_export(file, with));
    EXPECT_TRUE(report.ok());
    EXPECT_EQ(report.records, 50U);
    EXPECT_EQ(report.checkpoints, 5U);
    EXPECT_EQ(report.head, verify().head);
    struct stat info{};
    ASSERT_EQ(::stat(file.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(AuditExportTest, ReportsWhatItWrote) {
    fill(5, 10);
    auto db = read_only();
    const auto file = directory / "a.jsonl";
    const auto report = must(export_audit(db, file, {}));
    EXPECT_EQ(report.records, 5U);
    std::uint64_t size = 0;
    EXPECT_EQ(report.digest, must(digest_file(file, &size)));
    EXPECT_EQ(report.bytes, size);
    EXPECT_EQ(export_audit(db, file, {}).error().code, ErrorCode::already_exists);
}

TEST_F(AuditExportTest, ExportsASegment) {
    fill(30, 10);
    auto db = read_only();
    const auto file = directory / "a.jsonl";
    const auto report = must(export_audit(db, file, {.after = 10, .up_to = 25, .progress = {}, .chunk = 4}));
    EXPECT_EQ(report.base.sequence, 10U);
    EXPECT_EQ(report.head.sequence, 25U);
    const auto verified = must(verify_export(file, options()));
    EXPECT_TRUE(verified.ok());
    EXPECT_EQ(verified.records, 15U);
    EXPECT_EQ(verified.checkpoints, 2U) << "the one at its base, and the one at 20";
    EXPECT_EQ(export_audit(db, directory / "b", {.after = 30, .up_to = {}, .progress = {}}).error().code,
              ErrorCode::not_found);
    EXPECT_EQ(export_audit(db, directory / "b", {.after = 99, .up_to = {}, .progress = {}}).error().code,
              ErrorCode::not_found);
}

TEST_F(AuditExportTest, EachTamperingIsFound) {
    fill(30, 10);
    const auto lines = lines_of(export_all());
    const auto head = verify().head;
    ASSERT_EQ(lines.size(), 35U);
    ASSERT_TRUE(verify_lines(lines).ok());
    const auto line_of = [&](const std::string& begin) {
        return std::ranges::find_if(lines, [&](const auto& line) { return line.starts_with(begin); }) -
               lines.begin();
    };

    auto changed = lines;  // rewritten
    auto& record = changed[static_cast<std::size_t>(line_of("{\"seq\":7,"))];
    record.replace(record.find("gateway"), 7, "nobody!");
    EXPECT_TRUE(found(verify_lines(changed), AuditFault::rewritten));

    changed = lines;  // reordered
    std::swap(changed[static_cast<std::size_t>(line_of("{\"seq\":7,"))],
              changed[static_cast<std::size_t>(line_of("{\"seq\":8,"))]);
    EXPECT_TRUE(found(verify_lines(changed), AuditFault::reordered));

    changed = lines;  // one missing
    changed.erase(changed.begin() + line_of("{\"seq\":7,"));
    EXPECT_TRUE(found(verify_lines(changed), AuditFault::gap));

    changed = lines;  // cut off
    changed.resize(20);
    EXPECT_TRUE(found(verify_lines(changed), AuditFault::truncated));

    changed = lines;  // cut off, with a last line that fits: the anchor tells
    changed.resize(static_cast<std::size_t>(line_of("{\"seq\":26,")));
    const auto& last = changed.back();
    changed.push_back("{\"end\":25,\"hash\":\"" + last.substr(last.size() - 66, 64) + "\",\"records\":25}");
    EXPECT_TRUE(verify_lines(changed).ok());
    auto with_anchor = options();
    with_anchor.anchor = head;
    EXPECT_TRUE(found(verify_lines(changed, with_anchor), AuditFault::truncated));

    changed = lines;  // forged checkpoint
    auto& checkpoint = changed[static_cast<std::size_t>(line_of("{\"checkpoint\":10,"))];
    checkpoint[checkpoint.size() - 3] = checkpoint[checkpoint.size() - 3] == '0' ? '1' : '0';
    EXPECT_TRUE(found(verify_lines(changed), AuditFault::forged_checkpoint));

    changed = lines;  // a genuine checkpoint elsewhere
    std::rotate(changed.begin() + line_of("{\"checkpoint\":10,"),
                changed.begin() + line_of("{\"checkpoint\":10,") + 1,
                changed.begin() + line_of("{\"seq\":13,"));
    EXPECT_TRUE(found(verify_lines(changed), AuditFault::forged_checkpoint));

    changed = lines;  // a line twice
    changed.insert(changed.begin() + line_of("{\"seq\":7,"),
                   changed[static_cast<std::size_t>(line_of("{\"seq\":7,"))]);
    EXPECT_TRUE(found(verify_lines(changed), AuditFault::reordered));

    changed = lines;  // more after the end
    changed.push_back(lines[5]);
    EXPECT_TRUE(found(verify_lines(changed), AuditFault::malformed));
}

TEST_F(AuditExportTest, AFileCutWithinALineIsFound) {
    fill(5, 10);
    const auto file = export_all();
    std::filesystem::resize_file(file, std::filesystem::file_size(file) - 10);
    const auto report = must(verify_export(file, options()));
    EXPECT_TRUE(found(report, AuditFault::malformed));
    EXPECT_TRUE(found(report, AuditFault::truncated));
}

TEST_F(AuditExportTest, RefusesWhatIsNoExport) {
    EXPECT_EQ(verify_export(directory / "missing", {}).error().code, ErrorCode::not_found);
    for (const std::string content : {"", "{}\n", "{\"seq\":1}\n", "\n", "no newline"}) {
        std::ofstream(directory / "x", std::ios::trunc) << content;
        EXPECT_EQ(verify_export(directory / "x", {}).error().code, ErrorCode::invalid_argument) << content;
    }
    std::ofstream(directory / "x", std::ios::trunc) << std::string(5 << 20, 'x');
    EXPECT_EQ(verify_export(directory / "x", {}).error().code, ErrorCode::invalid_argument);
}

TEST_F(AuditExportTest, TheLargestRecordFits) {
    auto largest = record_of(std::string(1024, '\x01'), std::string(256 << 10, '\x01'));
    largest.request_id = largest.principal = largest.action = largest.outcome = largest.object;
    must(start()->append(largest));
    EXPECT_TRUE(must(verify_export(export_all(), options())).ok());
}

TEST_F(AuditExportTest, LinesAreCanonical) {
    ChainedRecord record;
    record.record = record_of("o", "{\"t\":\"\\\\ \x1F\t\xC3\xBC\"}");
    record.record.sequence = 42;
    record.record.time_ms = -1;
    record.hash.fill(0xAB);
    std::string line;
    append_line(line, record);
    line.pop_back();
    ExportLine parsed;
    ASSERT_TRUE(parse_line(line, parsed));
    EXPECT_EQ(std::get<ChainedRecord>(parsed), record);
    EXPECT_NE(line.find("\\u001f\\u0009"), std::string::npos);

    // Each other way to write the same is refused.
    const auto replaced = [&](const std::string& what, const std::string& with) {
        auto copy = line;
        copy.replace(copy.find(what), what.size(), with);
        return copy;
    };
    for (const auto& other :
         {replaced("\"seq\":42", "\"seq\":042"), replaced("\"seq\":42", "\"seq\": 42"),
          replaced("\"seq\":42", "\"seq\":+42"), replaced("\"seq\":42", "\"seq\":-42"),
          replaced("\"seq\":42", "\"seq\":4e1"), replaced("-1", "-01"), replaced("-1", "-0"),
          replaced("\\u0009", "\\t"), replaced("\\u0009", "\t"), replaced("\\u001f", "\\u001F"),
          replaced("\\u001f", "\\u0041"), replaced("ab", "AB"), replaced("ab", ""), line + " ", line + "}",
          line.substr(0, line.size() - 1), replaced("gateway", "\\u0067ateway"),
          replaced("\"seq\":42", "\"seq\":18446744073709551616")}) {
        EXPECT_FALSE(parse_line(other, parsed)) << other;
    }
    // Cut anywhere, it neither fits nor reads past the end.
    for (std::size_t size = 0; size < line.size(); ++size)
        EXPECT_FALSE(parse_line(std::string(line, 0, size), parsed)) << size;
}

TEST_F(AuditExportTest, ArchivesUpToACheckpoint) {
    fill(35, 10);  // one second apart; checkpoints at 10, 20, 30
    const auto start_time = from_unix_ms(1'700'000'000'000);
    auto writer = start();
    auto db = read_only();
    const auto whole = verify();

    const auto nothing = must(archive_audit(db, *writer, directory.path(), start_time, options()));
    EXPECT_FALSE(nothing);
    const auto archived =
        must(archive_audit(db, *writer, directory.path(), start_time + std::chrono::seconds(25), options()));
    ASSERT_TRUE(archived);
    EXPECT_EQ(archived->head.sequence, 20U);
    EXPECT_EQ(must(audit_log::base(db)), archived->head);

    auto report = verify();
    EXPECT_TRUE(report.ok());
    EXPECT_EQ(report.base.sequence, 20U);
    EXPECT_EQ(report.records, 16U) << "15 that were left, and the record of the archiving";
    const auto file = must(verify_export(directory / "audit-1-20.jsonl", options()));
    EXPECT_TRUE(file.ok());
    EXPECT_EQ(file.head, report.base);

    // The next segment continues it.
    sign_head(*writer);
    clock.advance(std::chrono::hours(1));
    const auto next = must(archive_audit(db, *writer, directory.path(), clock.now(), options()));
    ASSERT_TRUE(next);
    EXPECT_EQ(next->base, archived->head);
    EXPECT_TRUE(verify().ok());
    EXPECT_EQ(must(audit_log::last_anchor(db))->file, "audit-21-36.jsonl");
    EXPECT_FALSE(must(archive_audit(db, *writer, directory.path(), clock.now(), options())));
    must(writer->append(record_of("after")));
    EXPECT_TRUE(verify().ok());
}

// After a database was put back to an older state, an archive of the same name may hold what nothing else does.
TEST_F(AuditExportTest, AnOlderArchiveOfTheSameNameIsKept) {
    fill(20, 10);
    auto writer = start();
    auto db = read_only();
    std::ofstream(directory / "audit-1-20.jsonl") << "older";
    ASSERT_TRUE(
        must(archive_audit(db, *writer, directory.path(), clock.now() + std::chrono::hours(1), options())));
    std::ifstream kept(directory / "audit-1-20.jsonl.before-1");
    std::string text;
    kept >> text;
    EXPECT_EQ(text, "older");
    EXPECT_TRUE(must(verify_export(directory / "audit-1-20.jsonl", options())).ok());
}

TEST_F(AuditExportTest, DoesNotArchiveAChainThatDoesNotVerify) {
    fill(35, 10);
    tamper("UPDATE audit_records SET object = 'x' WHERE sequence = 5");
    auto writer = start();
    auto db = read_only();
    const auto refused = archive_audit(db, *writer, directory.path(), clock.now(), options());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::failed_precondition);
    EXPECT_EQ(verify().records, 35U);
}

TEST_F(AuditExportTest, AnUnsignedHeadIsNoAnchor) {
    fill(15, 10);
    const auto head = verify().head;
    EXPECT_EQ(write([&](Transaction& transaction) {
                  return audit_log::add_anchor(transaction,
                                               ArchiveAnchor{.head = head, .time_ms = 0, .file = "x"});
              })
                  .error()
                  .code,
              ErrorCode::failed_precondition);
}

}  // namespace
}  // namespace signet::sqlite
