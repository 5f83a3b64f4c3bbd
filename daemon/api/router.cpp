#include "daemon/api/router.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/encoding.h"
#include "daemon/http/form.h"
#include "policy/permissions.h"

namespace signet::api {

// One segment of the patterns' tree; names of parameters belong to the rows, so that two rows may name them differently.
struct Router::Node {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> literals;
    std::unique_ptr<Node> parameter;
    std::vector<std::size_t> rows;
};

namespace {

constexpr std::string_view kRest = "*}";  // the end of a segment that stands for the rest of the path

bool is_parameter(std::string_view segment) {
    return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

// "/a/b" has two segments, "/" none.
std::vector<std::string_view> split(std::string_view path) {
    std::vector<std::string_view> segments;
    path.remove_prefix(1);
    while (!path.empty()) {
        const auto slash = path.find('/');
        segments.push_back(path.substr(0, slash));
        if (slash == std::string_view::npos) break;
        path.remove_prefix(slash + 1);
    }
    return segments;
}

std::unexpected<Error> bad_row(const Route& row, std::string_view why) {
    return fail(ErrorCode::failed_precondition, "route " + std::string(http::to_string(row.verb)) + " " +
                                                    std::string(row.pattern) + ": " + std::string(why));
}

Status check_row(const Route& row) {
    if (row.permission.empty()) return bad_row(row, "has no permission");
    if (!policy::permission_index(row.permission))
        return bad_row(row, "permission '" + std::string(row.permission) +
                                "' is not in the list of permissions; nearest is '" +
                                std::string(policy::nearest_permission(row.permission)) + "'");
    if (!row.handler) return bad_row(row, "has no handler");
    if (row.verb == http::Verb::head) return bad_row(row, "HEAD is served by the row of GET");
    if (row.pattern.empty() || row.pattern.front() != '/' ||
        (row.pattern.size() > 1 && row.pattern.back() == '/'))
        return bad_row(row, "the pattern must begin with '/' and not end with it");
    const auto segments = split(row.pattern);
    if (segments.size() > kMaxSegments) return bad_row(row, "the pattern has too many segments");
    bool has_resource = row.resource_parameter.empty();
    for (std::size_t i = 0; i < segments.size(); ++i) {
        const auto segment = segments[i];
        if (segment.empty()) return bad_row(row, "the pattern has an empty segment");
        if (!is_parameter(segment)) {
            if (segment.find_first_of("{}%") != std::string_view::npos)
                return bad_row(row, "the pattern has a malformed segment");
            continue;
        }
        has_resource = has_resource || segment.substr(1, segment.size() - 2) == row.resource_parameter;
        if (std::ranges::count(segments, segment) > 1)
            return bad_row(row, "the pattern has a parameter twice");
    }
    if (!has_resource) return bad_row(row, "the pattern lacks the resource parameter");
    return {};
}

bool has_control(std::string_view text) {
    return std::ranges::any_of(text,
                               [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

// A segment as the handler sees it, or what is wrong with it.
std::expected<std::string, std::string_view> decode_segment(std::string_view raw) {
    if (raw.size() > kMaxSegmentBytes * 3) return std::unexpected("a path segment is too long");
    auto decoded = http::percent_decode(raw);
    if (!decoded) return std::unexpected("the path has a '%' that no two hex digits follow");
    if (decoded->empty()) return std::unexpected("the path has an empty segment");
    if (decoded->size() > kMaxSegmentBytes) return std::unexpected("a path segment is too long");
    if (*decoded == "." || *decoded == "..") return std::unexpected("the path has a segment of dots");
    if (decoded->contains('/')) return std::unexpected("the path has an encoded slash");
    if (has_control(*decoded)) return std::unexpected("the path has a control character");
    if (!is_utf8(*decoded)) return std::unexpected("the path is not UTF-8");
    return *std::move(decoded);
}

}  // namespace

Router::Router(RouteTable rows, std::unique_ptr<Node> root, std::vector<std::size_t> rest_rows)
    : rows_(std::move(rows)), root_(std::move(root)), rest_rows_(std::move(rest_rows)) {}
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;
Router::~Router() = default;

Result<Router> Router::build(RouteTable rows) {
    auto root = std::make_unique<Node>();
    std::vector<std::size_t> rest_rows;
    for (std::size_t index = 0; index < rows.size(); ++index) {
        const auto& row = rows[index];
        SIGNET_TRY(check_row(row));
        if (row.pattern.ends_with(kRest)) {
            for (const auto other : rest_rows)
                if (rows[other].verb == row.verb && rows[other].pattern == row.pattern)
                    return bad_row(row, "there are two rows for the same requests");
            rest_rows.push_back(index);
            continue;
        }
        auto* node = root.get();
        for (const auto segment : split(row.pattern)) {
            auto& next = is_parameter(segment) ? node->parameter : node->literals[std::string(segment)];
            if (!next) next = std::make_unique<Node>();
            node = next.get();
        }
        for (const auto other : node->rows)
            if (rows[other].verb == row.verb) return bad_row(row, "there are two rows for the same requests");
        node->rows.push_back(index);
    }
    return Router(std::move(rows), std::move(root), std::move(rest_rows));
}

std::optional<RouteMatch> Router::match_rest(http::Verb verb, std::string_view path, VisibleFunction visible,
                                             const void* context) const {
    const auto wanted = verb == http::Verb::head ? http::Verb::get : verb;
    for (const auto index : rest_rows_) {
        const auto& row = rows_[index];
        if (row.verb != wanted || !visible(context, row)) continue;
        RouteMatch match{&row, index, {}};
        const auto pattern = split(row.pattern);
        auto rest = path.substr(1);
        bool fits = true;
        for (const auto segment : std::span(pattern).first(pattern.size() - 1)) {
            const auto slash = rest.find('/');
            fits = slash != std::string_view::npos;
            if (!fits) break;
            auto decoded = decode_segment(rest.substr(0, slash));
            rest.remove_prefix(slash + 1);
            fits = decoded && (is_parameter(segment) || *decoded == segment);
            if (!fits) break;
            if (is_parameter(segment))
                match.parameters.emplace_back(segment.substr(1, segment.size() - 2), *std::move(decoded));
        }
        if (!fits || rest.empty() || rest.size() > kMaxRestBytes * 3) continue;
        auto decoded = http::percent_decode(rest);
        if (!decoded || decoded->size() > kMaxRestBytes || has_control(*decoded) || !is_utf8(*decoded))
            continue;
        const auto name = pattern.back();
        match.parameters.emplace_back(name.substr(1, name.size() - 1 - kRest.size()), *std::move(decoded));
        return match;
    }
    return std::nullopt;
}

RouteResult Router::find_impl(http::Verb verb, std::string_view path, VisibleFunction visible,
                              const void* context) const {
    if (path.empty() || path.front() != '/') return NoSuchPath{};
    auto routed = find_segments(verb, path, visible, context);
    if (!rest_rows_.empty() &&
        (std::holds_alternative<NoSuchPath>(routed) || std::holds_alternative<BadPath>(routed))) {
        if (auto match = match_rest(verb, path, visible, context)) return *std::move(match);
    }
    return routed;
}

RouteResult Router::find_segments(http::Verb verb, std::string_view path, VisibleFunction visible,
                                  const void* context) const {
    if (path.size() > 1 && path.back() == '/') {
        path.remove_suffix(1);
        if (path.back() == '/') return BadPath{"the path has an empty segment"};
    }
    std::array<std::string, kMaxSegments> segments;
    std::size_t count = 0;
    for (auto rest = path.substr(1); !rest.empty();) {
        if (count == kMaxSegments) return BadPath{"the path has too many segments"};
        const auto slash = rest.find('/');
        auto decoded = decode_segment(rest.substr(0, slash));
        if (!decoded) return BadPath{std::string(decoded.error())};
        segments[count++] = *std::move(decoded);
        if (slash == std::string_view::npos) break;
        rest.remove_prefix(slash + 1);
        if (rest.empty()) return BadPath{"the path has an empty segment"};
    }

    // Depth first, literals before parameters: the first node with rows that this caller can see is the resource.
    struct Search {
        const Router& router;
        const std::array<std::string, kMaxSegments>& segments;
        std::size_t count;
        VisibleFunction visible;
        const void* context;

        const Node* walk(const Node& node, std::size_t at) const {
            if (at == count) {
                const bool seen = std::ranges::any_of(
                    node.rows, [&](std::size_t row) { return visible(context, router.rows_[row]); });
                return seen ? &node : nullptr;
            }
            if (const auto literal = node.literals.find(segments[at]); literal != node.literals.end())
                if (const auto* found = walk(*literal->second, at + 1)) return found;
            return node.parameter ? walk(*node.parameter, at + 1) : nullptr;
        }
    };
    const auto* node = Search{*this, segments, count, visible, context}.walk(*root_, 0);
    if (node == nullptr) return NoSuchPath{};

    const auto wanted = verb == http::Verb::head ? http::Verb::get : verb;
    MethodNotAllowed others;
    for (const auto index : node->rows) {
        const auto& row = rows_[index];
        if (!visible(context, row)) continue;
        if (row.verb != wanted) {
            if (!others.allow.empty()) others.allow += ", ";
            others.allow += http::to_string(row.verb);
            if (row.verb == http::Verb::get) others.allow += ", HEAD";
            continue;
        }
        RouteMatch match{&row, index, {}};
        std::size_t at = 0;
        for (auto rest = row.pattern.substr(1); at < count; ++at) {
            const auto slash = rest.find('/');
            const auto segment = rest.substr(0, slash);
            if (is_parameter(segment))
                match.parameters.emplace_back(segment.substr(1, segment.size() - 2), std::move(segments[at]));
            rest.remove_prefix(slash == std::string_view::npos ? rest.size() : slash + 1);
        }
        return match;
    }
    return others;
}

}  // namespace signet::api
