#include <exception>

#include "base/log.h"
#include "daemon/api/handler.h"
#include "daemon/api/paycontrol/context.h"
#include "daemon/api/paycontrol/dispatch.h"
#include "daemon/api/paycontrol/request_event.h"
#include "daemon/config/current.h"
#include "daemon/service/details.h"
#include "daemon/service/outbox.h"

namespace signet::api::paycontrol {
namespace {

void log_failure(const Exchange& exchange, const Failure& failure) {
    if (!failure.cause) return;
    const auto fields =
        std::initializer_list<log::Field>{{"request_id", exchange.id()},
                                          {"permission", std::string(exchange.route().permission)},
                                          {"code", std::string(to_string(failure.cause->code))},
                                          {"detail", failure.cause->detail}};
    if (failure.code == Code::java_internal_error)
        log::warning("paycontrol.request.failed", failure.cause->message, fields);
    else
        log::debug("paycontrol.request.refused", failure.cause->message, fields);
}

}  // namespace

std::shared_ptr<const config::PayControl> Context::settings() const {
    auto whole = services.config.get();
    // The family exists while the section does; a reload that drops it takes effect at the next start.
    static const config::PayControl kDefaults;
    const auto* section = whole->paycontrol ? &*whole->paycontrol : &kDefaults;
    return {std::move(whole), section};
}

Outcome<void> Call::commit(std::string_view object, const service::Details& details,
                           const std::function<Outcome<void>(sqlite::Transaction&)>& work) {
    std::optional<Failure> refused;
    std::int64_t recorded = 0;
    const auto committed = services().writer.run([&](sqlite::Transaction& transaction) -> Status {
        refused.reset();
        // First, so that work can name the event's id.
        SIGNET_ASSIGN(event.event_id, record_event(context, exchange, event, event.result, transaction));
        recorded = event.event_id;
        auto done = work(transaction);
        if (!done) {
            refused = std::move(done).error();
            return refused->cause ? Status(std::unexpected(*refused->cause))
                                  : signet::fail(ErrorCode::conflict, refused->message);
        }
        SIGNET_TRY(finish_event(context, event, transaction));
        SIGNET_TRY(transaction.audit(
            {.request_id = exchange.id(),
             .principal = device ? "device:" + device->user.user_id : std::string(exchange.principal()),
             .action = std::string(exchange.route().permission),
             .object = std::string(object),
             .outcome = event.result == Code::normal ? "ok" : "refused",
             .details = details.text()}));
        return {};
    });
    if (committed) {
        event.event_id = recorded;
        services().outbox.wake();
        return {};
    }
    event.event_id = 0;
    if (refused) return std::unexpected(*std::move(refused));
    return std::unexpected(Failure(committed.error()));
}

http::Response dispatch(Context& context, Exchange& exchange, const Row& row, bool device) {
    Call call{context, exchange, {.request_type = std::string(row.request_type)}};
    const auto answer = [&]() -> Outcome<Reply> {
        if (device && row.who != For::devices_unproven) {
            SIGNET_ASSIGN(call.device, authenticate_device(call));
        }
        return row.handler(call);
    }();
    const auto code = answer ? Code::normal : answer.error().code;
    // Strangers on the devices' paths do not fill the database: no event where not even a user is named.
    const bool stranger = device && !call.device && call.event.user_id.empty();
    if (!row.request_type.empty() && call.event.event_id == 0 && !stranger) {
        call.event.result = code;
        const auto recorded = context.services.writer.run([&](sqlite::Transaction& transaction) -> Status {
            SIGNET_ASSIGN(call.event.event_id,
                          record_event(context, exchange, call.event, code, transaction));
            return finish_event(context, call.event, transaction);
        });
        if (!recorded) {
            log_failure(exchange, Failure(recorded.error()));
            return envelope(Failure(recorded.error()));
        }
        context.services.outbox.wake();
    }
    if (answer) return envelope(*answer);
    log_failure(exchange, answer.error());
    return envelope(answer.error());
}

}  // namespace signet::api::paycontrol
