#include "daemon/api/paycontrol/transaction_answers.h"

#include "base/encoding.h"
#include "daemon/api/paycontrol/qr.h"
#include "daemon/api/paycontrol/templates.h"
#include "daemon/api/paycontrol/transaction_input.h"

namespace signet::api::paycontrol {
namespace {

using sqlite::PcDataType;
using sqlite::PcTransaction;

constexpr int kTransactionVersion = 4;
constexpr std::size_t kMaxOfflineText = 2048;  // bytes; what a QR code shows so that a camera still reads it

std::string_view to_string(PcDataType type) {
    switch (type) {
        case PcDataType::text:
            return "TEXT";
        case PcDataType::binary:
            return "BINARY";
        case PcDataType::combined:
            return "COMBINED";
        case PcDataType::empty:
            return "EMPTY";
    }
    return "EMPTY";
}

std::string_view render_type(bool markdown) {
    return markdown ? "markdown" : "raw";
}

// What a device that is offline needs to know.
std::string offline_json(const PcTransaction& transaction) {
    JsonWriter json(256 + transaction.text.size());
    json.begin_object();
    json.member("pc_transaction_version", kTransactionVersion);
    json.member("system_id", transaction.system_id);
    json.member("user_id", transaction.user_id);
    json.member("transaction_id", transaction.transaction_id);
    json.member("text", transaction.text);
    if (transaction.markdown) json.member("text_render_type", "markdown");
    if (transaction.snippet) json.member("snippet", *transaction.snippet);
    if (transaction.code_length) json.member("confirm_code_length", *transaction.code_length);
    json.end_object();
    return json.take();
}

struct Links {
    std::string qr;         // GIF, base64
    std::string deep_link;  // by url_template
};

Outcome<Links> links_of(const PcTransaction& transaction) {
    Links links;
    if (transaction.data_type != PcDataType::text || transaction.ended) return links;
    const auto offline = offline_json(transaction);
    if (transaction.url_template)
        links.deep_link =
            fill_template(*transaction.url_template, {{"SYSTEM_ID", transaction.system_id},
                                                      {"USER_ID", transaction.user_id},
                                                      {"TRANSACTION_ID", transaction.transaction_id},
                                                      {"TRANSACTION_URLENCODED", url_encoded(offline)},
                                                      {"TRANSACTION_BASE64", to_base64(as_bytes(offline))}});
    if (transaction.deeplink_only && transaction.url_template) return links;
    auto gif = transaction.text.size() > kMaxOfflineText
                   ? Outcome<std::string>(fail(Code::qr_generation_error))
                   : qr_gif(links.deep_link.empty() ? offline : links.deep_link);
    if (gif)
        links.qr = to_base64(as_bytes(*gif));
    else if (gif.error().code != Code::qr_generation_error || !transaction.push)
        return std::unexpected(std::move(gif).error());
    // A device that gets a push fetches the text; that no code can show it is no fault.
    return links;
}

void write_attempts(JsonWriter& json, const PcTransaction& transaction,
                    const std::vector<sqlite::PcConfirmAttempt>& attempts) {
    json.key("confirm_attempts");
    json.begin_array();
    for (const auto& attempt : attempts) {
        const auto code = static_cast<Code>(attempt.result);
        json.begin_object();
        json.member("data_hash", to_hex(transaction.data_hash));
        json.member("event_id", attempt.event_id);
        json.member("confirm_result",
                    code == Code::normal ? std::string_view("SUCCESS") : describe(code).name);
        if (!attempt.signature.empty()) json.member("signature", attempt.signature);
        if (!attempt.confirm_code.empty()) json.member("confirm_code", attempt.confirm_code);
        if (!attempt.gost_imit.empty()) json.member("gost_imit", attempt.gost_imit);
        if (!attempt.scoring.empty()) json.member_raw("scoring_results", attempt.scoring);
        if (!attempt.scoring_settings.empty()) json.member_raw("scoring_settings", attempt.scoring_settings);
        json.member("created_at", to_unix_ms(attempt.created) / 1000);
        json.member("confirm_attempt_id", attempt.id);
        json.end_object();
    }
    json.end_array();
}

std::string binary_url(const PcTransaction& transaction, const sqlite::PayControlSystem& system) {
    std::string url = system.external_url.empty() ? "/pc-client-api/" : system.external_url;
    if (!url.ends_with('/')) url += '/';
    return url + "jsonrequest_v3/" + url_encoded(transaction.system_id) + "/users/" +
           url_encoded(transaction.user_id) + "/transactions/" + url_encoded(transaction.transaction_id) +
           "/get_binary_data";
}

}  // namespace

std::string_view to_string(sqlite::PcStatus status) {
    switch (status) {
        case sqlite::PcStatus::initialized:
            return "initialized";
        case sqlite::PcStatus::push_sent:
            return "pushSent";
        case sqlite::PcStatus::data_sent:
            return "dataSent";
        case sqlite::PcStatus::confirmed:
            return "confirmed";
        case sqlite::PcStatus::declined:
            return "declined";
    }
    return "initialized";
}

std::string filled_extra(const PcTransaction& transaction) {
    return fill_template(*transaction.app_extra, {{"SYSTEM_ID", transaction.system_id},
                                                  {"USER_ID", transaction.user_id},
                                                  {"TRANSACTION_ID", transaction.transaction_id}});
}

Outcome<std::string> transaction_info(const PcTransaction& transaction,
                                      const std::vector<sqlite::PcConfirmAttempt>& attempts, SystemTime now) {
    SIGNET_ASSIGN(const auto links, links_of(transaction));
    // Its time may be over before anybody has written so.
    const bool expired = !transaction.ended && transaction.expires && *transaction.expires <= now;
    JsonWriter json(1024 + links.qr.size());
    json.begin_object();
    json.member("transaction_id", transaction.transaction_id);
    if (!attempts.empty()) write_attempts(json, transaction, attempts);
    json.member("user_id", transaction.user_id);
    json.member("system_id", transaction.system_id);
    json.member("extended_check", transaction.extended);
    json.member("autosign_enabled", transaction.autosign);
    json.member("pc_transaction_version", kTransactionVersion);
    json.member("data_type", to_string(transaction.data_type));
    json.member("confirm_type", transaction.push ? "PUSH" : "OFFLINE");
    json.member("confirm_code_length",
                transaction.code_length ? std::int64_t{*transaction.code_length} : std::int64_t{-1});
    json.member("ttl", transaction.ttl);
    if (transaction.type != sqlite::PcType::undefined) json.member("type", to_string(transaction.type));
    if (!links.qr.empty()) json.member("transaction_qr", links.qr);
    if (!links.deep_link.empty()) json.member("transaction_deep_link", links.deep_link);
    if (transaction.app_start && !transaction.ended)
        json.member("app_start_deeplink",
                    fill_template(*transaction.app_start, {{"SYSTEM_ID", transaction.system_id},
                                                           {"USER_ID", transaction.user_id},
                                                           {"TRANSACTION_ID", transaction.transaction_id}}));
    if (transaction.app_extra) json.member("app_extra", filled_extra(transaction));
    json.member("status", to_string(expired ? sqlite::PcStatus::declined : transaction.status));
    json.end_object();
    return json.take();
}

void write_data(JsonWriter& json, const PcTransaction& transaction, const sqlite::PayControlSystem& system) {
    if (!transaction.text.empty()) {
        json.member("text", transaction.text);
        json.member("text_render_type", render_type(transaction.markdown));
    }
    if (!transaction.binary.empty()) json.member("binary_data_url", binary_url(transaction, system));
}

void write_shown(JsonWriter& json, std::string_view name, std::string_view text, bool markdown) {
    json.key(name);
    json.begin_object();
    json.member("text", text);
    json.member("text_render_type", render_type(markdown));
    json.end_object();
}

}  // namespace signet::api::paycontrol
