// The `details` of an audit record: a small JSON object, members in the order given.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace signet::service {

class Details {
  public:
    Details& add(std::string_view name, std::string_view value);
    Details& add(std::string_view name, const char* value) { return add(name, std::string_view(value)); }
    Details& add(std::string_view name, std::uint64_t value);
    std::string text() const { return out_ + "}"; }

  private:
    void member(std::string_view name);
    std::string out_ = "{";
};

}  // namespace signet::service
