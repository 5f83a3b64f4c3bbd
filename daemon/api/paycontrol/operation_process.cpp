// Process Operation: each transaction has its own result; what went well is one database transaction with one callback.
#include <algorithm>
#include <map>

#include "daemon/api/json.h"
#include "daemon/api/paycontrol/body.h"
#include "daemon/api/paycontrol/callbacks.h"
#include "daemon/api/paycontrol/ending.h"
#include "daemon/api/paycontrol/expiry.h"
#include "daemon/api/paycontrol/operation_lookup.h"
#include "daemon/service/details.h"
#include "sqlite/read_pool.h"

namespace signet::api::paycontrol {
namespace {

namespace transactions = sqlite::paycontrol_transaction_store;
using sqlite::PcTransaction;

using Parts = std::map<std::string, PcTransaction, std::less<>>;

struct Item {
    std::string transaction_id;
    bool confirm = false;
    ConfirmRequest confirmation{};
    DeclineRequest decline{};
};

Outcome<std::vector<JsonObject>> items_in(const JsonObject& body, std::string_view name) {
    if (!body.has(name)) return std::vector<JsonObject>();
    auto items = body.objects(name, kMaxParts);
    if (!items) return fail(Code::json_request_incorrect, items.error().message);
    return *std::move(items);
}

Outcome<std::vector<Item>> read_items(Call& call, const JsonObject& body) {
    std::vector<Item> items;
    SIGNET_ASSIGN(const auto confirmed, items_in(body, "confirm"));
    for (const auto& one : confirmed) {
        Item item;
        item.confirm = true;
        SIGNET_ASSIGN(item.transaction_id,
                      required_text(one, "transaction_id", Code::transaction_id_is_null, 256));
        SIGNET_ASSIGN(item.confirmation, read_confirm(call, one));
        items.push_back(std::move(item));
    }
    SIGNET_ASSIGN(const auto declined, items_in(body, "decline"));
    for (const auto& one : declined) {
        Item item;
        SIGNET_ASSIGN(item.transaction_id,
                      required_text(one, "transaction_id", Code::transaction_id_is_null, 256));
        SIGNET_ASSIGN(item.decline, read_decline(call, one));
        items.push_back(std::move(item));
    }
    if (items.empty()) return fail(Code::collection_is_empty);
    if (items.size() > kMaxParts) return fail(Code::json_request_incorrect, "over 1,000 transactions");
    return items;
}

Outcome<Parts> parts_of(Call& call, const sqlite::PcOperation& operation) {
    SIGNET_ASSIGN(const auto db, call.services().readers.lease());
    SIGNET_ASSIGN(auto all, transactions::of_operation(*db, operation.id));
    Parts parts;
    for (auto& part : all)
        parts.emplace(part.transaction_id, std::move(part));
    return parts;
}

Outcome<Ending> judge(Call& call, const UserOf& owner, const Parts& parts, const Item& item) {
    const auto found = parts.find(item.transaction_id);
    if (found == parts.end()) {
        Ending stranger;
        stranger.transaction.transaction_id = item.transaction_id;
        stranger.outcome = item.confirm                        ? sqlite::PcOutcome::confirmed
                           : item.decline.reason == "canceled" ? sqlite::PcOutcome::canceled
                                                               : sqlite::PcOutcome::declined;
        stranger.confirm_code = item.confirmation.code;
        stranger.reason = item.decline.reason;
        stranger.check_time = to_unix_ms(call.context.now()) / 1000;
        stranger.result = Code::transaction_is_not_in_operation;
        stranger.message = describe(stranger.result).text;
        return stranger;
    }
    return item.confirm ? judge_confirm(call, owner, found->second, item.confirmation)
                        : judge_decline(call, owner, found->second, item.decline);
}

std::string results(const std::vector<Ending>& endings) {
    JsonWriter json(128 * (endings.size() + 1));
    json.begin_array();
    for (const auto& ending : endings) {
        json.begin_object();
        json.member("transaction_id", ending.transaction.transaction_id);
        const auto text =
            ending.result == Code::normal ? describe(Code::normal).text : std::string_view(ending.message);
        json.member_raw("result", result_json(ending.result, text));
        json.end_object();
    }
    json.end_array();
    return json.take();
}

}  // namespace

Outcome<Reply> process_operation(Call& call) {
    SIGNET_ASSIGN(const auto owner, user_of(call, Need::usable));
    SIGNET_ASSIGN(const auto body, read_body(call.exchange));
    SIGNET_ASSIGN(const auto named, operation_of(call, owner));
    if (!named.ended && named.expires && *named.expires <= call.context.now())
        SIGNET_TRY(expire(call.context, named));
    SIGNET_ASSIGN(const auto operation, unfinished_operation_of(call, owner));
    SIGNET_ASSIGN(const auto items, read_items(call, body));
    SIGNET_ASSIGN(const auto parts, parts_of(call, operation));

    std::vector<Ending> judged;
    for (const auto& item : items) {
        SIGNET_ASSIGN(auto ending, judge(call, owner, parts, item));
        judged.push_back(std::move(ending));
    }
    auto endings = judged;
    const auto details = service::Details().add("transactions", std::uint64_t{items.size()});
    const auto object =
        "paycontrol/" + operation.system_id + "/" + operation.user_id + "/" + operation.operation_id;
    SIGNET_TRY(call.commit(object, details, [&](sqlite::Transaction& t) -> Outcome<void> {
        endings = judged;
        for (auto& ending : endings) {
            if (ending.transaction.id == 0) continue;
            SIGNET_TRY(settle(call.context, t, ending, call.event.event_id));
        }
        // What was processed, together with what could not be; nothing to tell when nothing was.
        const bool any =
            std::ranges::any_of(endings, [](const Ending& ending) { return ending.result == Code::normal; });
        if (!any) return {};
        SIGNET_ASSIGN(const auto event, embedded_event(call, t));
        return tell_operation(call.context, t, operation.id, endings, event);
    }));
    return Reply{"operation_processed", results(endings)};
}

}  // namespace signet::api::paycontrol
