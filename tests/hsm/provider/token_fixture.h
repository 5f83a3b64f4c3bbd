// A library context over a token, for tests that run on every kind of token.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "hsm/provider/library_context.h"

namespace signet::testing {

// A token with nothing in it.
struct TokenBackend {
    virtual ~TokenBackend() = default;
    virtual TokenInterface& token() = 0;
};
struct NamedBackend {
    std::string name;
    std::function<std::unique_ptr<TokenBackend>()> make;  // null: skip the test (the module is not installed)
};
std::vector<NamedBackend> token_backends();

inline Deadline soon() {
    return Deadline::in(std::chrono::seconds(60));
}

class TokenTest : public ::testing::TestWithParam<NamedBackend> {
  protected:
    void SetUp() override {
        backend_ = GetParam().make();
        if (!backend_) GTEST_SKIP() << GetParam().name << " is not installed";
        auto library = provider::LibraryContext::create(backend_->token());
        ASSERT_TRUE(library) << library.error().message << ": " << library.error().detail;
        library_ = *std::move(library);
    }
    TokenInterface& token() { return backend_->token(); }
    const provider::LibraryContext& library() { return *library_; }

    KeyInfo make(const std::string& label, KeyAlgorithm algorithm, KeyUsages usages) {
        auto info = token().generate_key({{label, 1}, algorithm, usages}, soon());
        EXPECT_TRUE(info) << info.error().message << ": " << info.error().detail;
        return info ? *std::move(info) : KeyInfo{};
    }
    provider::TokenKey load(const KeyInfo& info, KeyUsage purpose) {
        auto key = library_->load(info, purpose);
        EXPECT_TRUE(key) << key.error().message << ": " << key.error().detail;
        return *std::move(key);
    }
    provider::TokenKey make_and_load(const std::string& label, KeyAlgorithm algorithm, KeyUsage purpose) {
        return load(make(label, algorithm, purpose), purpose);
    }

  private:
    std::unique_ptr<TokenBackend> backend_;
    std::unique_ptr<provider::LibraryContext> library_;
};

inline std::string backend_name(const ::testing::TestParamInfo<NamedBackend>& info) {
    return info.param.name;
}

#define SIGNET_ON_EVERY_TOKEN(Suite) \
    INSTANTIATE_TEST_SUITE_P(Tokens, Suite, ::testing::ValuesIn(token_backends()), backend_name)

}  // namespace signet::testing
