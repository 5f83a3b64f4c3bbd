#include "daemon/api/paycontrol/gost.h"

namespace signet::api::paycontrol {

bool gost_available() {
    return false;
}

}  // namespace signet::api::paycontrol
