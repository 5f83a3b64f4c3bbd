// Administration of devices: the white list, single and as CSV, their state and history; on the admin socket only.
#include <map>

#include "base/digest.h"
#include "base/encoding.h"
#include "daemon/api/idempotent.h"
#include "daemon/api/json.h"
#include "daemon/api/mosip/admin.h"
#include "daemon/api/mosip/handlers.h"
#include "daemon/api/mosip/white_list.h"
#include "sqlite/mosip_device_store.h"

namespace signet::api::mosip {
namespace {

namespace store = sqlite::mosip_device_store;
constexpr std::size_t kMaxCsv = std::size_t{1} << 20;

std::string object_of(std::string_view provider_id, std::string_view serial_number) {
    return "mosip/device/" + std::string(provider_id) + "/" + std::string(serial_number);
}

void write(JsonWriter& json, const sqlite::MosipDevice& device, std::string_view provider_id) {
    json.member("id", device.id);
    json.member("providerId", provider_id);
    json.member("serialNumber", device.serial_number);
    json.member("modelID", device.model);
    json.member("devicePurpose", device.purpose);
    json.member("bioType", device.bio_type);
    json.member("whiteListed", device.white_listed);
    if (device.valid_until) json.member("validUntil", to_rfc3339(*device.valid_until));
    json.member("blocked", device.blocked.has_value());
    json.member("registered", device.registered.has_value());
    if (device.registered) json.member("registeredSince", to_rfc3339(*device.registered));
    if (device.device_code) json.member("deviceCode", *device.device_code);
    if (device.last_sync) json.member("lastSync", to_rfc3339(*device.last_sync));
    if (!device.service_version.empty()) json.member("deviceServiceVersion", device.service_version);
    json.member("mustRotate", device.must_rotate);
    if (!device.serial.empty()) json.member("certificate", to_hex(device.serial));
    if (device.expires) json.member("keyExpires", to_rfc3339(*device.expires));
}

Result<sqlite::MosipDevice> must_find_device(Context& context, const std::string& provider_id,
                                             const std::string& serial_number) {
    SIGNET_ASSIGN(const auto vendor, must_find_vendor(context, provider_id));
    SIGNET_ASSIGN(const auto db, context.services.readers.lease());
    SIGNET_ASSIGN(auto device, store::find(*db, vendor.id, serial_number));
    if (!device)
        return fail(ErrorCode::not_found,
                    "the vendor " + provider_id + " has no device with the serial number " + serial_number);
    return *std::move(device);
}

Answer shown(Context& context, const std::string& provider_id, const std::string& serial_number,
             unsigned status = 200) {
    SIGNET_ASSIGN(const auto device, must_find_device(context, provider_id, serial_number));
    JsonWriter json(1024);
    json.begin_object();
    write(json, device, provider_id);
    json.end_object();
    return json_answer(json.take(), status);
}

enum class Listed : std::uint8_t { added, changed, same };

// A new device, or an old one with new entries; back on the white list if it was taken off.
Result<Listed> list(sqlite::Transaction& transaction, std::int64_t vendor, const ListEntry& entry,
                    SystemTime now) {
    SIGNET_ASSIGN(const auto found, store::find(transaction.db(), vendor, entry.serial_number));
    sqlite::MosipDevice device = found.value_or(sqlite::MosipDevice{});
    const bool same = found && device.white_listed && device.model == entry.model &&
                      device.purpose == entry.purpose && device.bio_type == entry.bio_type &&
                      device.valid_until == entry.valid_until;
    if (same) return Listed::same;
    device.vendor = vendor;
    device.serial_number = entry.serial_number;
    device.model = entry.model;
    device.purpose = entry.purpose;
    device.bio_type = entry.bio_type;
    device.valid_until = entry.valid_until;
    device.white_listed = true;
    device.created = now;
    if (found) {
        SIGNET_TRY(store::update(transaction, device));
    } else {
        SIGNET_ASSIGN(device.id, store::insert(transaction, device));
    }
    SIGNET_TRY(store::add_event(
        transaction, device.id,
        {.at = now,
         .event = found ? "white list changed" : "white-listed",
         .details = service::Details().add("model", entry.model).add("purpose", entry.purpose).text()}));
    return found ? Listed::changed : Listed::added;
}

}  // namespace

Answer add_device(Context& context, Exchange& exchange) {
    SIGNET_ASSIGN(const auto body, exchange.json());
    SIGNET_TRY(
        body.only({"providerId", "serialNumber", "modelID", "devicePurpose", "bioType", "validUntil"}));
    ListEntry entry;
    for (const auto& [member, to] :
         {std::pair{"providerId", &entry.provider_id}, std::pair{"serialNumber", &entry.serial_number},
          std::pair{"modelID", &entry.model}, std::pair{"devicePurpose", &entry.purpose},
          std::pair{"bioType", &entry.bio_type}}) {
        SIGNET_ASSIGN(const auto value, body.text(member, 128));
        *to = value;
    }
    SIGNET_ASSIGN(const auto until, body.optional_text("validUntil", 64));
    SIGNET_ASSIGN(entry.valid_until, valid_until_in(until.value_or("")));
    SIGNET_TRY(check_entry(entry));
    SIGNET_ASSIGN(const auto vendor, must_find_vendor(context, entry.provider_id));
    return idempotent(context.services, exchange, [&](const Keep&) -> Answer {
        SIGNET_TRY(context.services.writer.run([&](sqlite::Transaction& transaction) -> Status {
            SIGNET_TRY(list(transaction, vendor.id, entry, context.services.clock.now()));
            return record(transaction, exchange, object_of(entry.provider_id, entry.serial_number),
                          service::Details()
                              .add("change", "white-list")
                              .add("model", entry.model)
                              .add("purpose", entry.purpose)
                              .add("bio_type", entry.bio_type));
        }));
        return shown(context, entry.provider_id, entry.serial_number, 201);
    });
}

Answer import_devices(Context& context, Exchange& exchange) {
    SIGNET_ASSIGN(const auto body, exchange.json());
    SIGNET_TRY(body.only({"csv"}));
    SIGNET_ASSIGN(const auto csv, body.text("csv", kMaxCsv));
    SIGNET_ASSIGN(auto lines, read_csv(csv));
    std::map<std::string, std::int64_t> vendors;
    {
        SIGNET_ASSIGN(const auto db, context.services.readers.lease());
        for (auto& line : lines) {
            if (!line.entry || vendors.contains(line.entry->provider_id)) continue;
            SIGNET_ASSIGN(const auto vendor, sqlite::mosip_vendor_store::find(*db, line.entry->provider_id));
            vendors[line.entry->provider_id] = vendor ? vendor->id : 0;
        }
    }
    return idempotent(context.services, exchange, [&](const Keep& keep) -> Answer {
        http::Response response;
        SIGNET_TRY(context.services.writer.run([&](sqlite::Transaction& transaction) -> Status {
            std::uint64_t counts[3] = {0, 0, 0};
            std::uint64_t refused = 0;
            JsonWriter errors;
            errors.begin_array();
            const auto refuse = [&](std::size_t line, std::string_view why) {
                ++refused;
                errors.begin_object();
                errors.member("line", static_cast<std::uint64_t>(line));
                errors.member("message", why);
                errors.end_object();
            };
            const auto now = context.services.clock.now();
            for (const auto& line : lines) {
                if (!line.entry) {
                    refuse(line.line, line.entry.error().message);
                    continue;
                }
                const auto vendor = vendors.at(line.entry->provider_id);
                if (vendor == 0) {
                    refuse(line.line, "there is no vendor " + line.entry->provider_id);
                    continue;
                }
                SIGNET_ASSIGN(const auto listed, list(transaction, vendor, *line.entry, now));
                ++counts[static_cast<std::size_t>(listed)];
            }
            errors.end_array();
            SIGNET_TRY(record(transaction, exchange, "mosip/devices",
                              service::Details()
                                  .add("change", "import")
                                  .add("sha256", to_hex(sha256(as_bytes(csv))))
                                  .add("added", counts[0])
                                  .add("changed", counts[1])
                                  .add("refused", refused)));
            JsonWriter json;
            json.begin_object();
            json.member("added", counts[0]);
            json.member("changed", counts[1]);
            json.member("unchanged", counts[2]);
            json.member("refused", refused);
            json.member_raw("errors", errors.view());
            json.end_object();
            response = json_answer(json.take());
            return keep(transaction, response);
        }));
        return response;
    });
}

Answer list_devices(Context& context, Exchange& exchange) {
    SIGNET_ASSIGN(const auto page, page_of(exchange, 1000));
    SIGNET_ASSIGN(const auto fields, exchange.query());
    std::int64_t vendor = 0;
    for (const auto& [name, value] : fields) {
        if (name == "provider") {
            SIGNET_ASSIGN(const auto found, must_find_vendor(context, value));
            vendor = found.id;
        } else if (name != "after" && name != "limit") {
            return fail(ErrorCode::invalid_argument, "expected after, limit and provider in the query");
        }
    }
    SIGNET_ASSIGN(const auto db, context.services.readers.lease());
    SIGNET_ASSIGN(const auto rows, store::list(*db, vendor, page.after, page.limit + 1));
    std::map<std::int64_t, std::string> names;
    for (const auto& row : rows) {
        if (names.contains(row.vendor)) continue;
        SIGNET_ASSIGN(const auto found, sqlite::mosip_vendor_store::find(*db, row.vendor));
        names[row.vendor] = found ? found->provider_id : "";
    }
    return list_answer("devices", page, rows, [&](JsonWriter& json, const sqlite::MosipDevice& device) {
        write(json, device, names[device.vendor]);
    });
}

Answer get_device(Context& context, Exchange& exchange) {
    return shown(context, exchange.parameter("providerId"), exchange.parameter("serialNumber"));
}

Answer device_history(Context& context, Exchange& exchange) {
    SIGNET_ASSIGN(const auto before, exchange.query_number("before", 0, 0, INT64_MAX));
    SIGNET_ASSIGN(const auto limit, exchange.query_number("limit", 100, 1, 1000));
    SIGNET_ASSIGN(const auto device, must_find_device(context, exchange.parameter("providerId"),
                                                      exchange.parameter("serialNumber")));
    SIGNET_ASSIGN(const auto db, context.services.readers.lease());
    SIGNET_ASSIGN(const auto rows,
                  store::events(*db, device.id, static_cast<std::int64_t>(before), limit + 1));
    return list_answer("events", Page{0, limit}, rows, [](JsonWriter& json, const sqlite::MosipEvent& event) {
        json.member("at", to_rfc3339(event.at));
        json.member("event", event.event);
        json.member_raw("details", event.details.empty() ? "{}" : event.details);
    });
}

// POST …/{change}: remove, block, unblock, rotate, deregister.
Answer change_device(Context& context, Exchange& exchange) {
    SIGNET_TRY(expect_no_members(exchange));
    const auto& provider_id = exchange.parameter("providerId");
    const auto& serial_number = exchange.parameter("serialNumber");
    const auto& what = exchange.parameter("change");
    SIGNET_ASSIGN(const auto known, must_find_device(context, provider_id, serial_number));
    SIGNET_TRY(context.services.writer.run([&](sqlite::Transaction& transaction) -> Status {
        SIGNET_ASSIGN(auto found, store::find(transaction.db(), known.id));
        auto device = found.value_or(known);
        const auto now = context.services.clock.now();
        if (what == "remove") {
            device.white_listed = false;
            SIGNET_TRY(store::deregister(transaction, device.id));
        } else if (what == "block") {
            device.blocked = now;
        } else if (what == "unblock") {
            device.blocked.reset();
        } else if (what == "rotate") {
            device.must_rotate = true;
        } else if (what == "deregister") {
            SIGNET_TRY(store::deregister(transaction, device.id));
        } else {
            return fail(
                ErrorCode::not_found,
                "there is nothing at this path; expected remove, block, unblock, rotate or deregister");
        }
        SIGNET_TRY(store::update(transaction, device));
        SIGNET_TRY(store::add_event(transaction, device.id, {.at = now, .event = what, .details = "{}"}));
        return record(transaction, exchange, object_of(provider_id, serial_number),
                      service::Details().add("change", what));
    }));
    return shown(context, provider_id, serial_number);
}

}  // namespace signet::api::mosip
