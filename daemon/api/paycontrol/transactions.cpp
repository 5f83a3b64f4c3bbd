// Chapter Transactions.
#include "base/encoding.h"
#include "daemon/api/json.h"
#include "daemon/api/paycontrol/body.h"
#include "daemon/api/paycontrol/callbacks.h"
#include "daemon/api/paycontrol/ending.h"
#include "daemon/api/paycontrol/expiry.h"
#include "daemon/api/paycontrol/lookup.h"
#include "daemon/api/paycontrol/push.h"
#include "daemon/api/paycontrol/routes.h"
#include "daemon/api/paycontrol/transaction_answers.h"
#include "daemon/api/paycontrol/transaction_input.h"
#include "daemon/api/paycontrol/transaction_lookup.h"
#include "daemon/service/details.h"
#include "sqlite/read_pool.h"

#include <charconv>

namespace signet::api::paycontrol {
namespace {

namespace store = sqlite::paycontrol_transaction_store;
using sqlite::PcTransaction;

constexpr std::size_t kSmall = std::size_t{64} << 10;  // scoring included
constexpr std::size_t kCreate = kMaxBinary / 3 * 4 + (std::size_t{64} << 10);
constexpr std::size_t kMaxListed = 1000;
constexpr std::size_t kMaxAttempts = 100;

std::string object_of(const PcTransaction& transaction) {
    return "paycontrol/" + transaction.system_id + "/" + transaction.user_id + "/" +
           transaction.transaction_id;
}

Outcome<Reply> create_transaction(Call& call) {
    SIGNET_ASSIGN(const auto owner, user_of(call, Need::usable));
    SIGNET_ASSIGN(const auto body, read_body(call.exchange));
    SIGNET_ASSIGN(auto transaction, read_transaction(call, owner, body));
    call.event.transaction_id = transaction.transaction_id;
    // Also says whether a QR code can show it, before anything is kept.
    SIGNET_ASSIGN(const auto answer, transaction_info(transaction, {}, call.context.now()));
    const auto details = service::Details()
                             .add("type", to_string(transaction.type))
                             .add("data", to_hex(transaction.data_hash));
    SIGNET_TRY(call.commit(object_of(transaction), details, [&](sqlite::Transaction& t) -> Outcome<void> {
        auto row = store::insert(t, transaction);
        if (!row && row.error().code == ErrorCode::already_exists)
            return fail(Code::transaction_is_not_unique);
        SIGNET_TRY(row);
        if (!transaction.push) return {};
        SIGNET_TRY(enqueue_push(call.context, t,
                                {.system = owner.system,
                                 .user = owner.user,
                                 .transaction_id = transaction.transaction_id,
                                 .transaction_row = *row,
                                 .text = transaction.snippet.value_or("")}));
        return {};
    }));
    return Reply{"transaction_created", answer};
}

using Judge = std::function<Outcome<Ending>(const UserOf&, PcTransaction)>;

// Confirm, autosign, decline and cancel: judged, then settled by whoever comes first.
Outcome<Reply> end_transaction(Call& call, const Judge& judge) {
    SIGNET_ASSIGN(const auto owner, user_of(call, Need::usable));
    SIGNET_ASSIGN(auto transaction, transaction_of(call, owner));
    const auto object = object_of(transaction);
    const auto before = transaction.status;
    SIGNET_ASSIGN(auto ending, judge(owner, std::move(transaction)));
    // Those of an operation end together, with its one callback.
    if (ending.result == Code::transaction_expired && !ending.transaction.ended &&
        !ending.transaction.operation)
        SIGNET_TRY(expire(call.context, ending.transaction));
    if (ending.result != Code::normal && !ending.tried)
        return std::unexpected(Failure(ending.result, ending.message));

    call.event.result = ending.result;
    const bool confirmed =
        ending.outcome == sqlite::PcOutcome::confirmed || ending.outcome == sqlite::PcOutcome::autosigned;
    if (ending.result == Code::normal) {
        call.event.previous = R"({"status":")" + std::string(to_string(before)) + "\"}";
        call.event.current = confirmed ? R"({"status":"confirmed"})" : R"({"status":"declined"})";
    }
    const auto details = service::Details()
                             .add("data", to_hex(ending.transaction.data_hash))
                             .add("result", std::uint64_t{static_cast<std::uint16_t>(ending.result)})
                             .add("reason", ending.reason);
    const bool right = ending.result == Code::normal;
    SIGNET_TRY(call.commit(object, details, [&](sqlite::Transaction& t) -> Outcome<void> {
        SIGNET_TRY(settle(call.context, t, ending, call.event.event_id));
        if (!right) return {};
        if (ending.result != Code::normal) return std::unexpected(Failure(ending.result, ending.message));
        SIGNET_ASSIGN(const auto event, embedded_event(call, t));
        return tell(call.context, t, {ending}, event);
    }));
    if (!right) return std::unexpected(Failure(ending.result, ending.message));
    return Reply{};
}

Outcome<Reply> confirm_transaction(Call& call) {
    SIGNET_ASSIGN(const auto body, read_body(call.exchange));
    SIGNET_ASSIGN(const auto request, read_confirm(call, body));
    return end_transaction(call, [&](const UserOf& owner, PcTransaction transaction) {
        return judge_confirm(call, owner, std::move(transaction), request);
    });
}

Outcome<Reply> autosign_transaction(Call& call) {
    SIGNET_ASSIGN(const auto body, read_body(call.exchange));
    SIGNET_ASSIGN(const auto request, read_confirm(call, body));
    return end_transaction(call, [&](const UserOf& owner, PcTransaction transaction) {
        return judge_autosign(call, owner, std::move(transaction), request);
    });
}

Outcome<Reply> decline_transaction(Call& call) {
    SIGNET_ASSIGN(const auto body, read_body(call.exchange));
    SIGNET_ASSIGN(const auto request, read_decline(call, body));
    if (request.reason == "canceled") call.event.request_type = "cancel_transaction";
    return end_transaction(call, [&](const UserOf& owner, PcTransaction transaction) {
        return judge_decline(call, owner, std::move(transaction), request);
    });
}

Outcome<Reply> list(Call& call, bool autosign_only) {
    SIGNET_ASSIGN(const auto owner, user_of(call, Need::unlocked));
    SIGNET_ASSIGN(const auto db, call.services().readers.lease());
    SIGNET_ASSIGN(const auto ids, store::unfinished(*db, owner.system.system_id, owner.user.user_id,
                                                    autosign_only, call.context.now(), kMaxListed));
    JsonWriter json(64 + ids.size() * 48);
    json.begin_array();
    for (const auto& id : ids)
        json.text(id);
    json.end_array();
    return Reply{"transaction_list", json.take()};
}

Outcome<Reply> list_transactions(Call& call) {
    return list(call, false);
}

Outcome<Reply> list_autosign(Call& call) {
    return list(call, true);
}

Outcome<Reply> get_transaction(Call& call) {
    SIGNET_ASSIGN(const auto owner, user_of(call, Need::present));
    SIGNET_ASSIGN(const auto transaction, transaction_of(call, owner));
    SIGNET_ASSIGN(const auto attempts, [&]() -> Outcome<std::vector<sqlite::PcConfirmAttempt>> {
        SIGNET_ASSIGN(const auto db, call.services().readers.lease());
        SIGNET_ASSIGN(auto found, store::attempts(*db, transaction.id, kMaxAttempts));
        return found;
    }());
    SIGNET_ASSIGN(auto answer, transaction_info(transaction, attempts, call.context.now()));
    return Reply{"transaction_info", std::move(answer)};
}

Outcome<Reply> get_scoring_details(Call& call) {
    SIGNET_ASSIGN(const auto owner, user_of(call, Need::present));
    const auto& text = call.exchange.parameter("attempt");
    std::int64_t id = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (error != std::errc{} || end != text.data() + text.size()) return fail(Code::attempt_id_is_null);
    SIGNET_ASSIGN(const auto db, call.services().readers.lease());
    SIGNET_ASSIGN(const auto attempt,
                  store::find_attempt(*db, owner.system.system_id, owner.user.user_id, id));
    if (!attempt) return fail(Code::no_result);
    if (attempt->scoring_details.empty() && attempt->scoring.empty())
        return fail(Code::scoring_settings_is_null);
    return Reply{"scoring_details",
                 attempt->scoring_details.empty() ? attempt->scoring : attempt->scoring_details};
}

// Whoever fetches the data has seen it: the status says so.
Outcome<void> mark_data_sent(Call& call, const PcTransaction& transaction) {
    if (transaction.ended || transaction.status >= sqlite::PcStatus::data_sent) return {};
    return call.commit(object_of(transaction), service::Details().add("status", "dataSent"),
                       [&](sqlite::Transaction& t) -> Outcome<void> {
                           SIGNET_TRY(store::advance(t, transaction.id, sqlite::PcStatus::data_sent));
                           return {};
                       });
}

Outcome<Reply> get_data(Call& call) {
    SIGNET_ASSIGN(const auto owner, user_of(call, Need::unlocked));
    SIGNET_ASSIGN(const auto transaction, transaction_of(call, owner));
    SIGNET_TRY(mark_data_sent(call, transaction));
    JsonWriter json(512 + transaction.text.size());
    json.begin_object();
    json.member("extended_check", transaction.extended);
    write_data(json, transaction, owner.system);
    json.member("confirm_code_length",
                transaction.code_length ? std::int64_t{*transaction.code_length} : std::int64_t{-1});
    if (transaction.snippet) write_shown(json, "snippet", *transaction.snippet, transaction.snippet_markdown);
    if (transaction.app_extra) json.member("app_extra", filled_extra(transaction));
    json.end_object();
    return Reply{"transaction_data", json.take()};
}

Outcome<Reply> get_binary_data(Call& call) {
    SIGNET_ASSIGN(const auto owner, user_of(call, Need::unlocked));
    SIGNET_ASSIGN(const auto transaction, transaction_of(call, owner));
    if (transaction.binary.empty()) return fail(Code::no_result);
    http::Response response;
    response.content_type = "application/octet-stream";
    response.body = as_text(transaction.binary);
    return Reply{.whole = std::move(response)};
}

}  // namespace

