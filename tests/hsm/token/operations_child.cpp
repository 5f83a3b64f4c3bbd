// A process that works on a token until it is killed, or says how one request ended. SOFTHSM2_CONF is set by the parent.
// Usage: operations-child forever PIN-FILE TOKEN-DIRECTORY | operations-child once PIN-FILE TOKEN-DIRECTORY
#include <cstdio>
#include <string>
#include <string_view>

#include "base/file.h"
#include "hsm/token/token_operations.h"
#include "tests/support/softhsm_token.h"

using namespace signet;

namespace {

Deadline soon() {
    return Deadline::in(std::chrono::seconds(60));
}

void say(std::string_view what, std::string_view detail) {
    std::printf("%.*s %.*s\n", static_cast<int>(what.size()), what.data(), static_cast<int>(detail.size()),
                detail.data());
    std::fflush(stdout);
}

int say(const Error& error) {
    say(to_string(error.code), error.message + " (" + error.detail + ")");
    return 1;
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 4) return 2;
    const auto pin = read_secret_file(arguments[2]);
    if (!pin) return say(pin.error());
    token::OperationsOptions options;
    options.module = testing::SoftHsmToken::module();
    options.token_label = "signet";
    options.storage_directory = arguments[3];
    const auto operations = token::TokenOperations::open(options, *pin);
    if (!operations) return say(operations.error());
    if (std::string_view(arguments[1]) == "once") {
        const auto signature =
            (*operations)->sign({KeyId{"there", 1}, SignAlgorithm::es256, KeyUsage::sign, Bytes(32)}, soon());
        say("sign", signature ? "ok" : to_string(signature.error().code));
        const auto made =
            (*operations)->generate_key({{"one", 1}, KeyAlgorithm::rsa_2048, KeyUsage::sign, false}, soon());
        say("make", made ? "ok" : to_string(made.error().code));
        if (!made) say("because", made.error().message + " (" + made.error().detail + ")");
        say("list", std::to_string((*operations)->list_keys(soon()).value().size()));
        return 0;
    }
    // Labels no other run uses, so that each key is made once in the token's life.
    const auto run = std::string(arguments[1]);
    for (int i = 0;; ++i) {
        const auto label = run + ".k" + std::to_string(i);
        const auto secret = i % 3 == 2;
        const auto made = (*operations)
                              ->generate_key({{label, 1},
                                              secret ? KeyAlgorithm::hmac_256 : KeyAlgorithm::ec_p256,
                                              secret ? KeyUsage::mac : KeyUsage::sign,
                                              false},
                                             soon());
        if (!made) return say(made.error());
        say("made", label);
        // Every other key goes again, so that destroying is interrupted too.
        if (i % 4 != 3) continue;
        if (const auto gone = (*operations)->destroy_key({label, 1}, soon()); !gone) return say(gone.error());
        say("destroyed", label);
    }
}
