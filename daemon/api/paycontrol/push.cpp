#include "daemon/api/paycontrol/push.h"

#include <charconv>

#include "base/log.h"
#include "daemon/api/json.h"
#include "daemon/config/paycontrol.h"
#include "daemon/service/outbox.h"
#include "sqlite/paycontrol_transaction_store.h"

namespace signet::api::paycontrol {
namespace {

constexpr std::string_view kServerSigner = "ServerSigner";
// A notification that comes hours late helps nobody.
constexpr auto kGiveUp = std::chrono::minutes(30);

void write_names(JsonWriter& json, const PushRequest& request) {
    json.member("system_id", request.system.system_id);
    json.member("user_id", request.user.user_id);
    if (!request.transaction_id.empty()) json.member("transaction_id", request.transaction_id);
    if (!request.operation_id.empty()) json.member("operation_id", request.operation_id);
}

Status enqueue(Context& context, sqlite::Transaction& transaction, const PushRequest& request,
               std::string kind, std::string url, std::string_view body) {
    sqlite::OutboxMessage message;
    message.destination = kind + " " + url;
    message.kind = std::move(kind);
    message.url = std::move(url);
    message.body = to_bytes(body);
    message.context = std::to_string(request.transaction_row);
    SIGNET_TRY(context.services.outbox.enqueue(transaction, std::move(message)));
    return {};
}

class HttpPusher final : public Pusher {
  public:
    Result<bool> push(Context& context, sqlite::Transaction& transaction,
                      const PushRequest& request) override {
        if (request.system.internal_url.empty() || request.user.device_push_id.empty()) return false;
        JsonWriter json;
        json.begin_object();
        write_names(json, request);
        json.key("push_address");
        json.begin_object();
        json.member("device_type", request.user.device_type);
        json.member("device_push_id", request.user.device_push_id);
        if (!request.user.app_id.empty()) json.member("app_id", request.user.app_id);
        json.end_object();
        if (!request.text.empty()) json.member("text", request.text);
        json.end_object();
        SIGNET_TRY(enqueue(context, transaction, request, "paycontrol.push", request.system.internal_url,
                           json.view()));
        return true;
    }
};

class ConsolePusher final : public Pusher {
  public:
    Result<bool> push(Context&, sqlite::Transaction& transaction, const PushRequest& request) override {
        log::info("paycontrol.push", "a push for a device",
                  {{"user", request.user.user_id},
                   {"device_type", request.user.device_type},
                   {"transaction", request.transaction_id},
                   {"operation", request.operation_id}});
        if (request.transaction_row != 0)
            SIGNET_TRY(sqlite::paycontrol_transaction_store::advance(transaction, request.transaction_row,
                                                                     sqlite::PcStatus::push_sent));
        return true;
    }
};

// signer_url is that of personalize_async; what is asked here stands beside it.
std::string beside(const std::string& url, std::string_view name) {
    return url.substr(0, url.rfind('/') + 1) + std::string(name);
}

class SignerPusher final : public Pusher {
  public:
    Result<bool> push(Context& context, sqlite::Transaction& transaction,
                      const PushRequest& request) override {
        const auto url =
            request.user.signer_url.empty() ? context.settings()->signer_url : request.user.signer_url;
        if (url.empty()) return false;
        JsonWriter json;
        json.begin_object();
        write_names(json, request);
        json.end_object();
        const bool all = request.transaction_id.empty();
        SIGNET_TRY(enqueue(context, transaction, request, "paycontrol.signer",
                           beside(url, all ? "confirm_all_async" : "confirm_async"), json.view()));
        return true;
    }
};

Status mark_sent(sqlite::Transaction& transaction, const sqlite::OutboxMessage& message,
                 const service::OutboxReply&) {
    std::int64_t row = 0;
    std::from_chars(message.context.data(), message.context.data() + message.context.size(), row);
    if (row == 0) return {};
    SIGNET_TRY(sqlite::paycontrol_transaction_store::advance(transaction, row, sqlite::PcStatus::push_sent));
    return {};
}

}  // namespace

std::unique_ptr<Pusher> http_pusher() {
    return std::make_unique<HttpPusher>();
}
std::unique_ptr<Pusher> console_pusher() {
    return std::make_unique<ConsolePusher>();
}
std::unique_ptr<Pusher> signer_pusher() {
    return std::make_unique<SignerPusher>();
}

std::unique_ptr<Pusher> pusher_for(Context& context, const sqlite::PayControlUser& user) {
    if (user.device_type == kServerSigner) return signer_pusher();
    const auto settings = context.settings();
    if (settings->pusher == "http") return http_pusher();
    if (settings->pusher == "console") return console_pusher();
    return nullptr;
}

Result<bool> enqueue_push(Context& context, sqlite::Transaction& transaction, const PushRequest& request) {
    const auto pusher = pusher_for(context, request.user);
    return pusher ? pusher->push(context, transaction, request) : Result<bool>(false);
}

void register_pushers(Context& context) {
    for (const auto* const kind : {"paycontrol.push", "paycontrol.signer"})
        context.services.outbox.add_kind(kind, {.delivered = mark_sent, .give_up = kGiveUp});
}

}  // namespace signet::api::paycontrol
