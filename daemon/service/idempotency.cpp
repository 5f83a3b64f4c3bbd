#include "daemon/service/idempotency.h"

#include <algorithm>

#include "base/wire.h"

namespace signet::service {
namespace {

constexpr std::chrono::hours kKept{24};
constexpr std::chrono::minutes kSecretKept{10};
constexpr std::size_t kMaxKey = 255;

// A sealed answer opens for its own scope only.
Bytes associated_data(const sqlite::IdempotencyScope& scope) {
    const auto text = scope.principal + "\n" + scope.route + "\n" + scope.key;
    const auto hash = sha256(as_bytes(text));
    return {hash.begin(), hash.end()};
}

}  // namespace

Status Idempotency::release_in_flight() {
    return parts_.writer.run([](sqlite::Transaction& transaction) -> Status {
        SIGNET_TRY(sqlite::idempotency_store::release_in_flight(transaction));
        return {};
    });
}

Result<std::optional<KeptAnswer>> Idempotency::begin(const Caller& caller,
                                                     const sqlite::IdempotencyScope& scope,
                                                     const Sha256& request) {
    const bool printable = std::ranges::all_of(scope.key, [](char c) { return c >= '!' && c <= '~'; });
    if (scope.key.empty() || scope.key.size() > kMaxKey || !printable)
        return fail(ErrorCode::invalid_argument,
                    "Idempotency-Key: expected 1 to 255 printable ASCII characters");
    namespace store = sqlite::idempotency_store;
    store::Claim claim;
    SIGNET_TRY(parts_.writer.run([&](sqlite::Transaction& transaction) -> Status {
        const auto now = parts_.clock.now();
        SIGNET_ASSIGN(claim, store::claim(transaction, scope, request, now, now + kKept));
        return {};
    }));
    if (std::holds_alternative<store::Fresh>(claim)) return std::nullopt;
    if (std::holds_alternative<store::InFlight>(claim)) {
        auto error = fail(ErrorCode::conflict,
                          "the first request with this Idempotency-Key is still under way; try again");
        error.error().retry_after = std::chrono::seconds{1};
        return error;
    }
    if (std::holds_alternative<store::Different>(claim))
        return fail(ErrorCode::unprocessable,
                    "this Idempotency-Key was used for another request; choose a new one");
    auto& kept = std::get<sqlite::IdempotentAnswer>(claim);
    if (!kept.sealed) return KeptAnswer{kept.status, kept.content_type, std::string(as_text(kept.body))};
    WireReader reader(kept.body);
    const auto version = reader.number<std::uint32_t>();
    SIGNET_ASSIGN(const auto plain, parts_.token.unseal({{parts_.seal_key, version},
                                                         associated_data(scope),
                                                         to_bytes(reader.raw(reader.remaining()))},
                                                        caller.deadline));
    return KeptAnswer{kept.status, kept.content_type, std::string(plain.text())};
}

Status Idempotency::finish(sqlite::Transaction& transaction, const sqlite::IdempotencyScope& scope,
                           const KeptAnswer& answer) {
    return sqlite::idempotency_store::finish(
        transaction, scope, {answer.status, answer.content_type, to_bytes(answer.body), false},
        parts_.clock.now() + kKept);
}

Status Idempotency::finish(const Caller& caller, const sqlite::IdempotencyScope& scope,
                           const KeptAnswer& answer, bool secret) {
    if (!secret)
        return parts_.writer.run(
            [&](sqlite::Transaction& transaction) { return finish(transaction, scope, answer); });
    sqlite::IdempotentAnswer kept{answer.status, answer.content_type, {}, true};
    SIGNET_ASSIGN(const auto key, parts_.keys.active(parts_.seal_key, KeyUsage::seal));
    SIGNET_ASSIGN(
        const auto sealed,
        parts_.token.seal({key->id, associated_data(scope), as_bytes(answer.body)}, caller.deadline));
    WireWriter body;
    body.number(key->id.version);
    body.raw(sealed);
    kept.body = body.take();
    return parts_.writer.run([&](sqlite::Transaction& transaction) {
        return sqlite::idempotency_store::finish(transaction, scope, kept, parts_.clock.now() + kSecretKept);
    });
}

Status Idempotency::bind(sqlite::Transaction& transaction, const sqlite::IdempotencyScope& scope,
                         std::int64_t intent) {
    return sqlite::idempotency_store::bind(transaction, scope, intent);
}

Status Idempotency::settle(sqlite::Transaction& transaction, std::int64_t intent,
                           const std::optional<KeptAnswer>& answer) {
    namespace store = sqlite::idempotency_store;
    if (!answer) return store::release_bound(transaction, intent);
    return store::finish_bound(transaction, intent,
                               {answer->status, answer->content_type, to_bytes(answer->body), false},
                               parts_.clock.now() + kKept);
}

Status Idempotency::release(const sqlite::IdempotencyScope& scope) {
    return parts_.writer.run([&](sqlite::Transaction& transaction) {
        return sqlite::idempotency_store::release(transaction, scope);
    });
}

}  // namespace signet::service
