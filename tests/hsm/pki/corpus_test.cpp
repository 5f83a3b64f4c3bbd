// The fuzzers' corpora as ordinary tests, each file also truncated and with flipped bits.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "tests/fuzz/pki.h"

namespace signet::testing {
namespace {

void run_corpus(const std::string& name, void (*fuzz)(ByteView), std::size_t least) {
    std::size_t files = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator(std::filesystem::path(SIGNET_CORPUS) / name)) {
        const auto content = read_file(entry.path());
        ASSERT_TRUE(content) << entry.path();
        const auto input = to_bytes(*content);
        fuzz(input);
        const auto step = std::max<std::size_t>(1, input.size() / 64);
        for (std::size_t i = 0; i < input.size(); i += step) {
            fuzz(ByteView(input).first(i));
            auto flipped = input;
            flipped[i] ^= static_cast<std::uint8_t>(1U << (i % 8));
            fuzz(flipped);
        }
        ++files;
    }
    EXPECT_GE(files, least);
}

TEST(PkiCorpus, CertificateRequests) {
    run_corpus("csr", fuzz_csr, 20);
}
TEST(PkiCorpus, Jws) {
    run_corpus("jws", fuzz_jws, 12);
}
TEST(PkiCorpus, OcspRequests) {
    run_corpus("ocsp", fuzz_ocsp_request, 2);
}

}  // namespace
}  // namespace signet::testing
