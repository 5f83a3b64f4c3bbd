// Whether a callback may go to a URL.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "daemon/api/reach.h"

namespace signet::api::momo {

// The host that the merchant registered must be that of the URL; a registered port too, and the scheme's own one otherwise.
bool is_registered(const Url& url, std::string_view callback_host);

}  // namespace signet::api::momo
