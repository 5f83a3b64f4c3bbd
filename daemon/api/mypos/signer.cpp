#include "daemon/api/mypos/signer.h"

#include "base/digest.h"
#include "base/encoding.h"
#include "daemon/service/audited_operation.h"
#include "daemon/service/details.h"
#include "daemon/service/wrapped_keys.h"
#include "hsm/pki/public_key.h"
#include "hsm/pki/signature.h"

namespace signet::api::mypos {

std::string key_owner(std::string_view store) {
    return "mypos:" + std::string(store);
}

Result<Signed> sign(Context& context, const Exchange& exchange, std::string_view action,
                    const sqlite::MyposKey& key, const Message& message) {
    auto& services = context.services;
    if (key.state != sqlite::MyposKeyState::active)
        return fail(ErrorCode::conflict, "the key " + std::to_string(key.index) + " of the store " +
                                             key.store + " is retired; it verifies and signs no more");
    SIGNET_ASSIGN(auto wrapped, services.wrapped.latest(key_owner(key.store), kKeyClass, key.index));
    auto hashed = digest(HashAlgorithm::sha256, as_bytes(canonical(message)));
    auto record = record_of(exchange, action, key.store,
                            service::Details()
                                .add("index", std::uint64_t{key.index})
                                .add("alg", "RS256")
                                .add("digest", to_hex(hashed))
                                .text());
    const Deadline deadline{exchange.deadline()};
    SIGNET_ASSIGN(const auto made,
                  service::AuditedOperation::run(services.writer, caller_of(exchange), std::move(record),
                                                 [&](service::AuditedOperation::Done done) {
                                                     services.token.sign_async(
                                                         {std::move(wrapped), SignAlgorithm::rs256,
                                                          KeyUsage::sign, std::move(hashed)},
                                                         deadline, std::move(done));
                                                 }));
    return Signed{to_base64(made.value), made.audit};
}

Result<bool> verify(const sqlite::MyposKey& key, const Message& message) {
    if (key.peer_key.empty())
        return fail(ErrorCode::conflict, "the key " + std::to_string(key.index) + " of the store " +
                                             key.store + " has no certificate of the other side yet");
    if (!message.signature) return false;
    const auto signature = from_base64_wrapped(*message.signature);
    if (!signature) return false;
    SIGNET_ASSIGN(const auto peer, pki::PublicKey::from_spki(key.peer_key));
    SIGNET_ASSIGN(const bool right,
                  pki::verify(peer, SignAlgorithm::rs256, as_bytes(canonical(message)), *signature));
    if (right) return true;
    const auto unescaped = canonical_unescaped(message);
    if (!unescaped) return false;
    return pki::verify(peer, SignAlgorithm::rs256, as_bytes(*unescaped), *signature);
}

}  // namespace signet::api::mypos
