// Top key loading: a payment key that came encrypted under an instance's KEK certificate stays in the token.
#include <algorithm>

#include "base/digest.h"
#include "base/encoding.h"
#include "base/random.h"
#include "daemon/api/idempotent.h"
#include "daemon/api/json.h"
#include "daemon/api/mpoc/handlers.h"
#include "daemon/api/mpoc/instances.h"
#include "daemon/service/details.h"
#include "daemon/service/wrapped_keys.h"
#include "sqlite/read_pool.h"
#include "sqlite/wrapped_key_store.h"

namespace signet::api::mpoc {
namespace {

namespace store = sqlite::mpoc_sdk_store;
constexpr std::size_t kMaxCiphertext = 512;  // bytes; RSA-4096

struct Asked {
    KeyAlgorithm algorithm = KeyAlgorithm::aes_256;
    HashAlgorithm mgf1 = HashAlgorithm::sha256;
    Bytes label;
    Bytes ciphertext;
    std::string check_value;  // lower-case hex; empty: not compared
};

Result<Asked> read_body(const Exchange& exchange) {
    SIGNET_ASSIGN(const auto body, exchange.json());
    SIGNET_TRY(body.only({"key", "algorithm", "mgf1", "label", "kcv"}));
    Asked asked;
    SIGNET_ASSIGN(const auto name, body.text("algorithm", 16));
    const auto algorithm = key_algorithm_from(name);
    constexpr KeyAlgorithm kPayment[] = {KeyAlgorithm::aes_128, KeyAlgorithm::aes_192, KeyAlgorithm::aes_256,
                                         KeyAlgorithm::tdes_2key, KeyAlgorithm::tdes_3key};
    if (!algorithm || std::ranges::find(kPayment, *algorithm) == std::end(kPayment))
        return fail(ErrorCode::invalid_argument,
                    "algorithm: expected aes-128, aes-192, aes-256, tdes-2key or tdes-3key");
    asked.algorithm = *algorithm;
    SIGNET_ASSIGN(const auto mgf1, body.optional_text("mgf1", 16));
    if (mgf1 && *mgf1 != "SHA-1" && *mgf1 != "SHA-256")
        return fail(ErrorCode::invalid_argument, "mgf1: expected SHA-1 or SHA-256");
    if (mgf1 == "SHA-1") asked.mgf1 = HashAlgorithm::sha1;
    SIGNET_ASSIGN(const auto label, body.optional_base64("label", 256));
    asked.label = label.value_or(Bytes{});
    SIGNET_ASSIGN(asked.ciphertext, body.base64("key", kMaxCiphertext));
    SIGNET_ASSIGN(const auto kcv, body.optional_text("kcv", 6));
    if (kcv) {
        const auto bytes = from_hex(*kcv);
        if (!bytes || bytes->size() != 3)
            return fail(ErrorCode::invalid_argument, "kcv: expected 6 hexadecimal digits");
        asked.check_value = to_hex(*bytes);
    }
    return asked;
}

}  // namespace

Answer unwrap_payment_key(Context& context, Exchange& exchange) {
    auto& services = context.services;
    SIGNET_ASSIGN(auto asked, read_body(exchange));
    SIGNET_ASSIGN(const auto sdk, must_find_sdk(context, exchange.parameter("sdkId")));
    SIGNET_TRY(check_usable(context, sdk));
    SIGNET_ASSIGN(const auto kek, key_of(context, sdk, kKekClass));
    const auto caller = caller_of(exchange);
    return idempotent(services, exchange, [&](const Keep& keep) -> Answer {
        std::uint32_t index = 0;
        {
            SIGNET_ASSIGN(const auto db, services.readers.lease());
            SIGNET_ASSIGN(index, store::next_payment_index(*db, sdk.id));
        }
        SIGNET_ASSIGN(const auto under, services.wrapped.under());
        ImportSecretRequest request;
        request.key = kek;
        request.oaep_hash = HashAlgorithm::sha256;
        request.mgf1_hash = asked.mgf1;
        request.label = asked.label;
        request.ciphertext = asked.ciphertext;
        request.binding = {owner_of(sdk),   std::string(kPaymentClass), index, sdk.generation,
                           asked.algorithm, KeyUsage::payment};
        request.wrapping_key = under.wrapping_key;
        request.binding_key = under.binding_key;
        SIGNET_ASSIGN(auto imported, services.token.import_secret(request, caller.deadline));
        const auto check_value = to_hex(imported.check_value);
        if (!asked.check_value.empty() && asked.check_value != check_value)
            return fail(ErrorCode::unprocessable,
                        "kcv: the key that arrived has another check value; it was not kept");
        const sqlite::MpocPaymentKey row{.key_id = random_uuid(),
                                         .sdk = sdk.id,
                                         .index = index,
                                         .generation = sdk.generation,
                                         .algorithm = std::string(to_string(asked.algorithm)),
                                         .kcv = check_value,
                                         .created = services.clock.now()};
        http::Response response;
        SIGNET_TRY(services.writer.run([&](sqlite::Transaction& transaction) -> Status {
            SIGNET_TRY(sqlite::wrapped_key_store::insert(transaction,
                                                         service::to_row(imported.key, {}, row.created)));
            SIGNET_TRY(store::insert_payment_key(transaction, row));
            SIGNET_ASSIGN(const auto sequence,
                          transaction.audit({.request_id = std::string(caller.request_id),
                                             .principal = std::string(caller.principal),
                                             .action = "mpoc.unwrap",
                                             .object = object_of(sdk),
                                             .outcome = "ok",
                                             .details = service::Details()
                                                            .add("key", row.key_id)
                                                            .add("algorithm", row.algorithm)
                                                            .add("kcv", row.kcv)
                                                            .add("kek", to_hex(sdk.kek.serial))
                                                            .text()}));
            JsonWriter json;
            json.begin_object();
            json.member("keyId", row.key_id);
            json.member("kcv", row.kcv);
            json.member("algorithm", row.algorithm);
            json.member("sdkId", sdk.sdk_id);
            json.member("audit", sequence);
            json.end_object();
            response = json_answer(json.take(), 201);
            return keep(transaction, response);
        }));
        return response;
    });
}

}  // namespace signet::api::mpoc
