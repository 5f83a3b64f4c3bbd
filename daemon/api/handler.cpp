#include "daemon/api/handler.h"

namespace signet::api {

Result<JsonObject> optional_body(const Exchange& exchange) {
    if (exchange.body().empty()) return JsonObject::parse("{}");
    return exchange.json();
}

Status expect_no_members(const Exchange& exchange) {
    SIGNET_ASSIGN(const auto body, optional_body(exchange));
    return body.only({});
}

service::Caller caller_of(const Exchange& exchange) {
    return {exchange.principal(), exchange.id(), Deadline{exchange.deadline()}, exchange.approval()};
}

}  // namespace signet::api
