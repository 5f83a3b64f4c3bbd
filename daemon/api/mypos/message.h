// A myPOS message and what its signature covers (docs/mypos-protocol.md, Canonical form).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace signet::api::mypos {

inline constexpr std::size_t kMaxMessage = std::size_t{256} << 10;  // bytes of a body
inline constexpr std::size_t kMaxFields = 1024;                     // nested ones flattened

// Fields in the order sent. `Signature`, in any case, is taken out; it may stand anywhere, once.
struct Message {
    std::vector<std::pair<std::string, std::string>> fields;
    std::optional<std::string> signature;  // as sent: base64
    // The first of that name, in any case; null when there is none.
    const std::string* find(std::string_view name) const;
};

// application/x-www-form-urlencoded. Errors: invalid_argument, too_large.
Result<Message> read_form(std::string_view body);
// An array of [name, value] pairs, or an object, in the order written. Values are texts and whole numbers; arrays and objects
// within count as their values, depth first. Errors: invalid_argument, too_large.
Result<Message> read_json(std::string_view body);

// What is signed: the base64 text of all values, joined with '-'.
std::string canonical(const Message& message);
// The same of values whose HTML entities are replaced (&amp; &lt; &gt; &quot; &apos; and numeric ones): what an official SDK
// signs when it posts the escaped values. nullopt when that changes nothing.
std::optional<std::string> canonical_unescaped(const Message& message);
std::string html_unescaped(std::string_view text);

}  // namespace signet::api::mypos
