#include "daemon/api/momo/tokens.h"

#include "base/digest.h"
#include "base/encoding.h"
#include "base/random.h"
#include "daemon/api/json.h"
#include "daemon/config/current.h"
#include "daemon/service/details.h"
#include "daemon/service/keys.h"
#include "hsm/pki/jws.h"
#include "sqlite/read_pool.h"
#include "sqlite/writer.h"

namespace signet::api::momo {
namespace {

constexpr std::size_t kMaxToken = 4096;
constexpr std::size_t kMaxPayload = 2048;

std::int64_t seconds_of(SystemTime time) {
    return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

// What a sealed token belongs to: moved to another row it does not open.
Bytes associated_data(const sqlite::MomoToken& token) {
    return to_bytes("signet.momo.token\n" + token.user + "\n" + token.product + "\n" + token.id);
}

Result<AccessToken> unseal(Services& services, const sqlite::MomoToken& token, Deadline deadline) {
    SIGNET_ASSIGN(
        auto text,
        services.token.unseal({{token.seal_label, token.seal_version}, associated_data(token), token.sealed},
                              deadline));
    return AccessToken{std::move(text), std::chrono::floor<std::chrono::seconds>(token.expires) -
                                            std::chrono::floor<std::chrono::seconds>(services.clock.now())};
}

bool alive(const Services& services, const std::optional<sqlite::MomoToken>& token,
           const sqlite::MomoUser& user) {
    return token && user.key && token->key_id == user.key->id &&
           seconds_of(token->expires) > seconds_of(services.clock.now());
}

std::string payload_of(const config::Momo& settings, const sqlite::MomoToken& token) {
    JsonWriter json(512);
    json.begin_object();
    json.member("iss", settings.issuer);
    json.member("sub", token.user);
    json.member("aud", token.product);
    json.member("iat", seconds_of(token.issued));
    json.member("exp", seconds_of(token.expires));
    json.member("jti", token.id);
    json.member("target_environment", settings.target_environment);
    json.end_object();
    return json.take();
}

}  // namespace

Result<AccessToken> access_token(Context& context, const Exchange& exchange, const sqlite::MomoUser& user,
                                 Product product) {
    auto& services = context.services;
    const auto settings = context.settings();
    const Deadline deadline{exchange.deadline()};
    {
        std::optional<sqlite::MomoToken> before;
        {
            SIGNET_ASSIGN(const auto db, services.readers.lease());
            SIGNET_ASSIGN(before, sqlite::momo_user_store::find_token(*db, user.id, to_string(product)));
        }
        if (alive(services, before, user)) return unseal(services, *before, deadline);
    }

    sqlite::MomoToken token;
    token.user = user.id;
    token.product = to_string(product);
    token.id = random_id();
    token.key_id = user.key->id;
    // In whole seconds, as the claims say it.
    token.issued = std::chrono::floor<std::chrono::seconds>(services.clock.now());
    token.expires = token.issued + settings.token_lifetime;
    SIGNET_ASSIGN(const auto key, services.keys.active(settings.token_key, KeyUsage::sign));
    SIGNET_ASSIGN(const auto seal, services.keys.active(services.config.get()->keys.seal, KeyUsage::seal));
    const auto algorithm = default_sign_algorithm(key->algorithm);
    if (!algorithm) return fail(ErrorCode::unprocessable, "the key " + to_string(key->id) + " does not sign");
    auto signed_text = pki::sign_jws(services.token, key->id, KeyUsage::sign,
                                     {.algorithm = *algorithm, .key_id = to_string(key->id), .type = "JWT"},
                                     as_bytes(payload_of(settings, token)), deadline);
    if (!signed_text) return std::unexpected(std::move(signed_text).error());
    auto text = Secret::copy_of(*signed_text);
    wipe(*signed_text);
    token.digest = sha256(text.view());
    token.seal_label = seal->id.label;
    token.seal_version = seal->id.version;
    SIGNET_ASSIGN(token.sealed,
                  services.token.seal({seal->id, associated_data(token), text.view()}, deadline));

    const auto caller = caller_of(exchange);
    const sqlite::AuditRecord record{.request_id = std::string(caller.request_id),
                                     .principal = std::string(caller.principal),
                                     .action = "momo.token",
                                     .object = "momo/user/" + user.id,
                                     .outcome = "ok",
                                     .details = service::Details()
                                                    .add("product", token.product)
                                                    .add("token", token.id)
                                                    .add("api_key", token.key_id)
                                                    .add("key", to_string(key->id))
                                                    .add("expires", to_rfc3339(token.expires))
                                                    .text()};
    std::optional<sqlite::MomoToken> other;
    SIGNET_TRY(services.writer.run([&](sqlite::Transaction& transaction) -> Status {
        // Another request may have been first: there is one token, and both get it.
        SIGNET_ASSIGN(other,
                      sqlite::momo_user_store::find_token(transaction.db(), token.user, token.product));
        if (alive(services, other, user)) return {};
        other.reset();
        SIGNET_TRY(sqlite::momo_user_store::put_token(transaction, token));
        SIGNET_TRY(transaction.audit(record));
        return {};
    }));
    if (other) return unseal(services, *other, deadline);
    return AccessToken{std::move(text),
                       std::chrono::duration_cast<std::chrono::seconds>(settings.token_lifetime)};
}

Result<std::optional<ValidToken>> find_token(Context& context, std::string_view token) {
    auto& services = context.services;
    // The claims only say which row to compare with; what they say is not believed.
    if (token.size() > kMaxToken) return std::nullopt;
    const auto first = token.find('.');
    const auto second = first == std::string_view::npos ? first : token.find('.', first + 1);
    if (second == std::string_view::npos) return std::nullopt;
    const auto payload = from_base64url(token.substr(first + 1, second - first - 1));
    if (!payload || payload->size() > kMaxPayload) return std::nullopt;
    const auto claims = JsonObject::parse(as_text(*payload));
    if (!claims) return std::nullopt;
    const auto user_id = claims->text("sub", 36);
    const auto product = claims->text("aud", 32);
    if (!user_id || !product) return std::nullopt;

    SIGNET_ASSIGN(const auto db, services.readers.lease());
    SIGNET_ASSIGN(auto row, sqlite::momo_user_store::find_token(*db, *user_id, *product));
    if (!row || !equal_constant_time(row->digest, sha256(as_bytes(token)))) return std::nullopt;
    SIGNET_ASSIGN(auto user, sqlite::momo_user_store::find(*db, *user_id));
    if (!user || user->revoked || !alive(services, row, *user)) return std::nullopt;
    return ValidToken{*std::move(user), *std::move(row)};
}

}  // namespace signet::api::momo
