// What payment hosts have done with the keys of an SDK instance whose key pairs are in the token.
#include "base/encoding.h"
#include "daemon/api/json.h"
#include "daemon/api/mpoc/handlers.h"
#include "daemon/api/mpoc/instances.h"
#include "daemon/service/audited_operation.h"
#include "daemon/service/details.h"
#include "daemon/service/signing.h"

namespace signet::api::mpoc {
Answer sign(Context& context, Exchange& exchange) {
    SIGNET_ASSIGN(const auto body, exchange.json());
    SIGNET_TRY(body.only({"algorithm", "data", "digest"}));
    SIGNET_ASSIGN(const auto name, body.optional_text("algorithm", 16));
    const auto algorithm = sign_algorithm_from(name.value_or("RS256"));
    if (!algorithm || !fits(*algorithm, KeyAlgorithm::rsa_3072))
        return fail(ErrorCode::invalid_argument,
                    "algorithm: expected RS256, RS384, RS512, PS256, PS384 or PS512");
    SIGNET_TRY(exchange.authorise(to_string(*algorithm)));
    SIGNET_ASSIGN(auto data, body.optional_base64("data", service::kMaxMessage));
    SIGNET_ASSIGN(auto digest, body.optional_base64("digest", 64));
    if (data.has_value() == digest.has_value())
        return fail(ErrorCode::invalid_argument, "expected either data or digest");
    SIGNET_ASSIGN(auto input, data ? service::input_of_data(*algorithm, *std::move(data))
                                   : service::input_of_digest(*algorithm, *std::move(digest)));
    SIGNET_ASSIGN(const auto sdk, must_find_sdk(context, exchange.parameter("sdkId")));
    SIGNET_TRY(check_usable(context, sdk));
    SIGNET_ASSIGN(auto key, key_of(context, sdk, kSignClass));
    const auto caller = caller_of(exchange);
    sqlite::AuditRecord record{.request_id = std::string(caller.request_id),
                               .principal = std::string(caller.principal),
                               .action = "mpoc.sign",
                               .object = object_of(sdk),
                               .outcome = "ok",
                               .details = service::Details()
                                              .add("algorithm", to_string(*algorithm))
                                              .add("digest", input.digest)
                                              .add("certificate", to_hex(sdk.sign.serial))
                                              .text()};
    SIGNET_ASSIGN(
        const auto signature,
        service::AuditedOperation::run(
            context.services.writer, caller, std::move(record), [&](service::AuditedOperation::Done done) {
                context.services.token.sign_async(
                    {std::move(key), *algorithm, KeyUsage::sign, std::move(input.bytes)}, caller.deadline,
                    std::move(done));
            }));
    JsonWriter json(1024);
    json.begin_object();
    json.member_base64("signature", signature.value);
    json.member("algorithm", to_string(*algorithm));
    json.member("sdkId", sdk.sdk_id);
    json.member("certificate", to_hex(sdk.sign.serial));
    json.member("audit", signature.audit);
    json.end_object();
    return json_answer(json.take());
}

}  // namespace signet::api::mpoc
