// The one pattern language of the policy: `*` stands for any characters, also none; everything else for
// itself.
#pragma once

#include <string_view>

namespace signet::policy {

// Time is bounded by pattern length times text length; no recursion.
bool glob_match(std::string_view pattern, std::string_view text);
// As above, with a `*` that does not reach across `separator`: "dns:*.example" covers "dns:a.example" only.
bool glob_match_within(std::string_view pattern, std::string_view text, char separator);
// Subject alternative names "dns:…", "uri:…", "email:…". DNS names compare without regard to ASCII case (RFC
// 4343), and
// `*` stays within one label of a DNS name, one segment of a URI, one side of an e-mail address.
bool san_match(std::string_view pattern, std::string_view san);

}  // namespace signet::policy
