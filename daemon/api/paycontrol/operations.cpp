// Chapter Operations, but for Process Operation (operation_process.cpp).
#include <algorithm>

#include "base/random.h"
#include "daemon/api/json.h"
#include "daemon/api/paycontrol/body.h"
#include "daemon/api/paycontrol/callbacks.h"
#include "daemon/api/paycontrol/operation_lookup.h"
#include "daemon/api/paycontrol/push.h"
#include "daemon/api/paycontrol/routes.h"
#include "daemon/api/paycontrol/templates.h"
#include "daemon/api/paycontrol/transaction_answers.h"
#include "daemon/api/paycontrol/transaction_input.h"
#include "daemon/service/details.h"
#include "sqlite/paycontrol_operation_store.h"
#include "sqlite/paycontrol_transaction_store.h"
#include "sqlite/read_pool.h"

namespace signet::api::paycontrol {
namespace {

namespace store = sqlite::paycontrol_operation_store;
namespace transactions = sqlite::paycontrol_transaction_store;
using sqlite::PcOperation;
using sqlite::PcOperationStatus;
using sqlite::PcTransaction;

constexpr std::size_t kBody = kMaxBinary / 3 * 4 + (std::size_t{64} << 10);
constexpr std::size_t kMaxListed = 1000;
constexpr int kOperationVersion = 1;

std::string object_of(const PcOperation& operation) {
    return "paycontrol/" + operation.system_id + "/" + operation.user_id + "/" + operation.operation_id;
}

// One of `transactions`; everything else is the operation's.
Outcome<PcTransaction> read_part(const PcOperation& operation, const JsonObject& body, SystemTime now) {
    PcTransaction out;
    out.transaction_id = random_uuid();
    out.system_id = operation.system_id;
    out.user_id = operation.user_id;
    out.type = sqlite::PcType::operation;
    SIGNET_TRY(read_data(body, out));
    SIGNET_TRY(read_snippet(body, out));
    out.push = operation.push;
    out.code_length = operation.code_length;
    out.ttl = operation.ttl;
    out.expires = operation.expires;
    out.extended = operation.extended;
    out.created = now;
    return out;
}

struct Part {
    std::int64_t index = 0;
    PcTransaction transaction;
};

// `index` rises from 1, so that the answer's entries find their way back.
Outcome<std::vector<Part>> read_parts(const PcOperation& operation, const JsonObject& body, SystemTime now) {
    auto given = body.objects("transactions", kMaxParts);
    if (!given) {
        if (!body.has("transactions")) return fail(Code::collection_is_empty);
        return fail(Code::json_request_incorrect, given.error().message);
    }
    if (given->empty()) return fail(Code::collection_is_empty);
    std::vector<Part> parts;
    for (const auto& one : *given) {
        SIGNET_ASSIGN(const auto index, number_of(one, "index", 1, 1'000'000));
        const auto before = parts.empty() ? 0 : parts.back().index;
        if (!index || *index <= before || (parts.empty() && *index != 1))
            return fail(Code::create_operation_error,
                        one.where() + ".index: expected unique numbers that rise from 1");
        SIGNET_ASSIGN(auto transaction, read_part(operation, one, now));
        parts.push_back({*index, std::move(transaction)});
    }
    return parts;
}

Outcome<void> insert_parts(sqlite::Transaction& t, std::int64_t row, std::vector<Part>& parts) {
    for (auto& part : parts) {
        part.transaction.operation = row;
        SIGNET_TRY(transactions::insert(t, part.transaction));
    }
    return {};
}

void write_parts(JsonWriter& json, const std::vector<Part>& parts) {
    json.key("transactions");
    json.begin_array();
    for (const auto& part : parts) {
        json.begin_object();
        json.member("transaction_id", part.transaction.transaction_id);
        json.member("index", part.index);
        json.end_object();
    }
    json.end_array();
}

Outcome<PcOperation> read_operation(Call& call, const UserOf& owner, const JsonObject& body) {
    PcOperation out;
    out.operation_id = random_uuid();
    out.system_id = owner.system.system_id;
    out.user_id = owner.user.user_id;
    out.created = call.context.now();
    SIGNET_ASSIGN(const auto description, read_shown(body, "description"));
    if (description) {
        out.description = description->text;
        out.markdown = description->markdown;
    }
    SIGNET_ASSIGN(out.push, read_push(body));
    SIGNET_ASSIGN(out.callback_url, read_callback_url(call, body));
    SIGNET_ASSIGN(out.ttl, read_ttl(call, body));
    if (out.ttl != 0) out.expires = out.created + std::chrono::seconds(out.ttl);
    SIGNET_ASSIGN(out.extended, flag_of(body, "extended_check"));
    SIGNET_ASSIGN(out.code_length, read_code_length(body, true));
    SIGNET_ASSIGN(out.app_extra, read_app_extra(body));
    return out;
}

std::string operation_created(const PcOperation& operation, const std::vector<Part>& parts) {
    JsonWriter json(512 + parts.size() * 96);
    json.begin_object();
    json.member("notification_type", operation.push ? "Push" : "Offline");
    json.member("pc_operation_version", kOperationVersion);
    json.member("user_id", operation.user_id);
    json.member("system_id", operation.system_id);
    json.member("extended_check", operation.extended);
    json.member("operation_id", operation.operation_id);
    if (operation.code_length) json.member("confirm_code_length", *operation.code_length);
    write_parts(json, parts);
    json.member("ttl", operation.ttl);
    json.member("status", to_string(operation.status));
    json.end_object();
    return json.take();
}

Outcome<Reply> create_operation(Call& call) {
    SIGNET_ASSIGN(const auto owner, user_of(call, Need::usable));
    SIGNET_ASSIGN(const auto body, read_body(call.exchange));
    SIGNET_ASSIGN(auto operation, read_operation(call, owner, body));
    SIGNET_ASSIGN(auto parts, read_parts(operation, body, call.context.now()));
    operation.total = operation.unfinished = static_cast<std::uint32_t>(parts.size());
    call.event.operation_id = operation.operation_id;
    const auto details = service::Details().add("transactions", std::uint64_t{parts.size()});
    SIGNET_TRY(call.commit(object_of(operation), details, [&](sqlite::Transaction& t) -> Outcome<void> {
        if (operation.push) {
            SIGNET_ASSIGN(const bool sent, enqueue_push(call.context, t,
                                                        {.system = owner.system,
                                                         .user = owner.user,
                                                         .operation_id = operation.operation_id,
                                                         .text = operation.description.value_or("")}));
            operation.status = sent ? PcOperationStatus::push_sent : PcOperationStatus::initialized;
        }
        SIGNET_ASSIGN(const auto row, store::insert(t, operation));
        return insert_parts(t, row, parts);
    }));
    return Reply{"operation_created", operation_created(operation, parts)};
}

Outcome<Reply> add_to_operation(Call& call) {
    SIGNET_ASSIGN(const auto owner, user_of(call, Need::usable));
    SIGNET_ASSIGN(const auto operation, unfinished_operation_of(call, owner));
    SIGNET_ASSIGN(const auto body, read_body(call.exchange));
    SIGNET_ASSIGN(auto parts, read_parts(operation, body, call.context.now()));
    if (operation.total + parts.size() > kMaxParts)
        return fail(Code::create_operation_error,
                    "an operation has at most " + std::to_string(kMaxParts) + " transactions");
    const auto details = service::Details().add("added", std::uint64_t{parts.size()});
    SIGNET_TRY(call.commit(object_of(operation), details, [&](sqlite::Transaction& t) -> Outcome<void> {
        const auto grown =
            store::grow(t, operation.id, static_cast<std::uint32_t>(parts.size()), call.context.now());
        if (!grown && grown.error().code == ErrorCode::conflict) return fail(Code::operation_status_invalid);
        SIGNET_TRY(grown);
        return insert_parts(t, operation.id, parts);
    }));
    JsonWriter json(256 + parts.size() * 96);
    json.begin_object();
    json.member("pc_operation_version", kOperationVersion);
    json.member("user_id", operation.user_id);
    json.member("system_id", operation.system_id);
    write_parts(json, parts);
    json.end_object();
    return Reply{"operation_update", json.take()};
}

Outcome<std::vector<PcTransaction>> parts_of(Call& call, const PcOperation& operation) {
    SIGNET_ASSIGN(const auto db, call.services().readers.lease());
    SIGNET_ASSIGN(auto parts, transactions::of_operation(*db, operation.id));
    return parts;
}

Outcome<Reply> get_operation(Call& call) {
    SIGNET_ASSIGN(const auto owner, user_of(call, Need::present));
    SIGNET_ASSIGN(const auto operation, operation_of(call, owner));
    SIGNET_ASSIGN(const auto parts, parts_of(call, operation));
    // Its time may be over before anybody has written so.
    const bool expired = !operation.ended && operation.expires && *operation.expires <= call.context.now();
    JsonWriter json(512 + parts.size() * 96);
    json.begin_object();
    if (!operation.callback_url.empty()) json.member("callback_url", operation.callback_url);
    json.member("notification_type", operation.push ? "Push" : "Offline");
    json.member("pc_operation_version", kOperationVersion);
    json.member("user_id", operation.user_id);
    json.member("system_id", operation.system_id);
    json.member("extended_check", operation.extended);
    json.member("operation_id", operation.operation_id);
    if (operation.code_length) json.member("confirm_code_length", *operation.code_length);
    json.key("transactions");
    json.begin_array();
    for (const auto& part : parts) {
        json.begin_object();
        json.member("transaction_id", part.transaction_id);
        json.member("status", to_string(expired && !part.ended ? sqlite::PcStatus::declined : part.status));
        json.end_object();
    }
    json.end_array();
    json.member("ttl", operation.ttl);
    json.member("status", to_string(expired ? PcOperationStatus::processed : operation.status));
    json.end_object();
    return Reply{"operation_info", json.take()};
}

Outcome<Reply> list_operations(Call& call) {
    SIGNET_ASSIGN(const auto owner, user_of(call, Need::unlocked));
    SIGNET_ASSIGN(const auto db, call.services().readers.lease());
    SIGNET_ASSIGN(const auto ids, store::unfinished(*db, owner.system.system_id, owner.user.user_id,
                                                    call.context.now(), kMaxListed));
    JsonWriter json(64 + ids.size() * 48);
    json.begin_array();
    for (const auto& id : ids)
        json.text(id);
    json.end_array();
    return Reply{"operations_list", json.take()};
}

Outcome<void> mark_data_sent(Call& call, const PcOperation& operation,
                             const std::vector<PcTransaction>& parts) {
    const auto unsent = [](const PcTransaction& part) {
        return !part.ended && part.status < sqlite::PcStatus::data_sent;
    };
    if (std::ranges::none_of(parts, unsent)) return {};
    return call.commit(object_of(operation), service::Details().add("status", "dataSent"),
                       [&](sqlite::Transaction& t) -> Outcome<void> {
                           for (const auto& part : parts)
                               if (unsent(part))
                                   SIGNET_TRY(transactions::advance(t, part.id, sqlite::PcStatus::data_sent));
                           return {};
                       });
}

Outcome<Reply> get_operation_data(Call& call) {
    SIGNET_ASSIGN(const auto owner, user_of(call, Need::unlocked));
    SIGNET_ASSIGN(const auto operation, operation_of(call, owner));
    SIGNET_ASSIGN(const auto parts, parts_of(call, operation));
    SIGNET_TRY(mark_data_sent(call, operation, parts));
    JsonWriter json(1024 * (parts.size() + 1));
    json.begin_object();
    json.member("extended_check", operation.extended);
    if (operation.description) write_shown(json, "description", *operation.description, operation.markdown);
    if (operation.app_extra)
        json.member("app_extra",
                    fill_template(*operation.app_extra, {{"SYSTEM_ID", operation.system_id},
                                                         {"USER_ID", operation.user_id},
                                                         {"OPERATION_ID", operation.operation_id}}));
    json.key("transactions");
    json.begin_array();
    for (const auto& part : parts) {
        json.begin_object();
        json.member("transaction_id", part.transaction_id);
        if (part.snippet) write_shown(json, "snippet", *part.snippet, part.snippet_markdown);
        json.key("transaction_data");
        json.begin_object();
        write_data(json, part, owner.system);
        json.end_object();
        json.end_object();
    }
    json.end_array();
    json.end_object();
    return Reply{"operation_data", json.take()};
}

}  // namespace

Outcome<PcOperation> operation_of(Call& call, const UserOf& owner) {
    const auto& id = call.exchange.parameter("operation");
    SIGNET_ASSIGN(const auto db, call.services().readers.lease());
    SIGNET_ASSIGN(auto found, store::find(*db, owner.system.system_id, owner.user.user_id, id));
    if (!found) return fail(Code::operation_not_exists);
    call.event.operation_id = found->operation_id;
    return *std::move(found);
}

Outcome<PcOperation> unfinished_operation_of(Call& call, const UserOf& owner) {
    SIGNET_ASSIGN(auto operation, operation_of(call, owner));
    if (operation.expires && *operation.expires <= call.context.now()) return fail(Code::operation_expired);
    if (operation.ended) return fail(Code::operation_status_invalid);
    return operation;
}

std::vector<Row> operation_rows() {
    using enum http::Verb;
    // clang-format off
    return {
        {post, "/{system}/users/{user}/operations", "paycontrol.operations.create", For::applications, kBody, "create_operation", create_operation, "Create an operation"},
        {get, "/{system}/users/{user}/operations/get_list", "paycontrol.operations.read", For::both, 0, "get_operations_list", list_operations, "Operations that wait for the user"},
        {post, "/{system}/users/{user}/operations/{operation}", "paycontrol.operations.create", For::applications, kBody, "update_operation", add_to_operation, "Add transactions to an operation"},
        {get, "/{system}/users/{user}/operations/{operation}", "paycontrol.operations.read", For::both, 0, "get_operation_info", get_operation, "An operation and the state of its transactions"},
        {get, "/{system}/users/{user}/operations/{operation}/get_data", "paycontrol.operations.read", For::both, 0, "get_operation_data", get_operation_data, "What is to be confirmed"},
        {post, "/{system}/users/{user}/operations/{operation}/process", "paycontrol.operations.process", For::both, kBody, "process_operation", process_operation, "Confirm, decline or cancel transactions of an operation"},
    };
    // clang-format on
}

}  // namespace signet::api::paycontrol
