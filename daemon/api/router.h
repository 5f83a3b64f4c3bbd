// Finds the row of a route table for a verb and a path.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "daemon/api/exchange.h"
#include "daemon/api/route.h"

namespace signet::api {

inline constexpr std::size_t kMaxSegments = 16;
inline constexpr std::size_t kMaxSegmentBytes = 256;  // decoded
inline constexpr std::size_t kMaxRestBytes = 1024;    // decoded, of a `{name*}`

struct RouteMatch {
    const Route* route = nullptr;
    std::size_t index = 0;  // in Router::rows()
    PathParameters parameters;
};
struct NoSuchPath {};
struct MethodNotAllowed {
    std::string allow;  // "GET, HEAD, POST"
};
struct BadPath {
    std::string why;
};
using RouteResult = std::variant<RouteMatch, NoSuchPath, MethodNotAllowed, BadPath>;

class Router {
  public:
    // Refuses (failed_precondition) a row without permission or handler, with a permission that policy/permissions.h does
    // not know, with a bad pattern, with a resource parameter that its pattern lacks, and two rows that match the same.
    // A last segment `{name*}` stands for the whole rest of the path, slashes and encoded slashes included (RFC 6960
    // appendix A.1 puts base64 there); it comes after every other row.
    static Result<Router> build(RouteTable rows);
    Router(Router&&) noexcept;
    Router& operator=(Router&&) noexcept;
    ~Router();

    // `path` is percent-encoded and begins with '/'. A literal segment wins over a parameter. One trailing slash is
    // ignored. HEAD matches rows of GET. `visible` says which rows exist for this caller at all (surface, permits): the
    // others are neither matched nor named in `allow`. BadPath: bad percent-encoding, text that is not UTF-8, control
    // characters, an encoded slash, "." or ".." as a segment, too long.
    template <class Visible>
    RouteResult find(http::Verb verb, std::string_view path, Visible&& visible) const {
        using Function = std::remove_reference_t<Visible>;
        return find_impl(
            verb, path,
            [](const void* context, const Route& row) {
                return (*static_cast<const Function*>(context))(row);
            },
            &visible);
    }
    const RouteTable& rows() const { return rows_; }

  private:
    struct Node;
    using VisibleFunction = bool (*)(const void* context, const Route& row);
    RouteResult find_impl(http::Verb verb, std::string_view path, VisibleFunction visible,
                          const void* context) const;
    RouteResult find_segments(http::Verb verb, std::string_view path, VisibleFunction visible,
                              const void* context) const;
    std::optional<RouteMatch> match_rest(http::Verb verb, std::string_view path, VisibleFunction visible,
                                         const void* context) const;
    Router(RouteTable rows, std::unique_ptr<Node> root, std::vector<std::size_t> rest_rows);
    RouteTable rows_;
    std::unique_ptr<Node> root_;
    std::vector<std::size_t> rest_rows_;
};

}  // namespace signet::api
