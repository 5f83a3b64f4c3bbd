#include "tests/hsm/provider/token_fixture.h"

#include "tests/support/software_token.h"

namespace signet::tests {
namespace {

struct SoftwareBackend final : TokenBackend {
    SoftwareToken software;
    TokenInterface& token() override { return software; }
};

}  // namespace

std::vector<NamedBackend> token_backends() {
    return {{"software", [] { return std::make_unique<SoftwareBackend>(); }}};
}

}  // namespace signet::tests
