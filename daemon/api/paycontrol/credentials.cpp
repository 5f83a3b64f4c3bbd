#include "daemon/api/paycontrol/credentials.h"

#include "base/random.h"
#include "daemon/api/paycontrol/body.h"
#include "daemon/api/paycontrol/lookup.h"
#include "daemon/config/current.h"
#include "daemon/service/keys.h"
#include "sqlite/read_pool.h"

namespace signet::api::paycontrol {
namespace {

constexpr std::size_t kVersionSize = 4;  // of the sealing key, before the sealed bytes

Deadline deadline_of(const Call& call) {
    return Deadline{call.exchange.deadline()};
}

Bytes associated_data(const sqlite::PayControlUser& user, std::uint32_t key_index) {
    return to_bytes("paycontrol.release:" + user.user_id + ":" + std::to_string(key_index));
}

}  // namespace

Outcome<Bytes> credential_mac(Call& call, const sqlite::PayControlUser& user, std::uint32_t key_index,
                              Credential what, std::string_view value) {
    SIGNET_ASSIGN(const auto key, [&]() -> Outcome<WrappedKey> {
        SIGNET_ASSIGN(const auto db, call.services().readers.lease());
        return system_secret(*db, user.system_id, kSystemCredentialKey);
    }());
    std::string message = what == Credential::activation ? "activation" : "password";
    for (const auto part :
         {std::string_view(user.user_id), std::string_view(std::to_string(key_index)), value}) {
        message += '\0';
        message += part;
    }
    MacRequest request{key, MacAlgorithm::hs256, to_bytes(message)};
    wipe(message);
    auto mac = call.services().token.mac(request, deadline_of(call));
    wipe(request.data);
    SIGNET_TRY(mac);
    return *std::move(mac);
}

Outcome<std::string> read_password(const JsonObject& body, std::string_view name) {
    SIGNET_ASSIGN(auto password, required_text(body, name, Code::pin_is_empty));
    if (password.size() < kShortestPassword || password.size() > kLongestPassword)
        return fail(Code::pin_length_is_wrong);
    return password;
}

std::string random_code(std::uint32_t digits) {
    std::string out;
    while (out.size() < digits) {
        for (const auto byte : random_bytes(digits)) {
            // 250 is the last multiple of 10: no digit is likelier than another.
            if (byte < 250 && out.size() < digits) out += static_cast<char>('0' + byte % 10);
        }
    }
    return out;
}

Outcome<Bytes> seal_release_key(Call& call, const sqlite::PayControlUser& user, std::uint32_t key_index,
                                const Secret& key) {
    auto& services = call.services();
    SIGNET_ASSIGN(const auto seal, services.keys.active(services.config.get()->keys.seal, KeyUsage::seal));
    SIGNET_ASSIGN(
        const auto sealed,
        services.token.seal({seal->id, associated_data(user, key_index), key.view()}, deadline_of(call)));
    Bytes out;
    for (unsigned shift = 32; shift != 0; shift -= 8)
        out.push_back(static_cast<std::uint8_t>(seal->id.version >> (shift - 8)));
    out.insert(out.end(), sealed.begin(), sealed.end());
    return out;
}

Outcome<Secret> unseal_release_key(Call& call, const sqlite::PayControlUser& user,
                                   const sqlite::PayControlKey& key) {
    if (key.release_key.size() <= kVersionSize) return fail(Code::credentials_not_initialized);
    auto& services = call.services();
    std::uint32_t version = 0;
    for (std::size_t i = 0; i < kVersionSize; ++i)
        version = version << 8 | key.release_key[i];
    SIGNET_ASSIGN(auto secret, services.token.unseal(
                                   {{services.config.get()->keys.seal, version},
                                    associated_data(user, key.key_index),
                                    Bytes(key.release_key.begin() + kVersionSize, key.release_key.end())},
                                   deadline_of(call)));
    return secret;
}

}  // namespace signet::api::paycontrol
