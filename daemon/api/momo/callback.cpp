// Callbacks of the wallet behind the appliance, sent to the host that the API user registered.
#include "daemon/api/momo/callback.h"

#include "daemon/api/idempotent.h"
#include "daemon/api/json.h"
#include "daemon/api/momo/handlers.h"
#include "daemon/api/momo/users.h"
#include "daemon/service/details.h"
#include "daemon/service/outbox.h"
#include "sqlite/writer.h"

namespace signet::api::momo {
namespace {

constexpr std::string_view kOutbound = "momo";

std::string destination_of(const Url& url) {
    return (url.tls ? "https://" : "http://") + url.host + ":" + std::to_string(url.port);
}

}  // namespace

bool is_registered(const Url& url, std::string_view callback_host) {
    std::string_view host = callback_host;
    std::string_view port;
    if (host.starts_with('[')) {
        const auto close = host.find(']');
        port = host.substr(close + 1);
        host = host.substr(1, close - 1);
        if (port.starts_with(':')) port.remove_prefix(1);
    } else if (const auto colon = host.find(':'); colon != std::string_view::npos) {
        port = host.substr(colon + 1);
        host = host.substr(0, colon);
    }
    const auto wanted = port.empty() ? (url.tls ? "443" : "80") : std::string(port);
    return http::equal_ignoring_case(url.host, host) && std::to_string(url.port) == wanted;
}

Answer enqueue_callback(Context& context, Exchange& exchange) {
    auto& services = context.services;
    SIGNET_ASSIGN(const auto body, exchange.json());
    SIGNET_TRY(body.only({"user", "url", "body"}));
    SIGNET_ASSIGN(const auto user_text, body.text("user", 36));
    SIGNET_ASSIGN(const auto user_id, read_uuid(user_text, "user"));
    SIGNET_ASSIGN(const auto url_text, body.text("url", 2048));
    SIGNET_ASSIGN(const auto content, body.serialized("body"));
    SIGNET_ASSIGN(const auto user, live_user(context, user_id));
    SIGNET_ASSIGN(const auto url, parse_url(url_text));
    if (!is_registered(url, user.callback_host))
        return fail(ErrorCode::unprocessable, "url: its host is not " + user.callback_host +
                                                  ", which the API user " + user.id + " registered");
    SIGNET_TRY(services.reach.check(kOutbound, url_text));
    const sqlite::OutboxMessage message{.destination = destination_of(url),
                                        .kind = "momo.callback",
                                        .verb = "PUT",
                                        .url = std::string(url_text),
                                        .body = to_bytes(content),
                                        .context = user.id};
    return idempotent(services, exchange, [&](const Keep& keep) -> Answer {
        http::Response answer;
        const auto caller = caller_of(exchange);
        SIGNET_TRY(services.writer.run([&](sqlite::Transaction& transaction) -> Status {
            SIGNET_ASSIGN(const auto id, services.outbox.enqueue(transaction, message));
            SIGNET_TRY(transaction.audit({.request_id = std::string(caller.request_id),
                                          .principal = std::string(caller.principal),
                                          .action = "momo.callback",
                                          .object = "momo/user/" + user.id,
                                          .outcome = "ok",
                                          .details = service::Details()
                                                         .add("message", static_cast<std::uint64_t>(id))
                                                         .add("host", url.host)
                                                         .text()}));
            JsonWriter json;
            json.begin_object();
            json.member("id", id);
            json.end_object();
            answer = json_answer(json.take(), 202);
            return keep(transaction, answer);
        }));
        services.outbox.wake();
        return answer;
    });
}

}  // namespace signet::api::momo
