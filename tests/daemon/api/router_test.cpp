#include "daemon/api/router.h"

#include <gtest/gtest.h>

namespace signet::api {
namespace {

using http::Verb;

Route row(Verb verb, std::string_view pattern, std::string_view permission = "keys.sign") {
    Route out;
    out.verb = verb;
    out.pattern = pattern;
    out.permission = permission;
    out.handler = [](Exchange&) { return http::Response{}; };
    return out;
}

Router build(RouteTable rows) {
    auto router = Router::build(std::move(rows));
    EXPECT_TRUE(router) << router.error().message;
    return *std::move(router);
}

constexpr auto kAll = [](const Route&) { return true; };

// "pattern name=value …", "404", "405 GET, HEAD" or "400".
std::string find(const Router& router, Verb verb, std::string_view path) {
    const auto result = router.find(verb, path, kAll);
    if (std::holds_alternative<NoSuchPath>(result)) return "404";
    if (std::holds_alternative<BadPath>(result)) return "400";
    if (const auto* other = std::get_if<MethodNotAllowed>(&result)) return "405 " + other->allow;
    const auto& match = std::get<RouteMatch>(result);
    std::string out(match.route->pattern);
    for (const auto& [name, value] : match.parameters)
        out += " " + std::string(name) + "=" + value;
    return out;
}

class RouterTest : public ::testing::Test {
  protected:
    Router router = build({row(Verb::get, "/"), row(Verb::get, "/v1/keys"), row(Verb::post, "/v1/keys"),
                           row(Verb::get, "/v1/keys/{label}"), row(Verb::post, "/v1/keys/{label}/sign"),
                           row(Verb::get, "/v1/keys/all"), row(Verb::get, "/v1/{kind}/all/x"),
                           row(Verb::get, "/v1/ca/{label}/certificates/{serial}")});
};

TEST_F(RouterTest, FindsRowsByVerbAndPath) {
    EXPECT_EQ(find(router, Verb::get, "/"), "/");
    EXPECT_EQ(find(router, Verb::get, "/v1/keys"), "/v1/keys");
    EXPECT_EQ(find(router, Verb::get, "/v1/keys/"), "/v1/keys");
    EXPECT_EQ(find(router, Verb::head, "/v1/keys"), "/v1/keys");
    EXPECT_EQ(find(router, Verb::get, "/v1/keys/a.b"), "/v1/keys/{label} label=a.b");
    EXPECT_EQ(find(router, Verb::post, "/v1/keys/a%20b/sign/"), "/v1/keys/{label}/sign label=a b");
    EXPECT_EQ(find(router, Verb::get, "/v1/ca/x/certificates/01"),
              "/v1/ca/{label}/certificates/{serial} label=x serial=01");
}

TEST_F(RouterTest, LiteralsWinAndGiveWayToParameters) {
    EXPECT_EQ(find(router, Verb::get, "/v1/keys/all"), "/v1/keys/all");
    EXPECT_EQ(find(router, Verb::get, "/v1/keys/all/x"), "/v1/{kind}/all/x kind=keys");
    EXPECT_EQ(find(router, Verb::get, "/v1/k%65ys/%61ll"), "/v1/keys/all");
}

TEST_F(RouterTest, TellsUnknownPathsFromWrongVerbs) {
    EXPECT_EQ(find(router, Verb::get, "/v2"), "404");
    EXPECT_EQ(find(router, Verb::get, "/v1/keys/a/b"), "404");
    EXPECT_EQ(find(router, Verb::get, "/V1/keys"), "404");
    EXPECT_EQ(find(router, Verb::del, "/v1/keys"), "405 GET, HEAD, POST");
    EXPECT_EQ(find(router, Verb::get, "/v1/keys/a/sign"), "405 POST");
    EXPECT_EQ(find(router, Verb::head, "/v1/keys/a/sign"), "405 POST");
    EXPECT_EQ(find(router, Verb::options, "*"), "404");
}

TEST_F(RouterTest, RefusesPathsThatTwoReadersCouldReadDifferently) {
    for (const std::string_view path :
         {"//", "/v1//keys", "/v1/keys//", "/v1/./keys", "/v1/x/../keys", "/v1/%2e%2e/keys", "/v1/keys/a%2fb",
          "/v1/keys/a%2Fb/sign", "/v1/keys/%00", "/v1/keys/%0a", "/v1/keys/%7f", "/v1/keys/%", "/v1/keys/%zz",
          "/v1/keys/%ff", "/v1/keys/%c0%af", "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q"})
        EXPECT_EQ(find(router, Verb::get, path), "400") << path;
    EXPECT_EQ(find(router, Verb::get, "/v1/keys/" + std::string(256, 'a')),
              "/v1/keys/{label} label=" + std::string(256, 'a'));
    EXPECT_EQ(find(router, Verb::get, "/v1/keys/" + std::string(257, 'a')), "400");
}

TEST_F(RouterTest, RowsThatCannotBeSeenDoNotExist) {
    const auto only_get = [](const Route& each) { return each.verb == Verb::get; };
    EXPECT_TRUE(std::holds_alternative<NoSuchPath>(router.find(Verb::post, "/v1/keys/a/sign", only_get)));
    const auto result = router.find(Verb::post, "/v1/keys", only_get);
    ASSERT_TRUE(std::holds_alternative<MethodNotAllowed>(result));
    EXPECT_EQ(std::get<MethodNotAllowed>(result).allow, "GET, HEAD");
}

TEST(Router, TakesTheRestOfAPath) {
    const auto router =
        build({row(Verb::get, "/ocsp/{label}/{request*}"), row(Verb::get, "/ocsp/{label}/fixed")});
    EXPECT_EQ(find(router, Verb::get, "/ocsp/ca/MFQ/a+b%2Fc=="),
              "/ocsp/{label}/{request*} label=ca request=MFQ/a+b/c==");
    EXPECT_EQ(find(router, Verb::get, "/ocsp/ca/fixed"), "/ocsp/{label}/fixed label=ca");
    EXPECT_EQ(find(router, Verb::get, "/ocsp/ca/a%00b"), "400");
    EXPECT_EQ(find(router, Verb::get, "/ocsp/ca"), "404");
    EXPECT_NE(find(router, Verb::get, "/ocsp/ca/" + std::string(1025, 'a')).substr(0, 1), "/");
}

TEST(Router, ABadTableStopsTheStart) {
    const auto refusal = [](RouteTable rows) {
        const auto router = Router::build(std::move(rows));
        return router ? std::string("built") : router.error().message;
    };
    auto no_handler = row(Verb::get, "/a");
    no_handler.handler = nullptr;
    auto no_resource = row(Verb::get, "/a/{b}");
    no_resource.resource_parameter = "c";
    const std::vector<std::pair<RouteTable, std::string>> cases = {
        {{row(Verb::get, "/a", "")}, "has no permission"},
        {{row(Verb::get, "/a", "keys.sgn")}, "nearest is 'keys.sign'"},
        {{no_handler}, "has no handler"},
        {{no_resource}, "lacks the resource parameter"},
        {{row(Verb::get, "/a/{b}"), row(Verb::get, "/a/{c}")}, "two rows"},
        {{row(Verb::get, "/a/{b*}"), row(Verb::get, "/a/{b*}")}, "two rows"},
        {{row(Verb::head, "/a")}, "HEAD"},
        {{row(Verb::get, "a")}, "must begin with '/'"},
        {{row(Verb::get, "/a/")}, "must begin with '/'"},
        {{row(Verb::get, "/a//b")}, "empty segment"},
        {{row(Verb::get, "/a/x{b}")}, "malformed segment"},
        {{row(Verb::get, "/a/{b}/{b}")}, "parameter twice"},
    };
    for (const auto& [rows, message] : cases)
        EXPECT_NE(refusal(rows).find(message), std::string::npos) << refusal(rows);
    EXPECT_EQ(refusal({row(Verb::get, "/a/{b}"), row(Verb::post, "/a/{c}")}), "built");
}

// RFC 6960 appendix A.1: base64, whose slashes some clients encode and some do not.
TEST(RouterRest, TakesTheRestOfThePath) {
    const auto router = build({row(Verb::get, "/v1/ca/{label}/ocsp/{request*}"),
                               row(Verb::get, "/v1/ca/{label}/crl"), row(Verb::post, "/v1/ca/{label}/ocsp")});
    const std::string prefix = "/v1/ca/{label}/ocsp/{request*} label=x request=";
    EXPECT_EQ(find(router, Verb::get, "/v1/ca/x/ocsp/MFEw"), prefix + "MFEw");
    EXPECT_EQ(find(router, Verb::get, "/v1/ca/x/ocsp/a%2Fb%2Bc%3D"), prefix + "a/b+c=");
    EXPECT_EQ(find(router, Verb::get, "/v1/ca/x/ocsp/a/b//c=="), prefix + "a/b//c==");
    EXPECT_EQ(find(router, Verb::head, "/v1/ca/x/ocsp/a"), prefix + "a");
    EXPECT_EQ(find(router, Verb::post, "/v1/ca/x/ocsp/a"), "404");
    EXPECT_EQ(find(router, Verb::get, "/v1/ca/x/other/a%2Fb"), "400");
    EXPECT_EQ(find(router, Verb::get, "/v1/ca/x%2Fy/ocsp/a"), "400");
    EXPECT_EQ(find(router, Verb::get, "/v1/ca/x/ocsp/a%2"), "400");
    EXPECT_EQ(find(router, Verb::get, "/v1/ca/x/ocsp/" + std::string(kMaxRestBytes + 1, 'a')), "400");
    EXPECT_EQ(find(router, Verb::get, "/v1/ca/x/crl"), "/v1/ca/{label}/crl label=x");
}

}  // namespace
}  // namespace signet::api
