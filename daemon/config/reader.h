// What the two halves of the loader share: paths, lists of known words, bounded numbers.
#pragma once

#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/yaml.h"
#include "daemon/config/config.h"

namespace signet::config {

// Relative paths mean "beside the configuration file".
Result<std::filesystem::path> read_path(const yaml::Node& node, const std::filesystem::path& directory);
Result<std::string> read_label(const yaml::Node& node);
// A list whose items are all among `known`, each once.
Result<std::vector<std::string>> read_words(const yaml::Node& node,
                                            std::initializer_list<std::string_view> known);
// A duration between `low` and `high`, both included.
Result<milliseconds> read_duration(const yaml::Node& node, milliseconds low, milliseconds high);

Result<std::map<std::string, CertificateAuthority>> read_authorities(const yaml::Node& node,
                                                                     const std::filesystem::path& directory);
Result<std::map<std::string, Outbound>> read_outbound(const yaml::Node& node,
                                                      const std::filesystem::path& directory);
Result<Mpoc> read_mpoc(const yaml::Node& node);
Result<Mosip> read_mosip(const yaml::Node& node, const std::filesystem::path& directory);
Result<Momo> read_momo(const yaml::Node& node);
Result<Mypos> read_mypos(const yaml::Node& node);
// {per_caller, <account>}: numbers from 1.
Status read_failures(const yaml::Node& node, std::string_view account, std::uint32_t& per_caller,
                     std::uint32_t& per_account);
Result<PayControl> read_paycontrol(const yaml::Node& node, const std::filesystem::path& directory);

}  // namespace signet::config
