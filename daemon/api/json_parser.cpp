#include "daemon/api/json_parser.h"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/storage_ptr.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_stack.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace signet::api {
namespace {

namespace json = boost::json;
using json::error_code;
using json::string_view;

// Builds values, and refuses a name that its object has already: two readers of such a text may see two different
// requests (RFC 8259 section 4).
struct Builder {
    static constexpr std::size_t max_object_size = kJsonMembers;
    static constexpr std::size_t max_array_size = json::array::max_size();
    static constexpr std::size_t max_key_size = 256;
    static constexpr std::size_t max_string_size = json::string::max_size();

    json::value_stack stack;
    std::vector<std::string> names;    // of all open objects
    std::vector<std::size_t> objects;  // where the names of each open object begin
    std::string name;                  // what has come of the one being read
    std::string duplicate;

    bool on_document_begin(error_code&) { return true; }
    bool on_document_end(error_code&) { return true; }
    bool on_object_begin(error_code&) {
        objects.push_back(names.size());
        return true;
    }
    bool on_object_end(std::size_t size, error_code&) {
        names.resize(objects.back());
        objects.pop_back();
        stack.push_object(size);
        return true;
    }
    bool on_array_begin(error_code&) { return true; }
    bool on_array_end(std::size_t size, error_code&) {
        stack.push_array(size);
        return true;
    }
    bool on_key_part(string_view text, std::size_t, error_code&) {
        name.append(text.data(), text.size());
        stack.push_chars(text);
        return true;
    }
    bool on_key(string_view text, std::size_t, error_code& error) {
        name.append(text.data(), text.size());
        for (auto i = objects.back(); i < names.size(); ++i) {
            if (names[i] != name) continue;
            duplicate = name;
            error = json::error::syntax;
            return false;
        }
        names.push_back(std::exchange(name, {}));
        stack.push_key(text);
        return true;
    }
    bool on_string_part(string_view text, std::size_t, error_code&) {
        stack.push_chars(text);
        return true;
    }
    bool on_string(string_view text, std::size_t, error_code&) {
        stack.push_string(text);
        return true;
    }
    bool on_number_part(string_view, error_code&) { return true; }
    bool on_int64(std::int64_t value, string_view, error_code&) {
        stack.push_int64(value);
        return true;
    }
    bool on_uint64(std::uint64_t value, string_view, error_code&) {
        stack.push_uint64(value);
        return true;
    }
    bool on_double(double value, string_view, error_code&) {
        stack.push_double(value);
        return true;
    }
    bool on_bool(bool value, error_code&) {
        stack.push_bool(value);
        return true;
    }
    bool on_null(error_code&) {
        stack.push_null();
        return true;
    }
    bool on_comment_part(string_view, error_code&) { return true; }
    bool on_comment(string_view, error_code&) { return true; }
};

std::unexpected<Error> explain(const error_code& error, const Builder& builder, std::size_t at) {
    if (!builder.duplicate.empty())
        return fail(ErrorCode::invalid_argument,
                    "the JSON object has the member '" + builder.duplicate + "' twice");
    if (error == json::error::too_deep)
        return fail(ErrorCode::too_large,
                    "the JSON text is nested over " + std::to_string(kJsonDepth) + " deep");
    if (error == json::error::object_too_large)
        return fail(ErrorCode::too_large,
                    "a JSON object has over " + std::to_string(kJsonMembers) + " members");
    if (error == json::error::key_too_large)
        return fail(ErrorCode::too_large, "a JSON member's name is too long");
    return fail(ErrorCode::invalid_argument, "the body is not JSON (at byte " + std::to_string(at) + ")",
                error.message());
}

}  // namespace

Result<json::value> parse_json(std::string_view text, json::storage_ptr storage) {
    json::parse_options options;
    options.max_depth = kJsonDepth;
    json::basic_parser<Builder> parser(options);
    auto& builder = parser.handler();
    builder.stack.reset(std::move(storage));
    error_code error;
    const auto used = parser.write_some(false, text.data(), text.size(), error);
    if (error) return explain(error, builder, used);
    if (used < text.size())
        return fail(ErrorCode::invalid_argument,
                    "the body has text after the JSON document (at byte " + std::to_string(used) + ")");
    if (!parser.done()) return fail(ErrorCode::invalid_argument, "the body is not JSON: it ends too early");
    return builder.stack.release();
}

}  // namespace signet::api
