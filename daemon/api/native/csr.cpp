// Certificate requests for token keys.
#include "daemon/api/json.h"
#include "daemon/api/native/handlers.h"
#include "daemon/service/certificate_requests.h"

namespace signet::api::native {
namespace {

constexpr std::size_t kMaxNames = 100;
constexpr std::int64_t kMaxVersion = 1'000'000;

}  // namespace

Answer make_request(Services& services, Exchange& exchange) {
    SIGNET_ASSIGN(const auto body, exchange.json());
    SIGNET_TRY(body.only({"subject", "names", "version"}));
    SIGNET_ASSIGN(const auto text, body.text("subject", 2048));
    auto subject = pki::from_rfc4514(text);
    if (!subject) return fail(ErrorCode::invalid_argument, "subject: " + subject.error().message);
    std::vector<pki::GeneralName> names;
    if (body.has("names")) {
        SIGNET_ASSIGN(const auto given, body.texts("names", kMaxNames));
        for (const auto one : given) {
            auto name = pki::general_name_from(one);
            if (name) {
                if (const auto valid = pki::check_general_name(*name); !valid)
                    name = std::unexpected(valid.error());
            }
            if (!name) return fail(ErrorCode::invalid_argument, "names: " + name.error().message);
            names.push_back(*std::move(name));
        }
    }
    SIGNET_ASSIGN(const auto number, body.optional_integer("version", 1, kMaxVersion));
    const auto version = number ? std::optional(static_cast<std::uint32_t>(*number)) : std::nullopt;
    SIGNET_ASSIGN(const auto made, services.requests.make(caller_of(exchange), exchange.parameter("label"),
                                                          version, *subject, names));
    JsonWriter json(2048);
    json.begin_object();
    json.member("csr", made.pem);
    json.member("key", made.key.label);
    json.member("version", made.key.version);
    json.member("audit", made.audit);
    json.end_object();
    return json_answer(json.take());
}

}  // namespace signet::api::native
