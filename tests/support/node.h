// Other people's programs from npm, that check ours: the modules of tests/npm.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/support/process.h"

namespace signet::testing {

inline constexpr const char* kNoNpmPackages = "no npm packages: run tests/npm/install";

// Runs tests/npm/`module` with these arguments and this input, as the user who runs the tests; at most a minute.
// nullopt when Node.js or the packages are not installed: the test says so with GTEST_SKIP() << kNoNpmPackages.
std::optional<Ended> run_node(const std::string& module, const std::vector<std::string>& arguments = {},
                              std::string input = {});

}  // namespace signet::testing
