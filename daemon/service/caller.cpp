#include "daemon/service/caller.h"

namespace signet::service {

Caller system_caller(std::chrono::milliseconds time_limit) {
    return {"system", "", Deadline::in(time_limit)};
}

}  // namespace signet::service
