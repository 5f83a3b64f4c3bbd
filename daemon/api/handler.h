// What the handlers of all families have in common: their form, the caller, and bodies that may be left out.
#pragma once

#include <memory>

#include "base/error.h"
#include "daemon/api/exchange.h"
#include "daemon/service/caller.h"

namespace signet::api {

// A handler returns its answer, or an Error that becomes the row's error shape.
using Answer = Result<http::Response>;

// Makes a row's handler of a plain function over the family's own context; the context outlives the row.
template <class Context>
Handler bind(Context& context, Answer (*handler)(Context&, Exchange&)) {
    return [&context, handler](Exchange& exchange) -> http::Response {
        auto answer = handler(context, exchange);
        return answer ? *std::move(answer) : exchange.fail(answer.error());
    };
}
// The same for one that does not wait (Handler).
template <class Context>
Handler bind(Context& context, void (*handler)(Context&, std::shared_ptr<Exchange>, http::Finish)) {
    return [&context, handler](std::shared_ptr<Exchange> exchange, http::Finish finish) {
        handler(context, std::move(exchange), std::move(finish));
    };
}

// An empty body is an empty object: requests whose path says it all need none.
Result<JsonObject> optional_body(const Exchange& exchange);
// For routes without parameters: what is sent all the same was meant to do something, and does nothing.
Status expect_no_members(const Exchange& exchange);

service::Caller caller_of(const Exchange& exchange);

}  // namespace signet::api
