#include "daemon/families.h"

#include <algorithm>
#include <iterator>

namespace signet::daemon {

const std::vector<Family>& families() {
    static const std::vector<Family> all = {
        {"native", nullptr, api::native::routes},
    };
    return all;
}

api::RouteTable all_routes(api::native::Services& services, std::size_t body_limit) {
    api::RouteTable rows;
    for (const auto& family : families()) {
        auto table = family.routes(services);
        std::ranges::move(table, std::back_inserter(rows));
    }
    for (auto& row : rows)
        row.body_limit = std::min(row.body_limit, body_limit);
    return rows;
}

std::vector<sqlite::MigrationFamily> all_migrations() {
    std::vector<sqlite::MigrationFamily> out{sqlite::core_migrations()};
    for (const auto& family : families()) {
        if (family.migrations != nullptr) out.push_back(*family.migrations);
    }
    return out;
}

}  // namespace signet::daemon
