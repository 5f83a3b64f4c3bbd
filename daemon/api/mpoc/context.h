// What the handlers of the MPoC family share.
#pragma once

#include "daemon/api/handler.h"
#include "daemon/api/services.h"
#include "daemon/config/mpoc.h"

namespace signet::api::mpoc {

struct Context {
    Services& services;
    config::Mpoc at_start;

    // As the last reload left it. A family that a reload took out of the file serves on until the restart.
    config::Mpoc settings() const;
};

}  // namespace signet::api::mpoc
