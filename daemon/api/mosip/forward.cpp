#include "daemon/api/mosip/forward.h"

#include <charconv>

#include "daemon/api/mosip/registration.h"
#include "daemon/service/details.h"
#include "sqlite/mosip_settings_store.h"

namespace signet::api::mosip {
namespace {

namespace store = sqlite::mosip_settings_store;
using sqlite::MosipRegistrationState;
using namespace std::chrono_literals;

// A device that gave up waiting asks again; MOSIP is not to hear of it an hour later.
constexpr auto kGiveUp = 10min;
constexpr std::size_t kMaxReason = 512;

std::int64_t registration_of(const sqlite::OutboxMessage& message) {
    std::int64_t id = 0;
    std::from_chars(message.context.data(), message.context.data() + message.context.size(), id);
    return id;
}

Status settle(Context& context, sqlite::Transaction& transaction, std::int64_t id,
              const Result<std::string>& device_code, std::string_view text) {
    const auto now = context.services.clock.now();
    SIGNET_ASSIGN(const auto row, store::registration(transaction.db(), id));
    if (!row || row->state != MosipRegistrationState::waiting) return {};
    auto outcome = device_code;
    if (outcome) {
        const auto kept = sqlite::mosip_device_store::set_registered(transaction, row->device, now, *outcome);
        // MOSIP gave the code of another device: nobody is served by trying again.
        if (!kept && kept.error().code != ErrorCode::already_exists) return kept;
        if (!kept) outcome = std::unexpected(kept.error());
    }
    const auto why = outcome ? std::string() : outcome.error().message.substr(0, kMaxReason);
    SIGNET_TRY(store::settle_registration(
        transaction, id, outcome ? MosipRegistrationState::registered : MosipRegistrationState::failed,
        outcome ? text : std::string_view(why), now));
    service::Details details;
    if (outcome)
        details.add("device_code", *outcome);
    else
        details.add("why", why);
    SIGNET_TRY(sqlite::mosip_device_store::add_event(
        transaction, row->device,
        {.at = now, .event = outcome ? "registered" : "registration failed", .details = details.text()}));
    SIGNET_TRY(transaction.audit({.request_id = {},
                                  .principal = "system",
                                  .action = "mosip.register",
                                  .object = "mosip/registration/" + std::to_string(id),
                                  .outcome = outcome ? "ok" : "failed",
                                  .details = details.text()}));
    context.answered();
    return {};
}

}  // namespace

std::string object_of(const DeviceRequest& request) {
    return "mosip/device/" + request.provider_id + "/" + request.serial_number;
}

void add_outbox_kind(Context& context) {
    service::OutboxKind kind;
    // An answer of MOSIP is an answer; where it has none (a fault, too many requests), it is asked again.
    kind.accepted = [](const service::OutboxReply& reply) {
        return reply.status >= 200 && reply.status < 500 && reply.status != 408 && reply.status != 429;
    };
    kind.delivered = [&context](sqlite::Transaction& transaction, const sqlite::OutboxMessage& message,
                                const service::OutboxReply& reply) {
        return settle(context, transaction, registration_of(message), device_code_in(reply), reply.body);
    };
    kind.dead = [&context](sqlite::Transaction& transaction, const sqlite::OutboxMessage& message,
                           std::string_view why) {
        return settle(context, transaction, registration_of(message),
                      fail(ErrorCode::unprocessable, "MOSIP could not be reached: " + std::string(why)), {});
    };
    kind.first_wait = 1s;
    kind.longest_wait = 30s;
    kind.give_up = kGiveUp;
    context.services.outbox.add_kind(std::string(kOutboxKind), std::move(kind));
}

Status enqueue_registration(Context& context, sqlite::Transaction& transaction, std::int64_t registration,
                            std::int64_t device, std::string_view body) {
    sqlite::OutboxMessage message;
    // Each device is a destination of its own: one that MOSIP does not like holds up nobody else.
    message.destination = "mosip/device/" + std::to_string(device);
    message.kind = kOutboxKind;
    message.verb = "POST";
    message.url = context.material()->settings.url;
    message.body = to_bytes(body);
    message.context = std::to_string(registration);
    SIGNET_TRY(context.services.outbox.enqueue(transaction, std::move(message)));
    return {};
}

}  // namespace signet::api::mosip
