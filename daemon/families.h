// The API families of this daemon. Adding one is a line in `families`: its routes, its tables, its background work.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "daemon/api/native/routes.h"
#include "daemon/api/route.h"
#include "daemon/service/maintenance.h"
#include "sqlite/migrations.h"

namespace signet::daemon {

struct Family {
    std::string_view name;
    const sqlite::MigrationFamily* migrations = nullptr;  // null: no tables of its own
    std::function<api::RouteTable(api::native::Services&)> routes;
    std::function<void(service::Maintenance&, api::native::Services&)> jobs = {};
};

const std::vector<Family>& families();

// The rows of all families, each with a body limit of at most `body_limit` bytes.
api::RouteTable all_routes(api::native::Services& services, std::size_t body_limit);
// The core's tables, then the families'.
std::vector<sqlite::MigrationFamily> all_migrations();

}  // namespace signet::daemon
