#include "base/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <algorithm>
#include <charconv>
#include <limits>
#include <set>
#include <sstream>

#include "base/edit_distance.h"
#include "base/encoding.h"
#include "base/file.h"

namespace signet::yaml {
namespace {

std::string join(std::initializer_list<std::string_view> names) {
    std::string out;
    for (const auto name : names) {
        if (!out.empty()) out += ", ";
        out += name;
    }
    return out;
}

std::string child_path(const std::string& parent, std::string_view key) {
    return parent.empty() ? std::string(key) : parent + "." + std::string(key);
}

// A number followed by one of `units`; nullopt when it is none or overflows.
struct Unit {
    std::string_view name;
    std::int64_t factor;
};
std::optional<std::int64_t> scaled(std::string_view text, std::initializer_list<Unit> units) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || number < 0) return std::nullopt;
    const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
    for (const auto& known : units) {
        if (known.name != unit) continue;
        if (number > std::numeric_limits<std::int64_t>::max() / known.factor) return std::nullopt;
        return number * known.factor;
    }
    return std::nullopt;
}

// yaml-cpp resolves aliases and accepts duplicate keys silently; both make a reviewed file mean something
// else.
std::optional<std::pair<int, std::string>> find_fault(const YAML::Node& node, int depth = 0) {
    const int line = node.Mark().line + 1;
    if (depth > 32) return {{line, "nested more than 32 deep"}};
    if (node.IsScalar() && !is_utf8(node.Scalar())) return {{line, "not valid UTF-8"}};
    if (node.Tag() != "?" && node.Tag() != "!" && !node.Tag().empty())
        return {{line, "tags are not accepted"}};
    if (node.IsSequence()) {
        for (const auto& item : node) {
            if (auto fault = find_fault(item, depth + 1)) return fault;
        }
    }
    if (node.IsMap()) {
        std::set<std::string> seen;
        for (const auto& entry : node) {
            const int key_line = entry.first.Mark().line + 1;
            if (!entry.first.IsScalar()) return {{key_line, "a key must be a plain word"}};
            if (!seen.insert(entry.first.Scalar()).second)
                return {{key_line, "the key '" + entry.first.Scalar() + "' stands twice"}};
            if (auto fault = find_fault(entry.second, depth + 1)) return fault;
        }
    }
    return std::nullopt;
}

// The line of the first anchor or alias, outside quotes and comments; 0 for none.
class AliasFinder : public YAML::EventHandler {
  public:
    int line = 0;
    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { note(mark, anchor); }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { note(mark, 1); }
    void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  const std::string&) override {
        note(mark, anchor);
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        note(mark, anchor);
    }
    void OnSequenceEnd() override {}
    void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        note(mark, anchor);
    }
    void OnMapEnd() override {}

  private:
    void note(const YAML::Mark& mark, YAML::anchor_t anchor) {
        if (line == 0 && anchor != 0) line = mark.line + 1;
    }
};

}  // namespace

Result<Node> Node::parse(std::string_view text, std::string name) {
    const auto refuse = [&](int line, const std::string& what) {
        return fail(ErrorCode::invalid_argument, name + ":" + std::to_string(line) + ": " + what);
    };
    try {
        std::istringstream stream{std::string(text)};
        YAML::Parser parser(stream);
        AliasFinder finder;
        if (!parser.HandleNextDocument(finder)) return refuse(1, "the file is empty");
        if (finder.line != 0)
            return refuse(finder.line, "anchors and aliases are not accepted; write the value out");
        const auto documents = YAML::LoadAll(std::string(text));
        if (documents.size() != 1) return refuse(1, "expected exactly one YAML document");
        if (auto fault = find_fault(documents[0])) return refuse(fault->first, fault->second);
        return Node(documents[0], std::move(name), "");
    } catch (const YAML::Exception& error) {
        return refuse(error.mark.line + 1, error.msg);
    }
}

Result<Node> Node::load(const std::filesystem::path& path) {
    SIGNET_ASSIGN(const auto text, read_file(path, std::size_t{4} << 20));
    return parse(text, path.string());
}

int Node::line() const {
    return node_.Mark().line + 1;
}

std::string Node::where() const {
    return file_ + ":" + std::to_string(line()) + (path_.empty() ? "" : ": " + path_);
}

std::unexpected<Error> Node::error(std::string_view what) const {
    return fail(ErrorCode::invalid_argument, where() + ": " + std::string(what));
}

