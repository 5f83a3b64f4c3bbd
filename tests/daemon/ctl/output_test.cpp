#include "daemon/ctl/output.h"

#include <gtest/gtest.h>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <functional>

namespace signet::ctl {
namespace {

std::string printed(bool json, const std::function<void(Output&)>& print) {
    char* text = nullptr;
    std::size_t size = 0;
    std::FILE* file = open_memstream(&text, &size);
    Output out(json, file, file);
    print(out);
    EXPECT_TRUE(out.flush());
    (void)std::fclose(file);
    std::string result(text, size);
    free(text);  // NOLINT(cppcoreguidelines-no-malloc): open_memstream(3) says so
    return result;
}

TEST(Output, TablesAlignByCharacters) {
    EXPECT_EQ(printed(false, [](Output& out) { out.table({"A", "LONGER"}, {{"é", "1"}, {"abc", ""}}); }),
              "A    LONGER\né    1\nabc\n");
}

TEST(Output, FieldsLeaveOutWhatIsEmpty) {
    EXPECT_EQ(
        printed(false, [](Output& out) { out.fields({{"a", "1"}, {"much longer", ""}, {"bcd", "2"}}); }),
        "a:    1\nbcd:  2\n");
}

TEST(Output, JsonIsOneDocumentAndNothingElse) {
    const auto both = [](Output& out) {
        out.line("for people");
        out.note("progress");
        out.table({"A"}, {{"1"}});
        out.fields({{"a", "1"}});
        out.document(boost::json::object{{"a", 1}});
    };
    EXPECT_EQ(printed(true, both), "{\"a\":1}\n");
    EXPECT_EQ(printed(false, both).find('{'), std::string::npos);
}

TEST(Output, ControlCharactersCannotDriveTheTerminal) {
    EXPECT_EQ(printable("a\x1b[2Jb\nc\x7f"), "a?[2Jb?c?");
    EXPECT_EQ(printable("grün\tx"), "grün\tx");
    EXPECT_EQ(printable("\xff\xfe"), "??");
}

TEST(Output, ErrorsGoToBoth) {
    const Error error{ErrorCode::not_found, "no key 'x'", "request 7"};
    EXPECT_EQ(printed(false, [&](Output& out) { out.error(error); }), "signetctl: no key 'x' (request 7)\n");
    EXPECT_EQ(printed(true, [&](Output& out) { out.error(error); }),
              "signetctl: no key 'x' (request 7)\n"
              "{\"error\":{\"code\":\"not_found\",\"message\":\"no key 'x'\",\"detail\":\"request 7\"}}\n");
}

TEST(Output, AFullDiskIsNoSuccess) {
    std::FILE* full = std::fopen("/dev/full", "w");
    if (full == nullptr) GTEST_SKIP() << "no /dev/full";
    Output out(false, full, full);
    out.line("x");
    EXPECT_FALSE(out.flush());
    (void)std::fclose(full);
}

}  // namespace
}  // namespace signet::ctl
