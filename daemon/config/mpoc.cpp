#include "daemon/config/mpoc.h"

#include "daemon/config/reader.h"

namespace signet::config {

Result<Mpoc> read_mpoc(const yaml::Node& node) {
    using std::chrono::days;
    SIGNET_TRY(node.only({"ca", "profiles", "api_keys", "key_type", "attestations"}));
    Mpoc mpoc;
    if (const auto ca = node.optional("ca")) {
        SIGNET_ASSIGN(mpoc.ca, read_label(*ca));
    }
    if (const auto profiles = node.optional("profiles")) {
        SIGNET_TRY(profiles->only({"kek", "sign"}));
        if (const auto kek = profiles->optional("kek")) {
            SIGNET_ASSIGN(mpoc.kek_profile, kek->text(64));
        }
        if (const auto sign = profiles->optional("sign")) {
            SIGNET_ASSIGN(mpoc.sign_profile, sign->text(64));
        }
    }
    if (const auto key = node.optional("api_keys")) {
        SIGNET_ASSIGN(mpoc.api_keys, read_label(*key));
    }
    if (const auto type = node.optional("key_type")) {
        SIGNET_ASSIGN(const auto name, type->one_of({"rsa-2048", "rsa-3072", "rsa-4096"}));
        mpoc.key_type = *key_algorithm_from(name);
    }
    if (const auto time = node.optional("attestations")) {
        SIGNET_ASSIGN(mpoc.attestations, read_duration(*time, days{1}, days{3650}));
    }
    return mpoc;
}

}  // namespace signet::config
