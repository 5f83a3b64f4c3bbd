// url_template, app_start_deeplink_template and app_extra: texts of the application with %VARIABLES%.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace signet::api::paycontrol {

using Variables = std::initializer_list<std::pair<std::string_view, std::string_view>>;

// Replaces each "%NAME%" that `variables` has, once and from left to right: what was put in is not looked at again.
std::string fill_template(std::string_view text, Variables variables);
// RFC 3986: everything but unreserved characters as %XX.
std::string url_encoded(std::string_view text);

}  // namespace signet::api::paycontrol
