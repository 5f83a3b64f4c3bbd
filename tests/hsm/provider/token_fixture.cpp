#include "tests/hsm/provider/token_fixture.h"

#include <filesystem>

#include "tests/support/ignore_leaks.h"
#include "tests/support/softhsm_token.h"
#include "tests/support/software_token.h"

namespace signet::testing {
namespace {

struct SoftwareBackend final : TokenBackend {
    SoftwareToken software;
    TokenInterface& token() override { return software; }
};

struct SoftHsmBackend final : TokenBackend {
    IgnoreLeaks
        ignore_leaks;  // SoftHSM 2.6.1 loses memory at each Ed25519 signature; the software token's run looks for ours
    SoftHsmToken softhsm;
    std::unique_ptr<token::TokenOperations> operations =
        token::TokenOperations::open(softhsm.options(), softhsm.pin()).value();
    TokenInterface& token() override { return *operations; }
};

std::unique_ptr<TokenBackend> make_softhsm() {
    if (!std::filesystem::exists(SoftHsmToken::module())) return nullptr;
    return std::make_unique<SoftHsmBackend>();
}

}  // namespace

std::vector<NamedBackend> token_backends() {
    return {{"software", [] { return std::make_unique<SoftwareBackend>(); }}, {"softhsm", make_softhsm}};
}

}  // namespace signet::testing
