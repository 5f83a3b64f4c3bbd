// The fuzzer's corpus as an ordinary test, and the samples of every message through the same code: what the
// corpus files are made from (SIGNET_WRITE_CORPUS=DIR writes them).
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "hsm/frames/frame.h"
#include "hsm/frames/messages.h"
#include "tests/fuzz/frames.h"
#include "tests/hsm/frames/samples.h"

namespace signet::frames {
namespace {

using signet::testing::fuzz_frames;
using signet::testing::sample;

template <class Message>
Bytes framed(FrameHeader header) {
    Bytes message;
    EXPECT_TRUE(encode(message, sample<Message>()));
    Bytes out;
    append_frame(out, header, message);
    return out;
}

template <Operation operation>
void add_samples(std::vector<std::pair<std::string, Bytes>>& out) {
    const auto name = std::string(traits(operation).name);
    out.emplace_back(name + "-request",
                     framed<typename Exchange<operation>::Request>(
                         {.kind = FrameKind::request, .operation = operation, .id = 1, .time_ms = 9}));
    out.emplace_back(name + "-reply", framed<typename Exchange<operation>::Reply>(
                                          {.kind = FrameKind::reply, .operation = operation, .id = 1}));
}

std::vector<std::pair<std::string, Bytes>> all_samples() {
    std::vector<std::pair<std::string, Bytes>> out;
    [&]<std::size_t... index>(std::index_sequence<index...>) {
        (add_samples<static_cast<Operation>(index + 1)>(out), ...);
    }(std::make_index_sequence<kOperations>());
    out.emplace_back("hello", framed<Hello>({.kind = FrameKind::hello}));
    out.emplace_back("welcome", framed<Welcome>({.kind = FrameKind::welcome}));
    out.emplace_back("goaway", framed<Nothing>({.kind = FrameKind::goaway}));
    out.emplace_back("error",
                     framed<Error>({.kind = FrameKind::error, .operation = Operation::sign, .id = 1}));
    return out;
}

TEST(Corpus, SamplesOfEveryMessagePass) {
    Bytes all;
    for (const auto& [name, bytes] : all_samples()) {
        SCOPED_TRACE(name);
        fuzz_frames(bytes);
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            auto changed = bytes;
            changed[i] ^= 0xFF;
            fuzz_frames(changed);
        }
        all.insert(all.end(), bytes.begin(), bytes.end());
    }
    fuzz_frames(all);
}

TEST(Corpus, EveryFilePasses) {
    if (const char* directory = std::getenv("SIGNET_WRITE_CORPUS")) {
        for (const auto& [name, bytes] : all_samples())
            ASSERT_TRUE(write_file_atomic(std::filesystem::path(directory) / name, bytes, 0644));
    }
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(SIGNET_CORPUS)) {
        const auto content = read_file(entry.path());
        ASSERT_TRUE(content) << entry.path();
        SCOPED_TRACE(entry.path());
        fuzz_frames(as_bytes(*content));
        ++files;
    }
    EXPECT_GE(files, 40U);
}

}  // namespace
}  // namespace signet::frames
