#include "daemon/config/paycontrol.h"

#include "daemon/config/reader.h"

namespace signet::config {
namespace {

using namespace std::chrono_literals;

Status read_flag(const yaml::Node& parent, std::string_view key, bool& value) {
    if (const auto node = parent.optional(key)) {
        SIGNET_ASSIGN(value, node->boolean());
    }
    return {};
}

Status read_count(const yaml::Node& parent, std::string_view key, std::uint32_t& value, std::int64_t low,
                  std::int64_t high) {
    if (const auto node = parent.optional(key)) {
        SIGNET_ASSIGN(const auto number, node->integer(low, high));
        value = static_cast<std::uint32_t>(number);
    }
    return {};
}

Status read_seconds(const yaml::Node& parent, std::string_view key, std::chrono::seconds& value,
                    milliseconds low, milliseconds high) {
    if (const auto node = parent.optional(key)) {
        SIGNET_ASSIGN(const auto time, read_duration(*node, low, high));
        if (time % 1s != 0ms) return node->error("expected whole seconds");
        value = std::chrono::duration_cast<std::chrono::seconds>(time);
    }
    return {};
}

Status read_some_label(const yaml::Node& parent, std::string_view key, std::string& value) {
    if (const auto node = parent.optional(key)) {
        SIGNET_ASSIGN(value, read_label(*node));
    }
    return {};
}

Status read_url(const yaml::Node& parent, std::string_view key, std::string& value) {
    if (const auto node = parent.optional(key)) {
        SIGNET_ASSIGN(value, node->text(1024));
        if (!value.empty() && !value.starts_with("https://") && !value.starts_with("http://"))
            return node->error("expected a URL, https://…");
    }
    return {};
}

}  // namespace

Result<PayControl> read_paycontrol(const yaml::Node& node, const std::filesystem::path& directory) {
    SIGNET_TRY(node.only({"instance",          "seller_key",       "seller_public_key",
                          "default_type",      "default_ttl",      "confirm_interval",
                          "auth_interval",     "key_lifetime",     "clear_keys",
                          "clean_confirmed",   "attempts",         "collect_events",
                          "clean_events",      "events_retention", "external_methods",
                          "backend_check_url", "pusher",           "signer_url",
                          "callback_key",      "gost_imit",        "transactions_retention"}));
    PayControl out;
    if (const auto instance = node.optional("instance")) {
        SIGNET_ASSIGN(out.instance, instance->text(64));
    }
    SIGNET_TRY(read_some_label(node, "seller_key", out.seller_key));
    if (const auto file = node.optional("seller_public_key")) {
        if (!out.seller_key.empty()) return file->error("seller_key is set, too; one of the two decides");
        SIGNET_ASSIGN(out.seller_public_key, read_path(*file, directory));
    }
    SIGNET_TRY(read_count(node, "default_type", out.default_type, 0, 1));
    SIGNET_TRY(read_seconds(node, "default_ttl", out.default_ttl, 0ms, std::chrono::days{365}));
    SIGNET_TRY(read_seconds(node, "confirm_interval", out.confirm_interval, 10s, std::chrono::hours{24}));
    SIGNET_TRY(read_seconds(node, "auth_interval", out.auth_interval, 10s, std::chrono::hours{1}));
    SIGNET_TRY(read_count(node, "key_lifetime", out.key_lifetime, 1, 36'500));
    SIGNET_TRY(read_flag(node, "clear_keys", out.clear_keys));
    SIGNET_TRY(read_flag(node, "clean_confirmed", out.clean_confirmed));
    SIGNET_TRY(read_count(node, "attempts", out.attempts, 1, 100));
    SIGNET_TRY(read_flag(node, "collect_events", out.collect_events));
    SIGNET_TRY(read_flag(node, "clean_events", out.clean_events));
    if (const auto retention = node.optional("events_retention")) {
        SIGNET_ASSIGN(out.events_retention,
                      read_duration(*retention, std::chrono::days{1}, std::chrono::days{36'500}));
    }
    if (const auto retention = node.optional("transactions_retention")) {
        SIGNET_ASSIGN(out.transactions_retention,
                      read_duration(*retention, std::chrono::days{1}, std::chrono::days{36'500}));
    }
    if (const auto methods = node.optional("external_methods")) {
        SIGNET_ASSIGN(out.external_methods, methods->texts());
    }
    SIGNET_TRY(read_url(node, "backend_check_url", out.backend_check_url));
    if (const auto pusher = node.optional("pusher")) {
        SIGNET_ASSIGN(out.pusher, pusher->one_of({"http", "console", "none"}));
    }
    SIGNET_TRY(read_url(node, "signer_url", out.signer_url));
    SIGNET_TRY(read_some_label(node, "callback_key", out.callback_key));
    SIGNET_TRY(read_flag(node, "gost_imit", out.gost_imit));
    return out;
}

}  // namespace signet::config
