#include "tests/support/softhsm_token.h"

#include <stdlib.h>

#include <cstdio>
#include <string_view>

#include "base/file.h"
#include "base/random.h"
#include "hsm/pkcs11/init_token.h"
#include "hsm/pkcs11/module.h"

namespace signet::testing {
namespace {

template <class T>
T need(Result<T> result) {
    if (!result) {
        std::fprintf(stderr, "softhsm_token: %s (%s)\n", result.error().message.c_str(),
                     result.error().detail.c_str());
        std::abort();
    }
    if constexpr (!std::is_void_v<T>) return *std::move(result);
}

}  // namespace

SoftHsmToken::SoftHsmToken(std::string label)
    : label_(std::move(label)), pin_(Secret::copy_of(random_id())), so_pin_(Secret::copy_of(random_id())) {
    std::filesystem::create_directory(token_directory());
    const auto conf_text = "directories.tokendir = " + token_directory().string() +
                           "\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n";
    need(write_file_atomic(conf(), as_bytes(conf_text), 0600));
    need(write_file_atomic(pin_file(), pin_.view(), 0600));
    activate();
    const auto loaded = need(pkcs11::Module::load(module()));
    serial_ = need(pkcs11::init_token(*loaded, label_, so_pin_, pin_)).serial;
    // Daemons under test open it as the service user.
    directory_.give_away();
}

std::filesystem::path SoftHsmToken::module() {
    return "/usr/lib/softhsm/libsofthsm2.so";
}

std::filesystem::path SoftHsmToken::object_directory() const {
    for (const auto& entry : std::filesystem::directory_iterator(token_directory())) {
        if (entry.is_directory()) return entry.path();
    }
    return {};
}

void SoftHsmToken::activate() const {
    setenv("SOFTHSM2_CONF", conf().c_str(), 1);
}

token::OperationsOptions SoftHsmToken::options() const {
    token::OperationsOptions options;
    options.module = module();
    options.token_label = label_;
    options.storage_directory = token_directory();
    options.in_clear = {.software_oaep = true, .merchant_keys = true};
    return options;
}

}  // namespace signet::testing
