#include "daemon/api/paycontrol/transaction_input.h"

#include <algorithm>
#include <array>
#include <boost/json/value.hpp>

#include "base/encoding.h"
#include "base/random.h"
#include "daemon/api/paycontrol/body.h"
#include "daemon/api/reach.h"
#include "daemon/config/paycontrol.h"
#include "daemon/paycontrol/codes.h"
#include "daemon/paycontrol/tlv.h"

namespace signet::api::paycontrol {
namespace {

namespace core = signet::paycontrol;
using sqlite::PcDataType;
using sqlite::PcTransaction;
using sqlite::PcType;

constexpr std::size_t kMaxSnippet = 1024;
constexpr std::size_t kMaxId = 128;
constexpr std::size_t kMaxExtra = 8192;
constexpr std::int64_t kMaxInterval = 365 * 86400;

struct TypeName {
    PcType type;
    std::string_view name;
};
constexpr std::array kTypes{TypeName{PcType::undefined, "UNDEFINED"},
                            TypeName{PcType::login, "LOGIN"},
                            TypeName{PcType::payment, "PAYMENT"},
                            TypeName{PcType::sign_document, "SIGN_DOCUMENT"},
                            TypeName{PcType::operation, "OPERATION"},
                            TypeName{PcType::with_backend_check, "WITH_BACKEND_CHECK"},
                            TypeName{PcType::csr, "CSR"},
                            TypeName{PcType::cms, "CMS"},
                            TypeName{PcType::pdf, "PDF"}};

std::unexpected<Failure> incorrect(std::string_view why) {
    return fail(Code::json_request_incorrect, why);
}

// A text, or an object that a client forgot to make a text of.
Outcome<std::string> text_of_data(const JsonObject& data) {
    const auto* const value = data.raw().if_contains("text");
    if (value == nullptr || value->is_null()) return std::string();
    if (value->is_object()) {
        SIGNET_ASSIGN(auto text, data.serialized("text"));
        return text;
    }
    if (!value->is_string()) return incorrect("transaction_data.text: expected text");
    return std::string(value->get_string());
}

Outcome<bool> read_markdown(const JsonObject& shown) {
    SIGNET_ASSIGN(const auto type, text_or_empty(shown, "text_render_type", 32));
    if (type.empty() || type == "raw") return false;
    if (type == "markdown") return true;
    return incorrect("text_render_type: expected raw or markdown");
}

// It stands in paths, and two of the names have a meaning there.
bool is_transaction_id(std::string_view id) {
    constexpr std::array<std::string_view, 3> kReserved{"get_list", "get_autoconfirm_list", "attempts"};
    return id.size() <= kMaxId && std::ranges::find(kReserved, id) == kReserved.end() && id != "." &&
           id != ".." && std::ranges::all_of(id, [](char c) {
               return c > 0x20 && c < 0x7F && c != '/' && c != '%' && c != '"';
           });
}

Outcome<PcType> read_type(Call& call, const JsonObject& body) {
    SIGNET_ASSIGN(const auto name, text_or_empty(body, "transaction_type", 64));
    if (name.empty()) return PcType::undefined;
    const auto type = transaction_type_from(name);
    if (!type) return fail(Code::incorrect_transaction_type);
    if (*type == PcType::with_backend_check && call.context.settings()->backend_check_url.empty())
        return fail(Code::not_supported, "no backend check is configured");
    // These need a certificate authority for users.
    if (*type == PcType::csr || *type == PcType::cms || *type == PcType::pdf)
        return fail(Code::no_pki_settings_defined);
    return *type;
}

Outcome<bool> read_autosign(const JsonObject& body) {
    // The document spells it both ways.
    SIGNET_ASSIGN(const bool misspelt, flag_of(body, "autosing_enabled"));
    return flag_of(body, "autosign_enabled", misspelt);
}

}  // namespace

std::string_view to_string(PcType type) {
    const auto* const found = std::ranges::find(kTypes, type, &TypeName::type);
    return found == kTypes.end() ? "UNDEFINED" : found->name;
}

std::optional<PcType> transaction_type_from(std::string_view name) {
    const auto* const found = std::ranges::find(kTypes, name, &TypeName::name);
    if (found == kTypes.end()) return std::nullopt;
    return found->type;
}

Outcome<void> read_data(const JsonObject& body, PcTransaction& out) {
    const auto* const given = body.raw().if_contains("transaction_data");
    if (given == nullptr || given->is_null()) return fail(Code::transaction_data_is_null);
    if (!given->is_object()) return incorrect("transaction_data: expected an object");
    SIGNET_ASSIGN(const auto data, body.object("transaction_data"));
    SIGNET_ASSIGN(out.text, text_of_data(data));
    if (out.text.size() > kMaxText) return fail(Code::transaction_data_error, "the text is over 10 KiB");
    SIGNET_ASSIGN(out.markdown, read_markdown(data));
    SIGNET_ASSIGN(const auto encoded, text_or_empty(data, "binary_data", kMaxBinary / 3 * 4 + 4));
    auto binary = from_base64_wrapped(encoded);
    if (!binary) return fail(Code::transaction_data_error, "binary_data is not base64");
    out.binary = *std::move(binary);
    if (out.text.empty() && out.binary.empty()) return fail(Code::transaction_data_is_null);
    out.data_type = out.binary.empty() ? PcDataType::text
                    : out.text.empty() ? PcDataType::binary
                                       : PcDataType::combined;
    const auto hash = core::data_hash(out.text, out.binary);
    out.data_hash.assign(hash.begin(), hash.end());
    return {};
}

Outcome<std::optional<Shown>> read_shown(const JsonObject& body, std::string_view name) {
    const auto* const given = body.raw().if_contains(name);
    if (given == nullptr || given->is_null()) return std::nullopt;
    if (!given->is_object()) return incorrect(std::string(name) + ": expected an object");
    SIGNET_ASSIGN(const auto object, body.object(name));
    Shown shown;
    SIGNET_ASSIGN(shown.text, required_text(object, "text", Code::json_request_incorrect, kMaxSnippet));
    SIGNET_ASSIGN(shown.markdown, read_markdown(object));
    return shown;
}

Outcome<void> read_snippet(const JsonObject& body, PcTransaction& out) {
    SIGNET_ASSIGN(auto shown, read_shown(body, "snippet"));
    if (!shown) return {};
    out.snippet = std::move(shown->text);
    out.snippet_markdown = shown->markdown;
    return {};
}

Outcome<std::optional<std::uint32_t>> read_code_length(const JsonObject& body, bool full) {
    const auto length = number_of(body, "confirm_code_length", -1, 1'000'000);
    if (!length) return fail(Code::confirm_code_length_is_wrong);
    if (!*length) return std::nullopt;
    const bool is_short = **length >= core::kShortestCode && **length <= core::kLongestCode;
    if (!is_short && !(full && **length == core::kFullCode)) return fail(Code::confirm_code_length_is_wrong);
    return static_cast<std::uint32_t>(**length);
}

Outcome<std::uint32_t> read_interval(const JsonObject& body, std::uint32_t otherwise) {
    SIGNET_ASSIGN(const auto interval, number_of(body, "time_sampling_interval", 1, kMaxInterval));
    return static_cast<std::uint32_t>(interval.value_or(otherwise));
}

Outcome<bool> read_push(const JsonObject& body) {
    SIGNET_ASSIGN(const auto type, text_or_empty(body, "notification_type", 32));
    if (type.empty() || type == "Offline") return false;
    if (type == "Push") return true;
    return fail(Code::confirm_type_is_null, "expected Push or Offline");
}

Outcome<std::uint32_t> read_ttl(Call& call, const JsonObject& body) {
    SIGNET_ASSIGN(const auto ttl, number_of(body, "ttl", 0, kMaxTtl));
    return static_cast<std::uint32_t>(ttl.value_or(call.context.settings()->default_ttl.count()));
}

Outcome<std::string> read_callback_url(Call& call, const JsonObject& body) {
    SIGNET_ASSIGN(auto url, text_or_empty(body, "callback_url", 2048));
    if (url.empty()) return url;
    if (const auto usable = call.services().reach.check("paycontrol", url); !usable)
        return incorrect("callback_url: " + usable.error().message);
    return url;
}

Outcome<std::optional<std::string>> read_template(const JsonObject& body, std::string_view name) {
    SIGNET_ASSIGN(auto text, text_or_empty(body, name, kMaxTemplate));
    if (text.empty()) return std::nullopt;
    return text;
}

Outcome<std::optional<std::string>> read_app_extra(const JsonObject& body) {
    if (!body.has("app_extra")) return std::nullopt;
    const auto* const value = body.raw().if_contains("app_extra");
    std::string text;
    if (value->is_object()) {
        SIGNET_ASSIGN(text, body.serialized("app_extra"));
    } else {
        SIGNET_ASSIGN(text, text_or_empty(body, "app_extra", kMaxExtra));
    }
    if (text.size() > kMaxExtra) return incorrect("app_extra: over 8 KiB");
    return text;
}

Outcome<PcTransaction> read_transaction(Call& call, const UserOf& owner, const JsonObject& body) {
    PcTransaction out;
    out.system_id = owner.system.system_id;
    out.user_id = owner.user.user_id;
    out.created = call.context.now();
    SIGNET_TRY(read_data(body, out));
    SIGNET_TRY(read_snippet(body, out));
    SIGNET_ASSIGN(out.push, read_push(body));
    SIGNET_ASSIGN(out.callback_url, read_callback_url(call, body));
    SIGNET_ASSIGN(out.transaction_id, text_or_empty(body, "transaction_id", 4096));
    if (out.transaction_id.empty()) out.transaction_id = random_uuid();
    if (!is_transaction_id(out.transaction_id))
        return incorrect(
            "transaction_id: expected at most 128 printable characters without '/', '%' and '\"'");
    SIGNET_ASSIGN(const auto length, read_code_length(body, true));
    out.code_length = length.value_or(kDefaultCodeLength);
    SIGNET_ASSIGN(out.ttl, read_ttl(call, body));
    if (out.ttl != 0) out.expires = out.created + std::chrono::seconds(out.ttl);
    SIGNET_ASSIGN(out.extended, flag_of(body, "extended_check"));
    SIGNET_ASSIGN(out.autosign, read_autosign(body));
    SIGNET_ASSIGN(out.type, read_type(call, body));
    SIGNET_ASSIGN(out.url_template, read_template(body, "url_template"));
    SIGNET_ASSIGN(out.app_start, read_template(body, "app_start_deeplink_template"));
    SIGNET_ASSIGN(out.app_extra, read_app_extra(body));
    SIGNET_ASSIGN(out.deeplink_only, flag_of(body, "deeplink_only"));
    return out;
}

}  // namespace signet::api::paycontrol
