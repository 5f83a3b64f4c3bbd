// msbDeviceRegistration: answered here, or forwarded to MOSIP through the outbox.
#include "daemon/api/mosip/registration.h"

#include <algorithm>

#include "base/random.h"
#include "daemon/api/mosip/forward.h"
#include "daemon/api/mosip/outcome.h"
#include "sqlite/mosip_settings_store.h"
#include "sqlite/read_pool.h"

namespace signet::api::mosip {
namespace {

namespace store = sqlite::mosip_settings_store;
using sqlite::MosipRegistrationState;

Outcome registered(std::string response) {
    Outcome outcome;
    outcome.members = [response = std::move(response)](JsonWriter& json) {
        json.member("deviceRegistrationResponse", response);
    };
    return outcome;
}

Result<Outcome> answer_here(Context& context, const service::Caller& caller, const DeviceRequest& request,
                            const RegistrationRequest& read) {
    const auto now = context.services.clock.now();
    const auto& device = *request.device;
    // A retry of a registered device gets its code again.
    const auto device_code = device.registered ? device.device_code.value_or("") : random_uuid();
    JsonWriter payload(1024);
    payload.begin_object();
    payload.member("status", "Registered");
    payload.member("digitalId", read.digital_id);
    payload.member("deviceCode", device_code);
    payload.member("timestamp", to_rfc3339(now));
    payload.member("env", request.env);
    payload.end_object();
    SIGNET_ASSIGN(const auto jwt, context.sign(context.material()->mms, payload.view(), caller.deadline));
    auto outcome = registered(registration_response(read, jwt, now));
    outcome.details.add("device_code", device_code);
    outcome.effect = [id = device.id, was = device.registered.has_value(), now,
                      device_code](sqlite::Transaction& transaction) -> Status {
        SIGNET_TRY(sqlite::mosip_device_store::set_registered(transaction, id, now, device_code));
        if (was) return {};
        return sqlite::mosip_device_store::add_event(
            transaction, id,
            {.at = now,
             .event = "registered",
             .details = service::Details().add("device_code", device_code).text()});
    };
    return outcome;
}

// Enqueues the registration, unless one of this device is under way or done; its id.
Result<std::int64_t> enqueue(Context& context, const service::Caller& caller, const DeviceRequest& request,
                             const RegistrationRequest& read) {
    const auto material = context.material();
    const auto now = context.services.clock.now();
    // The device provider's signature is what the device cannot make itself.
    SIGNET_ASSIGN(const auto jwt, context.sign(material->provider, read.device_data, caller.deadline));
    const auto body = registration_message(read, jwt, now);
    std::int64_t id = 0;
    SIGNET_TRY(context.services.writer.run([&](sqlite::Transaction& transaction) -> Status {
        SIGNET_ASSIGN(const auto last, store::last_registration(transaction.db(), request.device->id));
        if (last && last->state == MosipRegistrationState::waiting) {
            id = last->id;
            return {};
        }
        SIGNET_ASSIGN(id, store::insert_registration(transaction, {.device = request.device->id,
                                                                   .state = MosipRegistrationState::waiting,
                                                                   .response = {},
                                                                   .created = now}));
        SIGNET_TRY(enqueue_registration(context, transaction, id, request.device->id, body));
        SIGNET_TRY(transaction.audit({.request_id = std::string(caller.request_id),
                                      .principal = std::string(caller.principal),
                                      .action = "mosip.device",
                                      .object = object_of(request),
                                      .outcome = "ok",
                                      .details = service::Details()
                                                     .add("operation", "forward registration")
                                                     .add("registration", static_cast<std::uint64_t>(id))
                                                     .text()}));
        return {};
    }));
    context.services.outbox.wake();
    return id;
}

Result<sqlite::MosipRegistration> wait_for(Context& context, std::int64_t id, SteadyTime until) {
    while (true) {
        {
            SIGNET_ASSIGN(const auto db, context.services.readers.lease());
            SIGNET_ASSIGN(auto row, store::registration(*db, id));
            if (!row) return fail(ErrorCode::internal, "the registration is gone from the database");
            if (row->state != MosipRegistrationState::waiting || std::chrono::steady_clock::now() >= until)
                return *std::move(row);
        }
        context.wait_for_answers(until);
    }
}

Result<Outcome> forward(Context& context, const service::Caller& caller, const DeviceRequest& request,
                        const RegistrationRequest& read) {
    std::optional<sqlite::MosipRegistration> row;
    if (request.device->registered) {
        SIGNET_ASSIGN(const auto db, context.services.readers.lease());
        SIGNET_ASSIGN(row, store::last_registration(*db, request.device->id));
        if (row && row->state != MosipRegistrationState::registered) row.reset();
    }
    if (!row) {
        SIGNET_ASSIGN(const auto id, enqueue(context, caller, request, read));
        // Some of the request's time is for signing and keeping the answer.
        const auto until = std::min(std::chrono::steady_clock::now() + context.material()->settings.wait,
                                    caller.deadline.at - std::chrono::seconds(1));
        SIGNET_ASSIGN(row, wait_for(context, id, until));
    }
    switch (row->state) {
        case MosipRegistrationState::registered: {
            auto outcome = registered(row->response);
            outcome.details.add("registration", static_cast<std::uint64_t>(row->id));
            return outcome;
        }
        case MosipRegistrationState::failed:
            return refused(request, code::kRegistration, row->response);
        case MosipRegistrationState::waiting:
            break;
    }
    return refused(request, code::kRegistration,
                   "MOSIP did not answer in time; the registration goes on, ask again");
}

}  // namespace

Result<Outcome> registration(Context& context, const service::Caller& caller, const DeviceRequest& request) {
    if (auto refusal = refuse_device(context, request)) return *std::move(refusal);
    const auto material = context.material();
    const auto read =
        read_registration(request, context.services.clock.now(), material->settings.clock_window);
    if (!read) return refused(request, code::kRegistration, read.error().message);
    if (material->settings.forward) return forward(context, caller, request, *read);
    return answer_here(context, caller, request, *read);
}

}  // namespace signet::api::mosip
