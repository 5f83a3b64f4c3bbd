// Key pairs of a store by key index: ours is made in the token and certified, the other side's is uploaded.
#include "base/encoding.h"
#include "daemon/api/idempotent.h"
#include "daemon/api/json.h"
#include "daemon/api/mypos/context.h"
#include "daemon/api/mypos/peer_key.h"
#include "daemon/api/mypos/signer.h"
#include "daemon/http/form.h"
#include "daemon/service/authorities.h"
#include "daemon/service/details.h"
#include "daemon/service/wrapped_keys.h"
#include "hsm/pki/csr.h"
#include "hsm/pki/pkcs7.h"
#include "hsm/provider/library_context.h"
#include "sqlite/read_pool.h"
#include "sqlite/wrapped_key_store.h"
#include "sqlite/writer.h"

namespace signet::api::mypos {
namespace {

constexpr std::string_view kAction = "mypos.manage";
constexpr std::size_t kMaxPem = std::size_t{32} << 10;

void write_certificates(JsonWriter& json, const pki::Certificate& certificate, const std::string& pkcs7) {
    json.member("certificate", certificate.pem());
    json.member("pkcs7", pkcs7);
    json.member("serial", certificate.serial());
    json.member("not_after", to_rfc3339(certificate.not_after()));
}

struct Made {
    sqlite::StoredWrappedKey wrapped;
    Bytes csr;
};

// Our key pair, in the token, and the request that its certificate is issued for.
Result<Made> make_pair(Context& context, const sqlite::MyposStore& store, std::uint32_t index,
                       Deadline deadline) {
    auto& services = context.services;
    SIGNET_ASSIGN(auto row, services.wrapped.generate({.owner = key_owner(store.id),
                                                       .key_class = std::string(kKeyClass),
                                                       .index = index,
                                                       .version = 1,
                                                       .algorithm = KeyAlgorithm::rsa_2048,
                                                       .usages = KeyUsage::sign},
                                                      deadline));
    SIGNET_ASSIGN(const auto key, service::to_wrapped_key(row));
    SIGNET_ASSIGN(const auto signer, services.library.load(key, row.public_key, KeyUsage::sign));
    SIGNET_ASSIGN(auto csr, pki::make_csr(signer, {{"CN", "myPOS " + store.id + " " + std::to_string(index)}},
                                          {}, deadline));
    return Made{std::move(row), std::move(csr)};
}

Answer change_state(Context& context, Exchange& exchange, sqlite::MyposKeyState state,
                    std::string_view change) {
    auto& services = context.services;
    SIGNET_TRY(expect_no_members(exchange));
    const auto& sid = exchange.parameter("sid");
    SIGNET_ASSIGN(const auto index, read_index(exchange.parameter("index")));
    SIGNET_TRY(services.writer.run([&](sqlite::Transaction& transaction) -> Status {
        SIGNET_TRY(sqlite::mypos_store::set_key_state(transaction, sid, index, state, services.clock.now()));
        SIGNET_TRY(transaction.audit(
            record_of(exchange, kAction, sid,
                      service::Details().add("change", change).add("index", std::uint64_t{index}).text())));
        return {};
    }));
    JsonWriter json;
    json.begin_object();
    json.member("sid", sid);
    json.member("index", index);
    json.member("state", sqlite::to_string(state));
    json.end_object();
    return json_answer(json.take());
}

}  // namespace

Answer create_key(Context& context, Exchange& exchange) {
    auto& services = context.services;
    const auto settings = context.settings();
    SIGNET_ASSIGN(const auto body, optional_body(exchange));
    SIGNET_TRY(body.only({"certificate", "index"}));
    SIGNET_ASSIGN(const auto pem, body.optional_text("certificate", kMaxPem));
    SIGNET_ASSIGN(const auto wanted, body.optional_integer("index", 1, 1'000'000));
    SIGNET_ASSIGN(const auto store, open_store(context, exchange.parameter("sid")));
    // As the provider we answer to a merchant whose certificate we have; as a merchant we begin with a key of ours.
    if (!pem && store.side == sqlite::MyposSide::provider)
        return fail(ErrorCode::invalid_argument, "certificate: expected the merchant's certificate");
    sqlite::MyposKey row{
        .store = store.id, .created = services.clock.now(), .created_by = std::string(exchange.principal())};
    std::string peer_fingerprint;
    if (pem) {
        SIGNET_ASSIGN(const auto peer, read_peer_key(*pem, settings.longer_keys));
        row.peer_key = peer.spki();
        peer_fingerprint = to_hex(peer.spki_sha256());
    }
    if (wanted) {
        row.index = static_cast<std::uint32_t>(*wanted);
    } else {
        SIGNET_ASSIGN(const auto db, services.readers.lease());
        SIGNET_ASSIGN(row.index, sqlite::mypos_store::next_index(*db, store.id));
    }
    return idempotent(services, exchange, [&](const Keep& keep) -> Answer {
        const Deadline deadline{exchange.deadline()};
        SIGNET_ASSIGN(const auto made, make_pair(context, store, row.index, deadline));
        http::Response answer;
        SIGNET_TRY(services.authorities.issue(
            caller_of(exchange), settings.ca, {.csr = as_text(made.csr), .profile = settings.profile},
            [&](sqlite::Transaction& transaction, const service::IssuedCertificate& issued) -> Status {
                SIGNET_ASSIGN(const auto certificate, pki::Certificate::parse(issued.pem));
                SIGNET_ASSIGN(const auto pkcs7, pki::pkcs7_pem({certificate}));
                row.certificate = certificate.der();
                SIGNET_TRY(sqlite::mypos_store::insert_key(transaction, row));
                SIGNET_TRY(sqlite::wrapped_key_store::insert(transaction, made.wrapped));
                SIGNET_TRY(transaction.audit(record_of(exchange, kAction, store.id,
                                                       service::Details()
                                                           .add("change", "create_key")
                                                           .add("index", std::uint64_t{row.index})
                                                           .add("serial", issued.serial)
                                                           .add("peer_key_sha256", peer_fingerprint)
                                                           .text())));
                JsonWriter json(4096);
                json.begin_object();
                json.member("sid", store.id);
                json.member("index", row.index);
                write_certificates(json, certificate, pkcs7);
                json.end_object();
                answer = json_answer(json.take(), 201);
                return keep(transaction, answer);
            }));
        return answer;
    });
}

Answer upload_certificate(Context& context, Exchange& exchange) {
    auto& services = context.services;
    SIGNET_ASSIGN(const auto body, exchange.json());
    SIGNET_TRY(body.only({"certificate"}));
    SIGNET_ASSIGN(const auto pem, body.text("certificate", kMaxPem));
    SIGNET_ASSIGN(const auto index, read_index(exchange.parameter("index")));
    SIGNET_ASSIGN(const auto store, open_store(context, exchange.parameter("sid")));
    SIGNET_ASSIGN(const auto key, find_key(context, store.id, index));
    // What a merchant's messages are checked with does not change under an index: a new certificate gets a new one.
    if (!key.peer_key.empty())
        return fail(ErrorCode::conflict, "the key " + std::to_string(index) + " of the store " + store.id +
                                             " has its certificate already; add a key with a new index");
    SIGNET_ASSIGN(const auto peer, read_peer_key(pem, context.settings().longer_keys));
    SIGNET_TRY(services.writer.run([&](sqlite::Transaction& transaction) -> Status {
        SIGNET_TRY(sqlite::mypos_store::set_peer_key(transaction, store.id, index, peer.spki()));
        SIGNET_TRY(transaction.audit(record_of(exchange, kAction, store.id,
                                               service::Details()
                                                   .add("change", "upload_certificate")
                                                   .add("index", std::uint64_t{index})
                                                   .add("peer_key_sha256", to_hex(peer.spki_sha256()))
                                                   .text())));
        return {};
    }));
    JsonWriter json;
    json.begin_object();
    json.member("sid", store.id);
    json.member("index", index);
    json.member("peer_key_sha256", to_hex(peer.spki_sha256()));
    json.end_object();
    return json_answer(json.take());
}

Answer get_certificate(Context& context, Exchange& exchange) {
    SIGNET_ASSIGN(const auto query, http::Form::parse(exchange.request().query));
    const auto* format = query.find("format");
    if (format != nullptr && *format != "pem" && *format != "pkcs7")
        return fail(ErrorCode::invalid_argument, "format: expected pem or pkcs7");
    SIGNET_ASSIGN(const auto index, read_index(exchange.parameter("index")));
    SIGNET_ASSIGN(const auto key, find_key(context, exchange.parameter("sid"), index));
    SIGNET_ASSIGN(const auto certificate, pki::Certificate::parse(as_text(key.certificate)));
    http::Response response;
    response.content_type = "application/x-pem-file";
    response.body = certificate.pem();
    if (format != nullptr && *format == "pkcs7") {
        SIGNET_ASSIGN(response.body, pki::pkcs7_pem({certificate}));
    }
    return response;
}

Answer retire_key(Context& context, Exchange& exchange) {
    return change_state(context, exchange, sqlite::MyposKeyState::retired, "retire_key");
}

Answer revoke_key(Context& context, Exchange& exchange) {
    return change_state(context, exchange, sqlite::MyposKeyState::revoked, "revoke_key");
}

}  // namespace signet::api::mypos
