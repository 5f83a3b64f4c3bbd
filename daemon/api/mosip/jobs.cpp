#include "daemon/api/mosip/jobs.h"

#include "base/log.h"
#include "daemon/service/details.h"
#include "sqlite/mosip_device_store.h"
#include "sqlite/mosip_settings_store.h"
#include "sqlite/mosip_vendor_store.h"
#include "sqlite/read_pool.h"
#include "sqlite/writer.h"

namespace signet::api::mosip {
namespace {

namespace store = sqlite::mosip_device_store;
constexpr std::size_t kBatch = 200;  // rows in one transaction
constexpr auto kEventsStay = std::chrono::days{800};

Status deregister(sqlite::Transaction& transaction, const sqlite::MosipDevice& device, SystemTime before,
                  SystemTime now) {
    // It may have synchronised since it was read.
    SIGNET_ASSIGN(const bool gone, store::deregister(transaction, device.id, before));
    if (!gone) return {};
    SIGNET_ASSIGN(const auto vendor, sqlite::mosip_vendor_store::find(transaction.db(), device.vendor));
    const auto details = service::Details()
                             .add("change", "de-register")
                             .add("last_sync", device.last_sync ? to_rfc3339(*device.last_sync) : "")
                             .text();
    SIGNET_TRY(
        store::add_event(transaction, device.id,
                         {.at = now, .event = "de-registered: did not synchronise", .details = details}));
    SIGNET_TRY(transaction.audit(
        {.request_id = {},
         .principal = "system",
         .action = "mosip.devices.manage",
         .object = "mosip/device/" + (vendor ? vendor->provider_id : "") + "/" + device.serial_number,
         .outcome = "ok",
         .details = details}));
    return {};
}

Result<std::size_t> deregister_batch(sqlite::Writer& writer, sqlite::ReadPool& readers, SystemTime now) {
    SystemTime before{};
    std::vector<sqlite::MosipDevice> idle;
    {
        SIGNET_ASSIGN(const auto db, readers.lease());
        SIGNET_ASSIGN(const auto policy, sqlite::mosip_settings_store::policy(*db));
        before = now - policy.resync_within;
        SIGNET_ASSIGN(idle, store::idle(*db, before, kBatch));
    }
    if (idle.empty()) return 0;
    SIGNET_TRY(writer.run([&](sqlite::Transaction& transaction) -> Status {
        for (const auto& device : idle)
            SIGNET_TRY(deregister(transaction, device, before, now));
        return {};
    }));
    return idle.size();
}

bool failed(std::string_view event, const Error& error) {
    log::warning(event, error.message, {{"detail", error.detail}});
    return false;
}

}  // namespace

bool deregister_idle(sqlite::Writer& writer, sqlite::ReadPool& readers, const Clock& clock) {
    while (true) {
        const auto done = deregister_batch(writer, readers, clock.now());
        if (!done) return failed("mosip.deregister.failed", done.error());
        if (*done < kBatch) return true;
    }
}

bool prune(sqlite::Writer& writer, const Clock& clock, std::chrono::milliseconds clock_window) {
    const auto now = clock.now();
    // Twice the window: a request from the future's edge stays acceptable for that long.
    const auto transactions = now - 2 * clock_window - std::chrono::minutes{1};
    while (true) {
        std::size_t gone = 0;
        const auto done = writer.run([&](sqlite::Transaction& transaction) -> Status {
            SIGNET_ASSIGN(gone, store::prune(transaction, transactions, now - kEventsStay, kBatch));
            return {};
        });
        if (!done) return failed("mosip.prune.failed", done.error());
        if (gone < kBatch) return true;
    }
}

}  // namespace signet::api::mosip