bool Node::is_map() const {
    return node_.IsMap();
}
bool Node::is_list() const {
    return node_.IsSequence();
}
bool Node::is_scalar() const {
    return node_.IsScalar();
}

Status Node::only(std::initializer_list<std::string_view> allowed) const {
    if (!is_map()) return error("expected a map with the keys " + join(allowed));
    for (const auto& entry : node_) {
        const auto& key = entry.first.Scalar();
        if (std::ranges::find(allowed, key) != allowed.end()) continue;
        const auto nearest =
            std::ranges::min_element(allowed, {}, [&](auto name) { return edit_distance(key, name); });
        std::string what = "unknown key '" + key + "'";
        if (nearest != allowed.end() && edit_distance(key, *nearest) <= 2)
            what += "; did you mean '" + std::string(*nearest) + "'?";
        else
            what += "; expected one of " + join(allowed);
        return Node(entry.first, file_, path_).error(what);
    }
    return {};
}

bool Node::has(std::string_view key) const {
    return is_map() && node_[std::string(key)].IsDefined();
}

Result<Node> Node::required(std::string_view key) const {
    if (!is_map()) return error("expected a map with the key '" + std::string(key) + "'");
    if (!has(key)) return error("the key '" + std::string(key) + "' is missing");
    return Node(node_[std::string(key)], file_, child_path(path_, key));
}

std::optional<Node> Node::optional(std::string_view key) const {
    if (!has(key)) return std::nullopt;
    return Node(node_[std::string(key)], file_, child_path(path_, key));
}

Result<std::vector<Node>> Node::items() const {
    if (!is_list()) return error("expected a list");
    std::vector<Node> out;
    for (std::size_t i = 0; i < node_.size(); ++i)
        out.push_back(Node(node_[i], file_, path_ + "[" + std::to_string(i) + "]"));
    return out;
}

Result<std::vector<std::pair<std::string, Node>>> Node::entries() const {
    if (!is_map()) return error("expected a map");
    std::vector<std::pair<std::string, Node>> out;
    for (const auto& entry : node_)
        out.emplace_back(entry.first.Scalar(),
                         Node(entry.second, file_, child_path(path_, entry.first.Scalar())));
    return out;
}

Result<std::string> Node::text(std::size_t max_size) const {
    if (!is_scalar()) return error("expected a text");
    if (node_.Scalar().size() > max_size) return error("longer than " + std::to_string(max_size) + " bytes");
    return node_.Scalar();
}

Result<bool> Node::boolean() const {
    if (is_scalar() && node_.Scalar() == "true") return true;
    if (is_scalar() && node_.Scalar() == "false") return false;
    return error("expected true or false");
}

Result<std::int64_t> Node::integer(std::int64_t low, std::int64_t high) const {
    const auto expected =
        "expected a whole number from " + std::to_string(low) + " to " + std::to_string(high);
    if (!is_scalar()) return error(expected);
    const auto& text = node_.Scalar();
    std::int64_t value = 0;
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (status != std::errc{} || end != text.data() + text.size() || value < low || value > high)
        return error(expected);
    return value;
}

Result<std::chrono::milliseconds> Node::duration() const {
    if (is_scalar()) {
        const auto ms = scaled(node_.Scalar(),
                               {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}});
        if (ms) return std::chrono::milliseconds{*ms};
    }
    return error("expected a duration such as 250ms, 30s, 5m, 12h or 90d");
}

Result<std::uint64_t> Node::size() const {
    if (is_scalar()) {
        const auto bytes =
            scaled(node_.Scalar(), {{"", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}});
        if (bytes) return static_cast<std::uint64_t>(*bytes);
    }
    return error("expected a size in bytes such as 512, 64KiB, 8MiB or 1GiB");
}

Result<std::vector<std::string>> Node::texts() const {
    std::vector<std::string> out;
    if (is_scalar()) {
        out.push_back(node_.Scalar());
        return out;
    }
    if (!is_list()) return error("expected a text or a list of texts");
    SIGNET_ASSIGN(const auto nodes, items());
    for (const auto& item : nodes) {
        SIGNET_ASSIGN(auto text, item.text());
        out.push_back(std::move(text));
    }
    return out;
}

Result<std::string> Node::one_of(std::initializer_list<std::string_view> names) const {
    if (is_scalar() && std::ranges::find(names, node_.Scalar()) != names.end()) return node_.Scalar();
    return error("expected one of " + join(names));
}

}  // namespace signet::yaml
