#include "tests/fuzz/http.h"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cstdlib>
#include <string>

#include "base/encoding.h"
#include "daemon/api/json.h"
#include "daemon/api/router.h"
#include "daemon/http/body_reader.h"
#include "daemon/http/form.h"
#include "daemon/http/head_parser.h"
#include "daemon/http/response_parser.h"

namespace signet::testing {
namespace {

constexpr std::size_t kBodyLimit = 4096;

void require(bool holds) {
    if (!holds) std::abort();
}

const api::Router& router() {
    static const auto built = [] {
        api::RouteTable rows;
        for (const std::string_view pattern : {"/", "/v1/keys", "/v1/keys/{label}", "/v1/keys/{label}/sign",
                                               "/v1/ca/{label}/ocsp/{request*}"}) {
            api::Route row;
            row.pattern = pattern;
            row.permission = "keys.sign";
            row.handler = [](api::Exchange&) { return http::Response{}; };
            rows.push_back(row);
        }
        auto router = api::Router::build(std::move(rows));
        require(router.has_value());
        return *std::move(router);
    }();
    return built;
}

void check_path(const http::RequestHead& head) {
    const auto found = router().find(head.verb, head.path, [](const api::Route&) { return true; });
    const auto* match = std::get_if<api::RouteMatch>(&found);
    if (match == nullptr) return;
    for (const auto& [name, value] : match->parameters) {
        const bool rest = name == "request";
        require(!value.empty() && is_utf8(value) &&
                value.size() <= (rest ? api::kMaxRestBytes : api::kMaxSegmentBytes));
        require(value.find('\0') == std::string::npos &&
                (rest || (value.find('/') == std::string::npos && value != "..")));
    }
}

struct Body {
    http::BodyReader::State state = http::BodyReader::State::more;
    std::string data;
    std::size_t used = 0;
};

Body read_body(http::BodyReader reader, std::string_view input, std::size_t piece) {
    Body out;
    while (!input.empty() && out.state == http::BodyReader::State::more) {
        auto part = input.substr(0, piece);
        const auto before = part.size();
        out.state = reader.feed(part, out.data);
        out.used += before - part.size();
        input.remove_prefix(before - part.size());
    }
    return out;
}

void check_request(std::string_view input) {
    std::size_t searched = 0;
    const auto end = http::find_head_end(input, searched);
    std::size_t stepping = 0;
    auto stepped = http::find_head_end(input.substr(0, 0), stepping);
    for (std::size_t size = 1; size <= input.size() && stepped && *stepped == 0; ++size)
        stepped = http::find_head_end(input.substr(0, size), stepping);
    require(end.has_value() == stepped.has_value());
    if (!end) return;
    require(*end == *stepped);
    if (*end == 0) return;
    const auto parsed = http::parse_head(input.substr(0, *end), {});
    if (!parsed) {
        require(parsed.error().status >= 400 && parsed.error().status < 600);
        return;
    }
    require(parsed->head.target.size() <= http::HeadLimits{}.target_bytes);
    require(parsed->head.headers.size() <= http::HeadLimits{}.fields);
    require(parsed->head.path == "*" || parsed->head.path.front() == '/');
    require(!(parsed->chunked && parsed->content_length > 0));
    check_path(parsed->head);
    (void)http::Form::parse(parsed->head.query);
    const auto reader = parsed->chunked ? http::BodyReader::chunked(kBodyLimit)
                                        : http::BodyReader::of_length(parsed->content_length, kBodyLimit);
    const auto rest = input.substr(*end);
    const auto whole = read_body(reader, rest, rest.size());
    const auto bytewise = read_body(reader, rest, 1);
    require(whole.state == bytewise.state && whole.data == bytewise.data && whole.used == bytewise.used);
    require(whole.data.size() <= kBodyLimit);
}

void check_json(std::string_view input) {
    if (const auto document = api::JsonDocument::parse(input)) {
        const auto text = boost::json::serialize(document->value());
        const auto again = api::JsonDocument::parse(text);
        require(again && boost::json::serialize(again->value()) == text);
        require(is_utf8(input));
    }
    api::JsonWriter json;
    json.begin_object();
    json.member("text", input);
    json.end_object();
    const auto object = api::JsonObject::parse(json.view());
    require(object.has_value());
    if (is_utf8(input)) require(object->text("text", input.size()).value_or("") == input);
}

void check_form(std::string_view input) {
    require(http::percent_decode(http::percent_encode(input)).value_or("\x01") == input);
    const auto form = http::Form::parse(input);
    if (!form) return;
    std::string again;
    for (const auto& [name, value] : form->fields())
        again += (again.empty() ? "" : "&") + http::percent_encode(name) + "=" + http::percent_encode(value);
    const auto reread = http::Form::parse(again);
    require(reread && reread->fields() == form->fields());
}

std::string read_answer(std::string_view input, std::size_t piece) {
    http::ResponseParser parser({.header_bytes = 1024, .body_bytes = kBodyLimit}, true);
    while (!input.empty() && !parser.done()) {
        auto part = input.substr(0, piece);
        const auto before = part.size();
        if (!parser.feed(part)) return "refused";
        require(part.size() < before);
        input.remove_prefix(before - part.size());
    }
    if (!parser.done() && !parser.end()) return "cut";
    const auto answer = parser.take();
    return std::to_string(answer.status) + " " + answer.body;
}

}  // namespace

void fuzz_http(ByteView input) {
    const auto text = as_text(input);
    check_request(text);
    check_json(text);
    check_form(text);
    require(read_answer(text, 1) == read_answer(text, text.size()));
}

}  // namespace signet::testing
