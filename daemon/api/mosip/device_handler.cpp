// POST /mms/MSBDeviceRequest/: from the body to the signed answer.
#include "daemon/api/mosip/forward.h"
#include "daemon/api/mosip/handlers.h"
#include "daemon/api/mosip/outcome.h"
#include "sqlite/read_pool.h"

namespace signet::api::mosip {
namespace {

Result<Outcome> decide(Context& context, const service::Caller& caller, const DeviceRequest& request) {
    if (const auto fine = check_request(context, request); !fine) {
        if (fine.error().code != ErrorCode::unprocessable) return std::unexpected(fine.error());
        return refused(request, code::kNoAnswer, fine.error().message);
    }
    switch (request.operation) {
        case Operation::snapshot:
            return snapshot(context, caller, request);
        case Operation::encryption_certificate:
            return encryption_certificate(context, caller, request);
        case Operation::key_rotation:
            return key_rotation(context, caller, request);
        case Operation::registration:
            break;
    }
    return registration(context, caller, request);
}

Status keep(Context& context, const service::Caller& caller, const DeviceRequest& request,
            const Outcome& outcome) {
    return context.services.writer.run([&](sqlite::Transaction& transaction) -> Status {
        // A refusal of a used transaction id leaves it as it is; any other request uses it up.
        if (outcome.code != code::kNoAnswer)
            SIGNET_TRY(sqlite::mosip_device_store::note_transaction(
                transaction,
                sqlite::mosip_device_store::transaction_digest(request.provider_id, request.serial_number,
                                                               request.transaction_id),
                context.services.clock.now()));
        if (outcome.effect) SIGNET_TRY(outcome.effect(transaction));
        auto details = outcome.details;
        details.add("operation", to_string(request.operation))
            .add("transaction", request.transaction_id)
            .add("code", outcome.code);
        if (outcome.code != code::kSuccess) details.add("why", outcome.description);
        SIGNET_TRY(transaction.audit({.request_id = std::string(caller.request_id),
                                      .principal = std::string(caller.principal),
                                      .action = "mosip.device",
                                      .object = object_of(request),
                                      .outcome = outcome.code == code::kSuccess ? "ok" : "refused",
                                      .details = details.text()}));
        return {};
    });
}

}  // namespace

Answer device_request(Context& context, Exchange& exchange) {
    auto request = read_request(context, exchange.body());
    if (!request) {
        // Whoever sent this is nobody to us: counted, as other strangers are.
        context.services.metrics.refused(request.error().code == ErrorCode::unprocessable
                                             ? Metrics::Refused::stranger
                                             : Metrics::Refused::malformed);
        return std::unexpected(std::move(request).error());
    }
    const auto caller = caller_of(exchange);
    SIGNET_ASSIGN(const auto outcome, decide(context, caller, *request));
    // Signed before it is durable, released after.
    SIGNET_ASSIGN(const auto jws,
                  context.sign(context.material()->mms, answer_payload(*request, outcome), caller.deadline));
    SIGNET_TRY(keep(context, caller, *request, outcome));
    if (outcome.afterwards) outcome.afterwards();
    JsonWriter json(jws.size() + 64);
    json.begin_object();
    json.member(to_string(request->operation), jws);
    json.end_object();
    return json_answer(json.take());
}

Answer ping(Context&, Exchange&) {
    return json_answer(R"({"status":"up"})");
}

http::Response unsigned_answer(const ErrorContext& context) {
    const auto& error = context.error;
    JsonWriter json;
    json.begin_object();
    json.member("responseCode", code::kNoAnswer);
    json.member("description",
                error.code == ErrorCode::internal
                    ? "Unable to generate response; the server's log has more under the request id " +
                          std::string(context.request_id)
                    : error.message);
    json.end_object();
    auto response = json_answer(json.take());
    // Clients read the code and not the status; what the appliance itself refuses keeps its status for those who look.
    const bool ours = error.code == ErrorCode::unauthenticated ||
                      error.code == ErrorCode::permission_denied || error.code == ErrorCode::rate_limited ||
                      error.code == ErrorCode::overloaded;
    response.status = ours ? context.status : 200;
    if (error.retry_after && response.status != 200)
        response.headers.emplace_back("Retry-After", std::to_string(error.retry_after->count()));
    return response;
}

}  // namespace signet::api::mosip
