// The strict parser behind JsonDocument: Boost.JSON's, and what it lets through that a signing service must not.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstddef>
#include <string_view>

#include "base/error.h"

namespace signet::api {

inline constexpr std::size_t kJsonDepth = 32;
inline constexpr std::size_t kJsonMembers = 256;  // in one object

Result<boost::json::value> parse_json(std::string_view text, boost::json::storage_ptr storage);

}  // namespace signet::api
