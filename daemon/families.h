// The API families of this daemon. Adding one is a line in `families` (and one in sqlite/families.cpp for its tables).
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "daemon/api/family.h"
#include "daemon/config/config.h"

namespace signet::daemon {

struct FamilyEntry {
    std::string_view name;
    // Whether the configuration has it: a family without its section in signetd.yaml has no rows.
    bool (*configured)(const config::Config&);
    Result<std::unique_ptr<api::Family>> (*make)(api::Services&);
};

const std::vector<FamilyEntry>& families();

// Those that the configuration has, in the order of the table.
Result<std::vector<std::unique_ptr<api::Family>>> make_families(api::Services& services,
                                                                const config::Config& config);
// The rows of all of them, each with a body limit of at most `body_limit` bytes.
api::RouteTable all_routes(const std::vector<std::unique_ptr<api::Family>>& families, std::size_t body_limit);

}  // namespace signet::daemon
