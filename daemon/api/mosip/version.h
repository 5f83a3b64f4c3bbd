// Versions of device services: numbers with dots, and what vendors add to them.
#pragma once

#include <string_view>

namespace signet::api::mosip {

// Part by part: numbers by value, anything else as text; a missing part counts as 0. An empty version is older than any.
bool is_older(std::string_view version, std::string_view than);

}  // namespace signet::api::mosip
