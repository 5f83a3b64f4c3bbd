// Strict JSON bodies (RFC 8259) for handlers, and a writer for answers. Handlers that use these need not include the
// JSON library.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace signet::api {

class JsonObject;

// A parsed document. Refused (invalid_argument; too_large for the bounds): anything that is not UTF-8 JSON, a member name
// twice in one object, nesting over 32, over 256 members in an object, text after the document.
class JsonDocument {
  public:
    static Result<JsonDocument> parse(std::string_view text);
    // The document as an object. Errors: invalid_argument.
    Result<JsonObject> object() const;
    const boost::json::value& value() const;

  private:
    struct Storage;
    explicit JsonDocument(std::shared_ptr<const Storage> storage) : storage_(std::move(storage)) {}
    std::shared_ptr<const Storage> storage_;
};

// An object of a document; keeps the document alive. Getters of required members fail with invalid_argument naming the
// member ("items[3].data: expected base64 text"); optional_* give nullopt when the member is absent or null.
// Views live as long as the object.
class JsonObject {
  public:
    static Result<JsonObject> parse(std::string_view text);

    // Refuses members that are not in `allowed`.
    Status only(std::initializer_list<std::string_view> allowed) const;
    bool has(std::string_view name) const;  // present and not null

    Result<std::string_view> text(std::string_view name, std::size_t max_bytes = 4096) const;
    Result<std::optional<std::string_view>> optional_text(std::string_view name,
                                                          std::size_t max_bytes = 4096) const;
    Result<std::int64_t> integer(std::string_view name, std::int64_t low, std::int64_t high) const;
    Result<std::optional<std::int64_t>> optional_integer(std::string_view name, std::int64_t low,
                                                         std::int64_t high) const;
    Result<bool> boolean(std::string_view name) const;
    Result<std::optional<bool>> optional_boolean(std::string_view name) const;
    // Standard base64 with padding (base/encoding.h); `max_bytes` after decoding. Errors: invalid_argument, too_large.
    Result<Bytes> base64(std::string_view name, std::size_t max_bytes) const;
    Result<std::optional<Bytes>> optional_base64(std::string_view name, std::size_t max_bytes) const;
    Result<JsonObject> object(std::string_view name) const;
    Result<std::optional<JsonObject>> optional_object(std::string_view name) const;
    Result<std::vector<JsonObject>> objects(std::string_view name, std::size_t max_items) const;
    Result<std::vector<std::string_view>> texts(std::string_view name, std::size_t max_items,
                                                std::size_t max_bytes = 4096) const;
    Result<std::vector<Bytes>> base64s(std::string_view name, std::size_t max_items,
                                       std::size_t max_bytes) const;

    std::vector<std::string_view> names() const;  // in the order sent
    std::string where() const { return where_; }  // "items[3]", empty for the whole document
    const boost::json::object& raw() const { return *object_; }
    // The text of a member of any type, as compact JSON. Errors: invalid_argument when it is absent.
    Result<std::string> serialized(std::string_view name) const;

  private:
    friend class JsonDocument;
    JsonObject(std::shared_ptr<const void> owner, const boost::json::object* object, std::string where)
        : owner_(std::move(owner)), object_(object), where_(std::move(where)) {}
    const boost::json::value* find(std::string_view name) const;  // null when absent or null
    const boost::json::array* find_array(std::string_view name) const;
    Status check_size(std::string_view name, std::size_t size, std::size_t max_items) const;
    std::string path(std::string_view name) const;
    std::string item_path(std::string_view name, std::size_t index) const;
    std::unexpected<Error> wrong(std::string_view name, std::string_view expected) const;

    std::shared_ptr<const void> owner_;
    const boost::json::object* object_;
    std::string where_;
};

// Appends JSON text; commas and escapes are its business, nesting is the caller's. Text that is not UTF-8 is written with
// U+FFFD for each bad byte.
//   JsonWriter json; json.begin_object(); json.member("label", label); json.end_object(); answer.body = json.take();
class JsonWriter {
  public:
    explicit JsonWriter(std::size_t reserve = 256) { out_.reserve(reserve); }

    void begin_object() { open('{'); }
    void end_object() { close('}'); }
    void begin_array() { open('['); }
    void end_array() { close(']'); }
    void key(std::string_view name);

    void text(std::string_view value);
    void base64(ByteView value);
    void number(std::int64_t value);
    void number(std::uint64_t value);
    void number(int value) { number(static_cast<std::int64_t>(value)); }
    void number(unsigned value) { number(static_cast<std::uint64_t>(value)); }
    void boolean(bool value);
    void null();
    // `json` is a whole JSON value already.
    void raw(std::string_view json);

    void member(std::string_view name, std::string_view value) { key(name), text(value); }
    void member(std::string_view name, const char* value) { key(name), text(value); }
    void member(std::string_view name, const std::string& value) { key(name), text(value); }
    void member(std::string_view name, std::int64_t value) { key(name), number(value); }
    void member(std::string_view name, std::uint64_t value) { key(name), number(value); }
    void member(std::string_view name, int value) { key(name), number(value); }
    void member(std::string_view name, unsigned value) { key(name), number(value); }
    void member(std::string_view name, bool value) { key(name), boolean(value); }
    void member_base64(std::string_view name, ByteView value) { key(name), base64(value); }
    void member_raw(std::string_view name, std::string_view json) { key(name), raw(json); }

    std::string take() { return std::move(out_); }
    const std::string& view() const { return out_; }

  private:
    void open(char bracket);
    void close(char bracket);
    void separate();
    std::string out_;
    bool comma_ = false;
};

}  // namespace signet::api
