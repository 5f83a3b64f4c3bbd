#include "daemon/service/intents.h"

#include <boost/json.hpp>
#include <charconv>

namespace signet::service {

std::string intent_parameters(const GenerateKeyRequest& request, bool activate,
                              std::optional<SystemTime> not_after) {
    boost::json::object out;
    out["algorithm"] = to_string(request.algorithm);
    out["usages"] = to_string(request.usages);
    out["activate"] = activate;
    if (not_after) out["not_after"] = to_rfc3339(*not_after);
    return boost::json::serialize(out);
}

Result<GenerateIntent> parse_intent_parameters(std::string_view json) {
    boost::system::error_code failure;
    const auto value = boost::json::parse(boost::json::string_view(json.data(), json.size()), failure);
    const auto* const object = failure ? nullptr : value.if_object();
    const auto* const activate = object != nullptr ? object->if_contains("activate") : nullptr;
    if (activate == nullptr || !activate->is_bool())
        return fail(ErrorCode::internal, "an intent in the database is not readable", std::string(json));
    GenerateIntent out;
    out.activate = activate->get_bool();
    if (const auto* const not_after = object->if_contains("not_after");
        not_after != nullptr && not_after->is_string()) {
        const auto& text = not_after->get_string();
        out.not_after = from_rfc3339(std::string_view(text.data(), text.size()));
    }
    return out;
}

Result<KeyId> key_id_from(std::string_view text) {
    const auto slash = text.rfind('/');
    KeyId id;
    if (slash != std::string_view::npos) {
        id.label = text.substr(0, slash);
        const auto digits = text.substr(slash + 1);
        const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), id.version);
        if (failure == std::errc{} && end == digits.data() + digits.size() && check_label(id.label))
            return id;
    }
    return fail(ErrorCode::internal, "an intent in the database names no key", std::string(text));
}

}  // namespace signet::service
