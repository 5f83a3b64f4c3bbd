// The worker's operations over a scripted module.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>

#include "hsm/pkcs11/module.h"
#include "hsm/token/key_metadata.h"
#include "hsm/token/token_operations.h"
#include "tests/support/fake_module.h"

namespace signet::token {

using testing::FakeModule;

inline Deadline soon() {
    return Deadline::in(std::chrono::seconds(60));
}

class OperationsFake : public ::testing::Test {
  protected:
    Result<std::unique_ptr<TokenOperations>> try_open(std::string_view pin = "1234") {
        OperationsOptions options;
        options.token_label = "signet";
        options.session_copies = copies;
        return TokenOperations::open(std::move(options),
                                     pkcs11::Module::adopt(fake.functions(), "fake").value(),
                                     Secret::copy_of(pin));
    }
    void open() { operations = std::move(try_open()).value(); }
    Result<KeyInfo> make(const std::string& label, KeyAlgorithm algorithm = KeyAlgorithm::ec_p256,
                         KeyUsages usages = KeyUsage::sign) {
        return operations->generate_key({{label, 1}, algorithm, usages, false}, soon());
    }
    Result<Bytes> sign(const std::string& label) {
        return operations->sign({KeyId{label, 1}, SignAlgorithm::es256, KeyUsage::sign, Bytes(32)}, soon());
    }
    std::size_t provisional() const {
        return static_cast<std::size_t>(std::ranges::count_if(fake.objects, [](const auto& entry) {
            const auto label = entry.second.find(CKA_LABEL);
            return label != entry.second.end() && is_provisional(as_text(label->second));
        }));
    }

    bool copies = false;
    FakeModule fake;
    std::unique_ptr<TokenOperations> operations;
};

}  // namespace signet::token
