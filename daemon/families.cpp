#include "daemon/families.h"

#include <algorithm>
#include <iterator>

#include "daemon/api/momo/routes.h"
#include "daemon/api/mosip/routes.h"
#include "daemon/api/mpoc/routes.h"
#include "daemon/api/mypos/routes.h"
#include "daemon/api/native/routes.h"
#include "daemon/api/paycontrol/routes.h"
#include "daemon/config/config.h"

namespace signet::daemon {

const std::vector<FamilyEntry>& families() {
    static const std::vector<FamilyEntry> all = {
        {"native", [](const config::Config&) { return true; }, api::native::make},
        {"mpoc", [](const config::Config& config) { return config.mpoc.has_value(); }, api::mpoc::make},
        {"mosip", [](const config::Config& config) { return config.mosip.has_value(); }, api::mosip::make},
        {"momo", [](const config::Config& config) { return config.momo.has_value(); }, api::momo::make},
        {"paycontrol", [](const config::Config& config) { return config.paycontrol.has_value(); },
         api::paycontrol::make},
        {"mypos", [](const config::Config& config) { return config.mypos.has_value(); }, api::mypos::make},
    };
    return all;
}

Result<std::vector<std::unique_ptr<api::Family>>> make_families(api::Services& services,
                                                                const config::Config& config) {
    std::vector<std::unique_ptr<api::Family>> out;
    for (const auto& entry : families()) {
        if (!entry.configured(config)) continue;
        auto made = entry.make(services);
        if (!made) {
            made.error().message = std::string(entry.name) + ": " + made.error().message;
            return std::unexpected(std::move(made).error());
        }
        out.push_back(*std::move(made));
    }
    return out;
}

api::RouteTable all_routes(const std::vector<std::unique_ptr<api::Family>>& families,
                           std::size_t body_limit) {
    api::RouteTable rows;
    for (const auto& family : families)
        std::ranges::move(family->routes(), std::back_inserter(rows));
    for (auto& row : rows)
        row.body_limit = std::min(row.body_limit, body_limit);
    return rows;
}

}  // namespace signet::daemon
