#include "tests/support/nss_token.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/random.h"
#include "hsm/pkcs11/module.h"
#include "hsm/pkcs11/session.h"
#include "hsm/pkcs11/token.h"

namespace signet::testing {
namespace {

constexpr const char* kLabel = "signet";

void check(bool good, const char* what) {
    if (good) return;
    std::fprintf(stderr, "nss_token: %s failed\n", what);
    std::abort();
}

}  // namespace

bool NssToken::available() {
    return std::filesystem::exists(module());
}
std::filesystem::path NssToken::module() {
    return "/usr/lib/x86_64-linux-gnu/libsoftokn3.so";
}

std::string NssToken::reserved() const {
    return "configdir='sql:" + directory_.path().string() +
           "' certPrefix='' keyPrefix='' secmod='secmod.db' flags= " +
           "cryptoTokenDescription='signet-crypto' dbTokenDescription='" + kLabel + "'";
}

NssToken::NssToken() : pin_(Secret::copy_of(random_id())) {
    const auto module = pkcs11::Module::load(NssToken::module(), reserved());
    check(module.has_value(), "loading softokn");
    // A fresh database does not count as an initialised token yet.
    const auto tokens = pkcs11::list_tokens(**module);
    check(tokens.has_value(), "listing the tokens");
    const auto token = std::ranges::find(*tokens, kLabel, &pkcs11::TokenDescription::label);
    check(token != tokens->end(), "finding the database token");
    auto session = pkcs11::Session::open(**module, token->slot, pkcs11::Access::read_write);
    check(session.has_value(), "opening a session");
    // A fresh database has an empty security officer's PIN.
    check(session->login(CKU_SO, Secret()).has_value(), "logging in as the security officer");
    check(session->init_pin(pin_).has_value(), "setting the PIN");
}

token::OperationsOptions NssToken::options() const {
    token::OperationsOptions options;
    options.module = module();
    options.reserved = reserved();
    options.token_label = kLabel;
    return options;
}

}  // namespace signet::testing
