// The vectors in golden/vectors.txt: "name = hex" a line, made by the openssl command (golden/make).
#pragma once

#include <map>
#include <string>

#include "base/bytes.h"

namespace signet::testing {

// Aborts when the file or a line of it is not as it should be.
const std::map<std::string, Bytes>& golden_vectors();

}  // namespace signet::testing
