// Strict reading of YAML files: unknown keys, duplicate keys and wrong values are refused with file, line and
// what was expected. Used by the configuration, the policy and the ceremony files.
#pragma once

#include <yaml-cpp/yaml.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace signet::yaml {

// A node of a file that remembers where it stands. `path` reads like `listeners[1].tls.certificate`.
class Node {
  public:
    // Parses text; anchors, aliases, tags and several documents in a file are refused. `name` is used in
    // errors.
    static Result<Node> parse(std::string_view text, std::string name);
    static Result<Node> load(const std::filesystem::path& path);

    int line() const;           // 1-based
    std::string where() const;  // "signetd.yaml:12: listeners[0].tls"
    // An error at this node: "signetd.yaml:12: listeners[0].port: expected …".
    std::unexpected<Error> error(std::string_view what) const;

    bool is_map() const;
    bool is_list() const;
    bool is_scalar() const;

    // Refuses any key of this map that is not in `allowed` (naming the nearest allowed one), and any non-map.
    Status only(std::initializer_list<std::string_view> allowed) const;
    bool has(std::string_view key) const;
    Result<Node> required(std::string_view key) const;
    std::optional<Node> optional(std::string_view key) const;
    Result<std::vector<Node>> items() const;                            // of a list
    Result<std::vector<std::pair<std::string, Node>>> entries() const;  // of a map, in file order

    Result<std::string> text(std::size_t max_size = 4096) const;
    Result<bool> boolean() const;  // true or false only
    Result<std::int64_t> integer(std::int64_t low, std::int64_t high) const;
    Result<std::chrono::milliseconds> duration() const;  // 250ms, 30s, 5m, 12h, 90d
    Result<std::uint64_t> size() const;                  // bytes: 512, 64KiB, 8MiB, 1GiB
    Result<std::vector<std::string>> texts() const;      // a list of scalars, or one scalar
    // One of `names`; the error lists them all.
    Result<std::string> one_of(std::initializer_list<std::string_view> names) const;

  private:
    Node(YAML::Node node, std::string file, std::string path)
        : node_(std::move(node)), file_(std::move(file)), path_(std::move(path)) {}
    YAML::Node node_;
    std::string file_;
    std::string path_;
};

}  // namespace signet::yaml
