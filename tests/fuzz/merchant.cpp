#include "tests/fuzz/merchant.h"

#include <cstdlib>

#include "base/encoding.h"
#include "daemon/api/json.h"
#include "daemon/api/mypos/message.h"
#include "daemon/http/basic.h"
#include "daemon/http/form.h"

namespace signet::testing {
namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

void check_credentials(std::string_view input) {
    if (const auto basic = http::parse_basic(input)) {
        require(!basic->user.empty() && basic->user.size() <= 256 && !basic->user.contains(':'));
        require(!basic->password.empty() && basic->password.size() <= 256);
        const auto text = basic->user + ":" + std::string(basic->password.text());
        require(is_utf8(text));
        const auto again = http::parse_basic("Basic " + to_base64(as_bytes(text)));
        require(again && again->user == basic->user && again->password.text() == basic->password.text());
    }
    // Whatever the field holds, its base64 is read as well.
    const auto wrapped = http::parse_basic("Basic " + to_base64(as_bytes(input)));
    const auto colon = input.find(':');
    if (wrapped) require(colon != std::string_view::npos && wrapped->user == input.substr(0, colon));
    if (const auto token = http::parse_bearer(input)) require(!token->empty() && token->size() <= 8192);
}

void check_message(const Result<api::mypos::Message>& message) {
    if (!message) return;
    require(message->fields.size() <= api::mypos::kMaxFields);
    require(from_base64(api::mypos::canonical(*message)).has_value());
    if (const auto unescaped = api::mypos::canonical_unescaped(*message))
        require(*unescaped != api::mypos::canonical(*message));
    // Written as a form, or as an array of pairs, it has the same canonical form.
    std::string form;
    api::JsonWriter json;
    json.begin_array();
    bool named = true;
    for (const auto& [name, value] : message->fields) {
        named = named && !name.empty() && name.size() <= 256 && value.find('\0') == std::string::npos;
        form += (form.empty() ? "" : "&") + http::percent_encode(name) + "=" + http::percent_encode(value);
        json.begin_array();
        json.text(name);
        json.text(value);
        json.end_array();
    }
    json.end_array();
    if (!named || form.size() > api::mypos::kMaxMessage || json.view().size() > api::mypos::kMaxMessage)
        return;
    const auto as_form = api::mypos::read_form(form);
    const auto as_json = api::mypos::read_json(json.view());
    require(as_form && api::mypos::canonical(*as_form) == api::mypos::canonical(*message));
    require(as_json && api::mypos::canonical(*as_json) == api::mypos::canonical(*message));
}

}  // namespace

void fuzz_merchant(ByteView input) {
    const auto text = as_text(input);
    check_credentials(text);
    check_message(api::mypos::read_form(text));
    check_message(api::mypos::read_json(text));
    // Replacing entities never makes text longer.
    require(api::mypos::html_unescaped(text).size() <= text.size());
}

}  // namespace signet::testing
