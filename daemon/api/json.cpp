#include "daemon/api/json.h"

#include <array>
#include <boost/json/array.hpp>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <utility>

#include "base/encoding.h"
#include "daemon/api/json_parser.h"

namespace signet::api {
namespace {

namespace json = boost::json;

std::string_view view(const json::string& text) {
    return {text.data(), text.size()};
}

}  // namespace

// Small documents live in the block itself: one allocation for a request's body.
struct JsonDocument::Storage {
    std::array<unsigned char, 2048> first{};
    json::monotonic_resource resource{first.data(), first.size()};
    json::value root;
};

Result<JsonDocument> JsonDocument::parse(std::string_view text) {
    auto storage = std::make_shared<Storage>();
    SIGNET_ASSIGN(auto root, parse_json(text, json::storage_ptr(&storage->resource)));
    // The same resource on both sides: construction steals, assignment could copy.
    std::destroy_at(&storage->root);
    std::construct_at(&storage->root, std::move(root));
    return JsonDocument(std::move(storage));
}

Result<JsonObject> JsonDocument::object() const {
    const auto* object = storage_->root.if_object();
    if (object == nullptr) return fail(ErrorCode::invalid_argument, "the body must be a JSON object");
    return JsonObject(storage_, object, {});
}

const json::value& JsonDocument::value() const {
    return storage_->root;
}

Result<JsonObject> JsonObject::parse(std::string_view text) {
    SIGNET_ASSIGN(const auto document, JsonDocument::parse(text));
    return document.object();
}

std::string JsonObject::path(std::string_view name) const {
    return where_.empty() ? std::string(name) : where_ + "." + std::string(name);
}

std::unexpected<Error> JsonObject::wrong(std::string_view name, std::string_view expected) const {
    return fail(ErrorCode::invalid_argument,
                path(name) + (has(name) ? ": expected " : " is missing; expected ") + std::string(expected));
}

const json::value* JsonObject::find(std::string_view name) const {
    const auto* value = object_->if_contains({name.data(), name.size()});
    return value == nullptr || value->is_null() ? nullptr : value;
}

bool JsonObject::has(std::string_view name) const {
    return find(name) != nullptr;
}

Status JsonObject::only(std::initializer_list<std::string_view> allowed) const {
    for (const auto& member : *object_) {
        const std::string_view name(member.key().data(), member.key().size());
        bool known = false;
        for (const auto one : allowed)
            known = known || one == name;
        if (known) continue;
        std::string list;
        for (const auto one : allowed)
            list.append(list.empty() ? "" : ", ").append(one);
        return fail(ErrorCode::invalid_argument, path(name) + ": unknown member; allowed here: " + list);
    }
    return {};
}

Result<std::string_view> JsonObject::text(std::string_view name, std::size_t max_bytes) const {
    const auto* value = find(name);
    const auto* text = value == nullptr ? nullptr : value->if_string();
    if (text == nullptr) return wrong(name, "text");
    if (text->size() > max_bytes)
        return fail(ErrorCode::too_large, path(name) + ": over " + std::to_string(max_bytes) + " bytes");
    return view(*text);
}

Result<std::int64_t> JsonObject::integer(std::string_view name, std::int64_t low, std::int64_t high) const {
    const auto expected = "an integer from " + std::to_string(low) + " to " + std::to_string(high);
    const auto* value = find(name);
    // Boost keeps integers over 2^63 - 1 as unsigned and anything with '.' or 'e' as double: neither is one of ours.
    const auto* number = value == nullptr ? nullptr : value->if_int64();
    if (number == nullptr || *number < low || *number > high) return wrong(name, expected);
    return *number;
}

Result<bool> JsonObject::boolean(std::string_view name) const {
    const auto* value = find(name);
    const auto* flag = value == nullptr ? nullptr : value->if_bool();
    if (flag == nullptr) return wrong(name, "true or false");
    return *flag;
}

Result<Bytes> JsonObject::base64(std::string_view name, std::size_t max_bytes) const {
    const auto* value = find(name);
    const auto* text = value == nullptr ? nullptr : value->if_string();
    if (text == nullptr) return wrong(name, "base64 text");
    if (text->size() > (max_bytes + 2) / 3 * 4)
        return fail(ErrorCode::too_large, path(name) + ": over " + std::to_string(max_bytes) + " bytes");
    auto bytes = from_base64(view(*text));
    if (!bytes) return wrong(name, "base64 text (RFC 4648 section 4, padded, no line breaks)");
    if (bytes->size() > max_bytes)
        return fail(ErrorCode::too_large, path(name) + ": over " + std::to_string(max_bytes) + " bytes");
    return bytes;
}

Result<JsonObject> JsonObject::object(std::string_view name) const {
    const auto* value = find(name);
    const auto* object = value == nullptr ? nullptr : value->if_object();
    if (object == nullptr) return wrong(name, "an object");
    return JsonObject(owner_, object, path(name));
}

Result<std::optional<std::string_view>> JsonObject::optional_text(std::string_view name,
                                                                  std::size_t max_bytes) const {
    if (!has(name)) return std::nullopt;
    return text(name, max_bytes);
}

Result<std::optional<std::int64_t>> JsonObject::optional_integer(std::string_view name, std::int64_t low,
                                                                 std::int64_t high) const {
    if (!has(name)) return std::nullopt;
    return integer(name, low, high);
}

Result<std::optional<bool>> JsonObject::optional_boolean(std::string_view name) const {
    if (!has(name)) return std::nullopt;
    SIGNET_ASSIGN(const bool flag, boolean(name));
    return std::optional<bool>(flag);
}

Result<std::optional<Bytes>> JsonObject::optional_base64(std::string_view name, std::size_t max_bytes) const {
    if (!has(name)) return std::nullopt;
    return base64(name, max_bytes);
}

Result<std::optional<JsonObject>> JsonObject::optional_object(std::string_view name) const {
    if (!has(name)) return std::nullopt;
    return object(name);
}

const json::array* JsonObject::find_array(std::string_view name) const {
    const auto* value = find(name);
    return value == nullptr ? nullptr : value->if_array();
}

Status JsonObject::check_size(std::string_view name, std::size_t size, std::size_t max_items) const {
    if (size <= max_items) return {};
    return fail(ErrorCode::too_large, path(name) + ": over " + std::to_string(max_items) + " items");
}

std::string JsonObject::item_path(std::string_view name, std::size_t index) const {
    return path(name) + "[" + std::to_string(index) + "]";
}

Result<std::vector<JsonObject>> JsonObject::objects(std::string_view name, std::size_t max_items) const {
    const auto* array = find_array(name);
    if (array == nullptr) return wrong(name, "a list of objects");
    SIGNET_TRY(check_size(name, array->size(), max_items));
    std::vector<JsonObject> out;
    out.reserve(array->size());
    for (const auto& item : *array) {
        const auto* object = item.if_object();
        if (object == nullptr)
            return fail(ErrorCode::invalid_argument, item_path(name, out.size()) + ": expected an object");
        out.push_back(JsonObject(owner_, object, item_path(name, out.size())));
    }
    return out;
}

Result<std::vector<std::string_view>> JsonObject::texts(std::string_view name, std::size_t max_items,
                                                        std::size_t max_bytes) const {
    const auto* array = find_array(name);
    if (array == nullptr) return wrong(name, "a list of texts");
    SIGNET_TRY(check_size(name, array->size(), max_items));
    std::vector<std::string_view> out;
    out.reserve(array->size());
    for (const auto& item : *array) {
        const auto* text = item.if_string();
        if (text == nullptr)
            return fail(ErrorCode::invalid_argument, item_path(name, out.size()) + ": expected text");
        if (text->size() > max_bytes)
            return fail(ErrorCode::too_large,
                        item_path(name, out.size()) + ": over " + std::to_string(max_bytes) + " bytes");
        out.push_back(view(*text));
    }
    return out;
}

Result<std::vector<Bytes>> JsonObject::base64s(std::string_view name, std::size_t max_items,
                                               std::size_t max_bytes) const {
    SIGNET_ASSIGN(const auto items, texts(name, max_items, (max_bytes + 2) / 3 * 4));
    std::vector<Bytes> out;
    out.reserve(items.size());
    for (const auto item : items) {
        auto bytes = from_base64(item);
        if (!bytes)
            return fail(ErrorCode::invalid_argument, item_path(name, out.size()) + ": expected base64 text");
        if (bytes->size() > max_bytes)
            return fail(ErrorCode::too_large,
                        item_path(name, out.size()) + ": over " + std::to_string(max_bytes) + " bytes");
        out.push_back(*std::move(bytes));
    }
    return out;
}

std::vector<std::string_view> JsonObject::names() const {
    std::vector<std::string_view> out;
    out.reserve(object_->size());
    for (const auto& member : *object_)
        out.emplace_back(member.key().data(), member.key().size());
    return out;
}

Result<std::string> JsonObject::serialized(std::string_view name) const {
    const auto* value = object_->if_contains({name.data(), name.size()});
    if (value == nullptr) return wrong(name, "a value");
    return json::serialize(*value);
}

}  // namespace signet::api
