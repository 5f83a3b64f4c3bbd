#include "daemon/service/details.h"

#include <boost/json.hpp>

namespace signet::service {

void Details::member(std::string_view name) {
    if (out_.size() > 1) out_ += ',';
    out_.append("\"").append(name).append("\":");
}

Details& Details::add(std::string_view name, std::string_view value) {
    member(name);
    out_ += boost::json::serialize(boost::json::string_view(value.data(), value.size()));
    return *this;
}

Details& Details::add(std::string_view name, std::uint64_t value) {
    member(name);
    out_ += std::to_string(value);
    return *this;
}

}  // namespace signet::service
