// application/x-www-form-urlencoded (WHATWG URL section 5.1) read strictly, and percent-encoding (RFC 3986 section 2.1).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace signet::http {

// Errors: invalid_argument for a '%' without two hex digits. `+` stays as it is.
Result<std::string> percent_decode(std::string_view text);
// Everything but the unreserved characters of RFC 3986 section 2.3.
std::string percent_encode(std::string_view text);

struct FormLimits {
    std::size_t fields = 256;
    std::size_t name_bytes = 256;                     // decoded
    std::size_t value_bytes = std::size_t{64} << 10;  // decoded
};

// Fields in the order sent; names may repeat.
class Form {
  public:
    // A query string (without '?') or a form body. Refused (invalid_argument, too_large): bad percent-encoding, text that
    // is not UTF-8, NUL, raw control characters, an empty name, a field without '=' , a limit passed. Empty text is an
    // empty form.
    static Result<Form> parse(std::string_view text, const FormLimits& limits = {});

    // Null when absent. The first of that name.
    const std::string* find(std::string_view name) const;
    // Errors: invalid_argument, naming the field, when it is absent or sent more than once.
    Result<std::string_view> required(std::string_view name) const;
    std::size_t count(std::string_view name) const;
    const std::vector<std::pair<std::string, std::string>>& fields() const { return fields_; }

  private:
    std::vector<std::pair<std::string, std::string>> fields_;
};

}  // namespace signet::http
