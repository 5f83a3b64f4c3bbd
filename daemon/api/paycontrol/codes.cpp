// Chapter Independent Confirm Codes: codes that the server makes itself, for a transaction, for a user, or for anybody.
#include "base/digest.h"
#include "base/encoding.h"
#include "daemon/api/json.h"
#include "daemon/api/paycontrol/body.h"
#include "daemon/api/paycontrol/ending.h"
#include "daemon/api/paycontrol/routes.h"
#include "daemon/api/paycontrol/token_codes.h"
#include "daemon/api/paycontrol/transaction_input.h"
#include "daemon/api/paycontrol/transaction_lookup.h"
#include "daemon/config/paycontrol.h"
#include "daemon/service/details.h"
#include "sqlite/read_pool.h"

namespace signet::api::paycontrol {
namespace {

namespace core = signet::paycontrol;
namespace store = sqlite::paycontrol_transaction_store;

constexpr std::size_t kSmall = 4096;
constexpr std::size_t kBody = kMaxBinary / 3 * 4 + (std::size_t{64} << 10);

std::string as_json_text(std::string_view code) {
    JsonWriter json;
    json.text(code);
    return json.take();
}

Outcome<Reply> make_for_transaction(Call& call) {
    SIGNET_ASSIGN(const auto owner, user_of(call, Need::usable));
    SIGNET_ASSIGN(const auto transaction, transaction_of(call, owner));
    if (const auto state = state_code(transaction, call.context.now()); state != Code::normal)
        return fail(state);
    SIGNET_ASSIGN(const auto body, read_body(call.exchange));
    SIGNET_ASSIGN(const auto interval, read_interval(body, default_interval(call)));
    SIGNET_ASSIGN(const auto secret, [&]() -> Outcome<WrappedKey> {
        SIGNET_ASSIGN(const auto db, call.services().readers.lease());
        return user_secret(*db, owner.user, owner.key, kCodeKey);
    }());
    const auto covered = covered_of(owner, transaction);
    SIGNET_ASSIGN(
        const auto code,
        core::make_code(
            transaction.code_length.value_or(kDefaultCodeLength), unix_seconds(call.context.now()), interval,
            [&](std::uint64_t step) { return core::tlv(covered, step); }, mac_with(call, secret)));
    SIGNET_TRY(call.commit(
        "paycontrol/" + transaction.system_id + "/" + transaction.user_id + "/" + transaction.transaction_id,
        service::Details().add("data", to_hex(transaction.data_hash)),
        [](sqlite::Transaction&) -> Outcome<void> { return {}; }));
    return Reply{"confirm_code", as_json_text(code)};
}

// What a code without a transaction is made of and for whom.
struct Subject {
    std::string system_id;
    std::string user_id;  // empty: a common code
    WrappedKey secret;
    sqlite::PcTransaction data;
    std::uint32_t interval = core::kDefaultInterval;

