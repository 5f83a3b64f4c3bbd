#include "daemon/api/idempotent.h"

#include "base/log.h"
#include "daemon/service/idempotency.h"

namespace signet::api {
namespace {

Sha256 request_digest(const Exchange& exchange) {
    const auto text = exchange.request().path + "\n" + exchange.body();
    return sha256(as_bytes(text));
}

service::KeptAnswer kept_answer(const http::Response& response) {
    return {response.status, response.content_type, response.body};
}

Answer run(Services& services, Exchange& exchange, bool secret,
           const std::function<Answer(const Keep& keep)>& work) {
    if (exchange.request().headers.count("Idempotency-Key") > 1)
        return fail(ErrorCode::invalid_argument, "Idempotency-Key: expected once");
    const auto key = exchange.header("Idempotency-Key");
    if (key.empty())
        return work({[](sqlite::Transaction&, const http::Response&) -> Status { return {}; },
                     [](sqlite::Transaction&, std::int64_t) -> Status { return {}; }});

    const auto& row = exchange.route();
    const sqlite::IdempotencyScope scope{
        std::string(exchange.principal()),
        std::string(http::to_string(row.verb)) + " " + std::string(row.pattern), std::string(key)};
    SIGNET_ASSIGN(const auto earlier,
                  services.idempotency.begin(caller_of(exchange), scope, request_digest(exchange)));
    if (earlier) {
        http::Response response;
        response.status = earlier->status;
        response.content_type = earlier->content_type;
        response.body = earlier->body;
        response.headers.emplace_back("Idempotency-Replayed", "true");
        return response;
    }
    bool kept = false;
    bool bound = false;
    auto answer =
        work({[&](sqlite::Transaction& transaction, const http::Response& response) -> Status {
                  SIGNET_TRY(services.idempotency.finish(transaction, scope, kept_answer(response)));
                  kept = true;
                  return {};
              },
              [&](sqlite::Transaction& transaction, std::int64_t intent) -> Status {
                  SIGNET_TRY(services.idempotency.bind(transaction, scope, intent));
                  bound = true;
                  return {};
              }});
    if (answer && answer->status < 300) {
        if (kept) return answer;
        if (const auto finished =
                services.idempotency.finish(caller_of(exchange), scope, kept_answer(*answer), secret);
            !finished)
            log::warning("idempotency.not_kept", "an answer could not be kept for its Idempotency-Key",
                         {{"request_id", exchange.id()}, {"error", finished.error().message}});
        return answer;
    }
    // What became of it is known when its intent is settled; a retry before that must not do it again.
    if (bound) return answer;
    if (const auto released = services.idempotency.release(scope); !released)
        log::warning("idempotency.not_released", "an Idempotency-Key stays in use until it expires",
                     {{"request_id", exchange.id()}, {"error", released.error().message}});
    return answer;
}

}  // namespace

Answer idempotent(Services& services, Exchange& exchange, const std::function<Answer(const Keep& keep)>& work,
                  bool secret) {
    return run(services, exchange, secret, work);
}

Answer idempotent_secret(Services& services, Exchange& exchange, const std::function<Answer()>& work) {
    return run(services, exchange, true, [&](const Keep&) { return work(); });
}

}  // namespace signet::api
