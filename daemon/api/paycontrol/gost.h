// Crypto type 1: GOST R 34.10-2012 with 34.11-2012.
#pragma once

namespace signet::api::paycontrol {

// Whether signatures and HMACs of type 1 can be verified here. Where not, such users cannot be made (352).
bool gost_available();

}  // namespace signet::api::paycontrol
