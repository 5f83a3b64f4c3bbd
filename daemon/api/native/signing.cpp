// Batches, checks, decryption and signed documents.
#include "daemon/service/signing.h"

#include <boost/json.hpp>

#include "base/encoding.h"
#include "daemon/api/json.h"
#include "daemon/api/native/handlers.h"
#include "daemon/service/authorities.h"
#include "daemon/service/keys.h"
#include "hsm/pki/certificate.h"

namespace signet::api::native {
namespace {

constexpr std::int64_t kMaxVersion = 1'000'000;
constexpr std::size_t kMaxSignature = 1024;

Result<std::optional<std::uint32_t>> version_in(const JsonObject& body) {
    SIGNET_ASSIGN(const auto version, body.optional_integer("version", 1, kMaxVersion));
    if (!version) return std::nullopt;
    return static_cast<std::uint32_t>(*version);
}

void write_origin(JsonWriter& json, std::string_view algorithm, const KeyId& key) {
    json.member("algorithm", algorithm);
    json.member("key", key.label);
    json.member("version", key.version);
}

http::Response validity(bool valid, std::string_view algorithm, const KeyId& key) {
    JsonWriter json;
    json.begin_object();
    json.member("valid", valid);
    write_origin(json, algorithm, key);
    json.end_object();
    return json_answer(json.take());
}

// Items are {"data": …} or {"digest": …}, or plain base64 texts, which are data.
Result<std::vector<service::SignInput>> batch_inputs(const JsonObject& body, SignAlgorithm algorithm) {
    std::vector<service::SignInput> inputs;
    const auto* const items = body.raw().if_contains("items");
    const auto* const list = items != nullptr ? items->if_array() : nullptr;
    if (list == nullptr || list->empty())
        return fail(ErrorCode::invalid_argument, "items: expected 1 to 1000 items");
    if (list->size() > service::kMaxBatch)
        return fail(ErrorCode::too_large,
                    "items: expected 1 to 1000 items, got " + std::to_string(list->size()));
    inputs.reserve(list->size());
    if (list->front().is_string()) {
        SIGNET_ASSIGN(auto datas, body.base64s("items", service::kMaxBatch, service::kMaxMessage));
        for (auto& data : datas) {
            SIGNET_ASSIGN(auto input, service::input_of_data(algorithm, std::move(data)));
            inputs.push_back(std::move(input));
        }
        return inputs;
    }
    SIGNET_ASSIGN(const auto objects, body.objects("items", service::kMaxBatch));
    for (const auto& object : objects) {
        SIGNET_TRY(object.only({"data", "digest"}));
        if (object.has("data") == object.has("digest"))
            return fail(ErrorCode::invalid_argument,
                        object.where() + ": expected either data or digest, as base64");
        if (object.has("data")) {
            SIGNET_ASSIGN(auto data, object.base64("data", service::kMaxMessage));
            SIGNET_ASSIGN(auto input, service::input_of_data(algorithm, std::move(data)));
            inputs.push_back(std::move(input));
        } else {
            SIGNET_ASSIGN(auto digest, object.base64("digest", 64));
            SIGNET_ASSIGN(auto input, service::input_of_digest(algorithm, std::move(digest)));
            inputs.push_back(std::move(input));
        }
    }
    return inputs;
}

}  // namespace

Answer sign_batch(Services& services, Exchange& exchange) {
    SIGNET_ASSIGN(const auto body, exchange.json());
    SIGNET_TRY(body.only({"algorithm", "items"}));
    SIGNET_ASSIGN(const auto name, body.optional_text("algorithm", 16));
    SIGNET_ASSIGN(const auto key, services.keys.active(exchange.parameter("label"), KeyUsage::sign));
    SIGNET_ASSIGN(const auto algorithm, service::choose_algorithm(*key, name));
    SIGNET_ASSIGN(auto inputs, batch_inputs(body, algorithm));
    SIGNET_TRY(exchange.authorise(to_string(algorithm), static_cast<std::uint32_t>(inputs.size())));
    SIGNET_ASSIGN(const auto made,
                  services.signing.sign_batch(caller_of(exchange), key, algorithm, std::move(inputs)));
    JsonWriter json(128 + made.values.size() * 128);
    json.begin_object();
    json.key("signatures");
    json.begin_array();
    for (const auto& value : made.values)
        json.base64(value);
    json.end_array();
    write_origin(json, to_string(algorithm), key->id);
    json.member("audit", made.audit);
    json.end_object();
    return json_answer(json.take());
}

Answer verify(Services& services, Exchange& exchange) {
    SIGNET_ASSIGN(const auto body, exchange.json());
    SIGNET_TRY(body.only({"algorithm", "data", "digest", "signature", "version"}));
    SIGNET_ASSIGN(const auto name, body.optional_text("algorithm", 16));
    SIGNET_ASSIGN(const auto version, version_in(body));
    SIGNET_ASSIGN(const auto signature, body.base64("signature", kMaxSignature));
    SIGNET_ASSIGN(const auto data, body.optional_base64("data", service::kMaxMessage));
    SIGNET_ASSIGN(const auto digest, body.optional_base64("digest", 64));
    if (data.has_value() == digest.has_value())
        return fail(ErrorCode::invalid_argument, "expected either data or digest, as base64");
    SIGNET_ASSIGN(const auto key,
                  services.keys.existing(exchange.parameter("label"), KeyUsage::sign, version));
    SIGNET_ASSIGN(const auto algorithm, service::choose_algorithm(*key, name));
    SIGNET_TRY(exchange.authorise(to_string(algorithm)));
    SIGNET_ASSIGN(const auto valid,
                  data ? service::Signing::verify(key, algorithm, *data, signature)
                       : service::Signing::verify_digest(key, algorithm, *digest, signature));
    return validity(valid, to_string(algorithm), key->id);
}

Answer mac_verify(Services& services, Exchange& exchange) {
    SIGNET_ASSIGN(const auto body, exchange.json());
    SIGNET_TRY(body.only({"algorithm", "data", "mac", "version"}));
    SIGNET_ASSIGN(const auto name, body.optional_text("algorithm", 16));
    SIGNET_ASSIGN(const auto version, version_in(body));
    SIGNET_ASSIGN(auto data, body.base64("data", service::kMaxMessage));
    SIGNET_ASSIGN(const auto mac, body.base64("mac", 64));
    SIGNET_ASSIGN(const auto key,
                  services.keys.existing(exchange.parameter("label"), KeyUsage::mac, version));
    SIGNET_ASSIGN(const auto algorithm, service::choose_mac_algorithm(*key, name));
    SIGNET_TRY(exchange.authorise(to_string(algorithm)));
    SIGNET_ASSIGN(const auto valid,
                  services.signing.mac_verify(caller_of(exchange), key, algorithm, std::move(data), mac));
    return validity(valid, to_string(algorithm), key->id);
}

Answer decrypt(Services& services, Exchange& exchange) {
    SIGNET_ASSIGN(const auto body, exchange.json());
    SIGNET_TRY(body.only({"algorithm", "ciphertext", "label", "version"}));
    SIGNET_ASSIGN(const auto name, body.optional_text("algorithm", 16));
    // RFC 7518 section 4.3.
    const auto algorithm = name.value_or("RSA-OAEP-256");
    if (algorithm != "RSA-OAEP" && algorithm != "RSA-OAEP-256")
        return fail(ErrorCode::invalid_argument, "algorithm: expected RSA-OAEP or RSA-OAEP-256");
    SIGNET_ASSIGN(const auto version, version_in(body));
    SIGNET_ASSIGN(auto ciphertext, body.base64("ciphertext", 512));
    SIGNET_ASSIGN(auto label, body.optional_base64("label", 256));
    SIGNET_ASSIGN(const auto key,
                  services.keys.existing(exchange.parameter("label"), KeyUsage::decrypt, version));
    SIGNET_TRY(exchange.authorise(algorithm));
    const auto hash = algorithm == "RSA-OAEP" ? HashAlgorithm::sha1 : HashAlgorithm::sha256;
    SIGNET_ASSIGN(const auto plain,
                  services.signing.decrypt(caller_of(exchange), key, hash, std::move(ciphertext),
                                           std::move(label).value_or(Bytes{})));
    JsonWriter json(128 + plain.value.size() * 2);
    json.begin_object();
    json.member_base64("data", plain.value.view());
    write_origin(json, algorithm, key->id);
    json.member("audit", plain.audit);
    json.end_object();
    auto response = json_answer(json.take());
    response.headers.emplace_back("Cache-Control", "no-store");
    return response;
}

Answer jws(Services& services, Exchange& exchange) {
    SIGNET_ASSIGN(const auto body, exchange.json());
    SIGNET_TRY(body.only({"algorithm", "payload", "typ", "cty", "x5c"}));
    SIGNET_ASSIGN(const auto name, body.optional_text("algorithm", 16));
    SIGNET_ASSIGN(const auto payload, body.base64("payload", service::kMaxMessage));
    service::JwsOptions options;
    SIGNET_ASSIGN(const auto type, body.optional_text("typ", 128));
    if (type) options.type = *type;
    SIGNET_ASSIGN(const auto content_type, body.optional_text("cty", 128));
    if (content_type) options.content_type = *content_type;
    SIGNET_ASSIGN(const auto with_chain, body.optional_boolean("x5c"));
    SIGNET_ASSIGN(const auto key, services.keys.active(exchange.parameter("label"), KeyUsage::sign));
    SIGNET_ASSIGN(const auto algorithm, service::choose_algorithm(*key, name));
    SIGNET_TRY(exchange.authorise(to_string(algorithm)));
    if (with_chain.value_or(false)) {
        const auto certificate = services.keys.certificate(key->id);
        if (!certificate)
            return fail(ErrorCode::failed_precondition,
                        "the key " + to_string(key->id) + " has no certificate in the token; import one");
        options.certificates.push_back(*certificate);
        for (auto& upper : services.authorities.chain_for(*certificate))
            options.certificates.push_back(std::move(upper));
    }
    SIGNET_ASSIGN(const auto document,
                  services.signing.jws(caller_of(exchange), key, algorithm, payload, options));
    JsonWriter json(256 + document.text.size());
    json.begin_object();
    json.member("jws", document.text);
    write_origin(json, to_string(algorithm), key->id);
    json.member("audit", document.audit);
    json.end_object();
    return json_answer(json.take());
}

Answer cms(Services& services, Exchange& exchange) {
    SIGNET_ASSIGN(const auto body, exchange.json());
    SIGNET_TRY(body.only({"algorithm", "data", "certificate", "signing_time"}));
    SIGNET_ASSIGN(const auto name, body.optional_text("algorithm", 16));
    SIGNET_ASSIGN(const auto data, body.base64("data", service::kMaxMessage));
    SIGNET_ASSIGN(const auto given, body.optional_text("certificate", std::size_t{48} << 10));
    SIGNET_ASSIGN(const auto signing_time, body.optional_boolean("signing_time"));
    SIGNET_ASSIGN(const auto key, services.keys.active(exchange.parameter("label"), KeyUsage::sign));
    SIGNET_ASSIGN(const auto algorithm, service::choose_algorithm(*key, name));
    SIGNET_TRY(exchange.authorise(to_string(algorithm)));
    service::CmsRequest request;
    if (given) {
        SIGNET_ASSIGN(const auto certificate, pki::Certificate::parse(*given));
        request.certificate = certificate.der();
    } else if (const auto imported = services.keys.certificate(key->id)) {
        request.certificate = *imported;
    } else {
        return fail(
            ErrorCode::failed_precondition,
            "the key " + to_string(key->id) + " has no certificate in the token; import one or send it");
    }
    request.chain = services.authorities.chain_for(request.certificate);
    if (signing_time.value_or(true)) request.signing_time = services.clock.now();
    SIGNET_ASSIGN(const auto document,
                  services.signing.cms(caller_of(exchange), key, algorithm, data, request));
    JsonWriter json(256 + document.text.size() * 2);
    json.begin_object();
    json.member_base64("cms", as_bytes(document.text));
    write_origin(json, to_string(algorithm), key->id);
    json.member("audit", document.audit);
    json.end_object();
    return json_answer(json.take());
}

}  // namespace signet::api::native