Outcome<PcTransaction> transaction_of(Call& call, const UserOf& owner) {
    const auto& id = call.exchange.parameter("transaction");
    SIGNET_ASSIGN(const auto db, call.services().readers.lease());
    SIGNET_ASSIGN(auto found, store::find(*db, owner.system.system_id, owner.user.user_id, id));
    if (!found) return fail(Code::transaction_is_null);
    call.event.transaction_id = found->transaction_id;
    return *std::move(found);
}

std::vector<Row> transaction_rows() {
    using enum http::Verb;
    // clang-format off
    return {
        {post, "/{system}/users/{user}/transactions", "paycontrol.transactions.create", For::applications, kCreate, "create_transaction", create_transaction, "Create a transaction"},
        {get, "/{system}/users/{user}/transactions/get_list", "paycontrol.transactions.read", For::both, 0, "get_transactions_list", list_transactions, "Transactions that wait for the user"},
        {get, "/{system}/users/{user}/transactions/get_autoconfirm_list", "paycontrol.transactions.read", For::both, 0, "get_autoconfirm_list", list_autosign, "Those of them that may be signed automatically"},
        {get, "/{system}/users/{user}/transactions/attempts/{attempt}/scoring_details", "paycontrol.transactions.read", For::applications, 0, "get_scoring_details", get_scoring_details, "What the scoring provider said of an attempt"},
        {get, "/{system}/users/{user}/transactions/{transaction}", "paycontrol.transactions.read", For::both, 0, "get_transaction_info", get_transaction, "A transaction, with attempts to confirm it"},
        {get, "/{system}/users/{user}/transactions/{transaction}/get_data", "paycontrol.transactions.read", For::both, 0, "get_transaction_data", get_data, "What is to be confirmed"},
        {get, "/{system}/users/{user}/transactions/{transaction}/get_binary_data", "paycontrol.transactions.read", For::both, 0, "get_transaction_binary_data", get_binary_data, "Its binary part"},
        {post, "/{system}/users/{user}/transactions/{transaction}/confirm", "paycontrol.transactions.confirm", For::both, kSmall, "confirm_transaction", confirm_transaction, "Confirm a transaction"},
        {post, "/{system}/users/{user}/transactions/{transaction}/autoconfirm", "paycontrol.transactions.confirm", For::both, kSmall, "autoconfirm_transaction", autosign_transaction, "Confirm a transaction by automatic signature"},
        {post, "/{system}/users/{user}/transactions/{transaction}/decline", "paycontrol.transactions.decline", For::both, kSmall, "decline_transaction", decline_transaction, "Decline or cancel a transaction"},
    };
    // clang-format on
}

}  // namespace signet::api::paycontrol
