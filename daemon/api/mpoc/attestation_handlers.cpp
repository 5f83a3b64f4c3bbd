// Attestation results: reported by the attestation service, read by administrators.
#include <algorithm>

#include "daemon/api/idempotent.h"
#include "daemon/api/json.h"
#include "daemon/api/mpoc/handlers.h"
#include "daemon/api/mpoc/instances.h"
#include "daemon/service/details.h"
#include "sqlite/read_pool.h"

namespace signet::api::mpoc {
namespace {

namespace store = sqlite::mpoc_sdk_store;
constexpr std::string_view kHealth = "HEALTH";
constexpr std::chrono::minutes kClockDifference{5};

// HEALTH is the document's; the other words are the attestation service's.
Status check_result(std::string_view result) {
    const bool word = std::ranges::all_of(
        result, [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; });
    if (result.empty() || !word)
        return fail(ErrorCode::invalid_argument,
                    "result: expected HEALTH or another word of up to 32 capital letters, digits and "
                    "underscores");
    return {};
}

}  // namespace

Answer report_attestation(Context& context, Exchange& exchange) {
    SIGNET_ASSIGN(const auto body, exchange.json());
    SIGNET_TRY(body.only({"result", "advice", "time", "version"}));
    sqlite::MpocAttestation attestation;
    SIGNET_ASSIGN(const auto result, body.text("result", 32));
    SIGNET_TRY(check_result(result));
    SIGNET_ASSIGN(const auto advice, body.optional_text("advice", 500));
    // "It should be empty when attestResult is 'HEALTH'."
    if (result == kHealth && advice && !advice->empty())
        return fail(ErrorCode::invalid_argument, "advice: expected none with HEALTH");
    SIGNET_ASSIGN(const auto time, body.optional_integer("time", 0, 253'402'300'799'999));
    SIGNET_ASSIGN(const auto version, body.optional_text("version", 64));
    attestation.result = result;
    attestation.advice = advice.value_or("");
    attestation.received = context.services.clock.now();
    attestation.time = time ? from_unix_ms(*time) : attestation.received;
    if (attestation.time > attestation.received + kClockDifference)
        return fail(ErrorCode::invalid_argument,
                    "time: lies in the future; expected milliseconds since 1970, UTC");
    SIGNET_ASSIGN(const auto sdk, must_find_sdk(context, exchange.parameter("sdkId")));
    attestation.version = version ? std::string(*version) : sdk.version;
    const auto caller = caller_of(exchange);
    return idempotent(context.services, exchange, [&](const Keep& keep) -> Answer {
        http::Response response;
        SIGNET_TRY(context.services.writer.run([&](sqlite::Transaction& transaction) -> Status {
            SIGNET_TRY(store::attest(transaction, sdk.id, attestation));
            if (version) SIGNET_TRY(store::set_version(transaction, sdk.id, *version));
            SIGNET_ASSIGN(const auto sequence,
                          transaction.audit({.request_id = std::string(caller.request_id),
                                             .principal = std::string(caller.principal),
                                             .action = "mpoc.attest",
                                             .object = object_of(sdk),
                                             .outcome = "ok",
                                             .details = service::Details()
                                                            .add("result", attestation.result)
                                                            .add("time", to_rfc3339(attestation.time))
                                                            .add("version", attestation.version)
                                                            .text()}));
            JsonWriter json;
            json.begin_object();
            json.member("sdkId", sdk.sdk_id);
            json.member("result", attestation.result);
            json.member("time", to_unix_ms(attestation.time));
            json.member("audit", sequence);
            json.end_object();
            response = json_answer(json.take(), 201);
            return keep(transaction, response);
        }));
        return response;
    });
}

Answer list_attestations(Context& context, Exchange& exchange) {
    SIGNET_ASSIGN(const auto before, exchange.query_number("before", 0, 0, INT64_MAX));
    SIGNET_ASSIGN(const auto limit, exchange.query_number("limit", 100, 1, 1000));
    SIGNET_ASSIGN(const auto sdk, must_find_sdk(context, exchange.parameter("sdkId")));
    SIGNET_ASSIGN(const auto db, context.services.readers.lease());
    SIGNET_ASSIGN(const auto rows,
                  store::attestations(*db, sdk.id, static_cast<std::int64_t>(before), limit + 1));
    JsonWriter json(1024);
    json.begin_object();
    json.key("attestations");
    json.begin_array();
    std::int64_t last = 0;
    for (std::size_t i = 0; i < std::min<std::size_t>(rows.size(), limit); ++i) {
        json.begin_object();
        json.member("result", rows[i].result);
        json.member("advice", rows[i].advice);
        json.member("version", rows[i].version);
        json.member("time", to_unix_ms(rows[i].time));
        json.member("received", to_rfc3339(rows[i].received));
        json.end_object();
        last = rows[i].id;
    }
    json.end_array();
    json.member("next_before", last);
    json.member("more", rows.size() > limit);
    json.end_object();
    return json_answer(json.take());
}

}  // namespace signet::api::mpoc
