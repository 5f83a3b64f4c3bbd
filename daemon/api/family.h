// One API family in a running daemon: its rows, its background work, and what a reload changes for it.
#pragma once

#include <memory>

#include "base/error.h"
#include "daemon/api/route.h"

namespace signet::config {
struct Config;
}
namespace signet::service {
class Maintenance;
}

namespace signet::api {

struct Services;

// Made once at start, when the services stand and before anything is served; outlives the pipeline. Most families need
// nothing but their rows; those with settings or state of their own keep them here.
class Family {
  public:
    virtual ~Family() = default;
    virtual RouteTable routes() = 0;
    virtual void add_jobs(service::Maintenance&) {}
    // Checks what a new configuration says to this family, before anything of it takes effect.
    virtual Status check(const config::Config&) { return {}; }
    // The new configuration is in force (Services::config).
    virtual void reloaded() {}
};

}  // namespace signet::api