    core::Covered covered() const { return {.text = data.text, .binary = data.binary, .user_id = user_id}; }
    std::string object() const { return "paycontrol/" + system_id + "/" + user_id + "/codes"; }
};

Outcome<Subject> read_subject(Call& call, const JsonObject& body) {
    Subject subject;
    SIGNET_ASSIGN(const auto user_id, text_or_empty(body, "user_id", 256));
    SIGNET_ASSIGN(const auto db, call.services().readers.lease());
    const auto& system_id = call.exchange.parameter("system");
    if (user_id.empty()) {
        SIGNET_ASSIGN(const auto system, find_system(*db, system_id));
        call.event.system_id = system.system_id;
        SIGNET_ASSIGN(subject.secret, system_secret(*db, system.system_id, kSystemCodeKey));
    } else {
        SIGNET_ASSIGN(const auto owner, find_user(*db, system_id, user_id, Need::usable, call.context.now()));
        call.event.system_id = owner.system.system_id;
        call.event.user_id = owner.user.user_id;
        call.event.key_index = owner.key.key_index;
        SIGNET_ASSIGN(subject.secret, user_secret(*db, owner.user, owner.key, kCodeKey));
    }
    subject.system_id = call.event.system_id;
    subject.user_id = call.event.user_id;
    SIGNET_TRY(read_data(body, subject.data));
    SIGNET_ASSIGN(subject.interval, read_interval(body, default_interval(call)));
    return subject;
}

Outcome<Reply> make_code(Call& call) {
    SIGNET_ASSIGN(const auto body, read_body(call.exchange));
    SIGNET_ASSIGN(const auto subject, read_subject(call, body));
    SIGNET_ASSIGN(const auto length, read_code_length(body, false));
    const auto covered = subject.covered();
    SIGNET_ASSIGN(
        const auto code,
        core::make_code(
            length.value_or(kDefaultCodeLength), unix_seconds(call.context.now()), subject.interval,
            [&](std::uint64_t step) { return core::tlv(covered, step); }, mac_with(call, subject.secret)));
    SIGNET_TRY(call.commit(subject.object(), service::Details().add("data", to_hex(subject.data.data_hash)),
                           [](sqlite::Transaction&) -> Outcome<void> { return {}; }));
    return Reply{"confirm_code", as_json_text(code)};
}

// Guesses are counted by user and data, for as long as a code may be right.
Sha256 scope_of(const Subject& subject) {
    return sha256(
        as_bytes(subject.system_id + '\n' + subject.user_id + '\n' + to_hex(subject.data.data_hash)));
}

Outcome<Reply> check_code(Call& call) {
    SIGNET_ASSIGN(const auto body, read_body(call.exchange));
    SIGNET_ASSIGN(const auto code, required_text(body, "confirm_code", Code::confirm_code_is_null, 128));
    SIGNET_ASSIGN(const auto subject, read_subject(call, body));
    if (!core::is_short_code(code)) return fail(Code::confirm_code_length_is_wrong);
    const auto scope = scope_of(subject);
    const auto limit = call.context.settings()->attempts;
    SIGNET_ASSIGN(const auto wrong_before, [&]() -> Outcome<std::uint32_t> {
        SIGNET_ASSIGN(const auto db, call.services().readers.lease());
        SIGNET_ASSIGN(const auto wrong, store::wrong_codes(*db, scope, call.context.now()));
        return wrong;
    }());
    if (wrong_before >= limit) return fail(Code::otp_is_not_valid);
    const auto covered = subject.covered();
    SIGNET_ASSIGN(const auto step, core::matching_step(
                                       code, unix_seconds(call.context.now()), subject.interval,
                                       [&](std::uint64_t at) { return core::tlv(covered, at); },
                                       mac_with(call, subject.secret)));
    if (!step) call.event.result = Code::invalid_otp;
    const auto details =
        service::Details().add("data", to_hex(subject.data.data_hash)).add("valid", step ? "yes" : "no");
    SIGNET_TRY(call.commit(subject.object(), details, [&](sqlite::Transaction& t) -> Outcome<void> {
        const auto now = call.context.now();
        // Guesses that came at the same time count as if they had come one after the other.
        SIGNET_ASSIGN(const auto wrong, store::wrong_codes(t.db(), scope, now));
        if (wrong >= limit) return fail(Code::otp_is_not_valid);
        if (!step)
            SIGNET_TRY(
                store::add_wrong_code(t, scope, now, now + 3 * std::chrono::seconds(subject.interval)));
        return {};
    }));
    if (!step) return fail(Code::invalid_otp);
    return Reply{};
}

}  // namespace

std::vector<Row> code_rows() {
    using enum http::Verb;
    // clang-format off
    return {
        {post, "/{system}/users/{user}/transactions/{transaction}/gen_confirm_code", "paycontrol.codes.create", For::applications, kSmall, "gen_confirm_code", make_for_transaction, "Create a confirm code for a transaction"},
        {post, "/{system}/codes/gen_confirm_code", "paycontrol.codes.create", For::applications, kBody, "gen_confirm_code", make_code, "Create a confirm code for a user, or a common one"},
        {post, "/{system}/codes/check_confirm_code", "paycontrol.codes.check", For::applications, kBody, "check_confirm_code", check_code, "Check such a code"},
    };
    // clang-format on
}

}  // namespace signet::api::paycontrol
