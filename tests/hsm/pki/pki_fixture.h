// A token in software with a CA in it, the golden inputs, and the openssl command as the second opinion.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "hsm/pki/certificate.h"
#include "hsm/provider/library_context.h"
#include "tests/support/process.h"
#include "tests/support/software_token.h"

namespace signet::testing {

inline Deadline soon() {
    return Deadline::in(std::chrono::seconds(60));
}

// A file of tests/data/pki.
inline std::string golden(const std::string& name) {
    auto content = read_file(std::filesystem::path(SIGNET_TEST_DATA) / name);
    EXPECT_TRUE(content) << name << ": " << content.error().message;
    return content.value_or("");
}

template <class T>
std::string explain(const Result<T>& result) {
    return result ? "" : result.error().message + " [" + result.error().detail + "]";
}

class PkiTest : public ::testing::Test {
  protected:
    void SetUp() override {
        auto library = provider::LibraryContext::create(token);
        ASSERT_TRUE(library) << explain(library);
        library_ = *std::move(library);
    }
    const provider::LibraryContext& library() { return *library_; }

    provider::TokenKey make_key(const std::string& label, KeyAlgorithm algorithm, KeyUsage purpose) {
        return library_->load(token.make(label, algorithm, purpose), purpose).value();
    }

    static pki::IssueOptions at_now() { return {.now = SystemClock().now()}; }
    static pki::Name name(const std::string& text) { return pki::from_rfc4514(text).value(); }

    pki::Certificate make_root(const provider::TokenKey& key,
                               const std::string& subject = "CN=Test Root,O=Example,C=SG",
                               const pki::CertificateProfile& profile = pki::root_ca_profile()) {
        auto root = pki::self_sign(key, profile, name(subject), at_now(), soon());
        EXPECT_TRUE(root) << explain(root);
        return *std::move(root);
    }

    // Writes a file for the openssl command; returns its path.
    std::string write(const std::string& file, std::string_view content) {
        return files_.write(file, content).string();
    }
    std::string write(const std::string& file, ByteView content) { return write(file, as_text(content)); }
    std::string path(const std::string& file) { return (files_ / file).string(); }
    // Runs `openssl ARGUMENTS`.
    static Ended openssl(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), {"/usr/bin/env", "openssl"});
        return run(std::move(arguments), {.as_service_user = false});
    }

    SoftwareToken token;

  private:
    TempDirectory files_;
    std::unique_ptr<provider::LibraryContext> library_;
};

}  // namespace signet::testing
