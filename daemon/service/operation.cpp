#include "daemon/service/operation.h"

#include "base/wire.h"

namespace signet::service {
namespace {

WireWriter begun(std::string_view purpose) {
    WireWriter writer;
    writer.raw(as_bytes(purpose));
    writer.number(std::uint8_t{0});
    return writer;
}

}  // namespace

std::string_view to_string(Verdict verdict) {
    return verdict == Verdict::approve ? "approve" : "reject";
}

Sha256 operation_digest(const Operation& operation) {
    return operation_digest(operation, sha256(as_bytes(operation.body)));
}

Sha256 operation_digest(const Operation& operation, const Sha256& body_digest) {
    auto writer = begun("signet-operation-1");
    writer.text(operation.verb);
    writer.text(operation.route);
    writer.number(static_cast<std::uint32_t>(operation.parameters.size()));
    for (const auto& [name, value] : operation.parameters) {
        writer.text(name);
        writer.text(value);
    }
    writer.text(operation.query);
    writer.raw(body_digest);
    writer.text(operation.principal);
    return sha256(writer.buffer());
}

Bytes approval_message(std::string_view id, Verdict verdict, const Sha256& digest) {
    auto writer = begun("signet-approval-1");
    writer.text(id);
    writer.text(to_string(verdict));
    writer.raw(digest);
    return writer.take();
}

}  // namespace signet::service
