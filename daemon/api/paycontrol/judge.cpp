// Judging confirmations and declines: codes by the token, signatures in software. Nothing is changed here.
#include "base/encoding.h"
#include "daemon/api/paycontrol/body.h"
#include "daemon/api/paycontrol/ending.h"
#include "daemon/api/paycontrol/signatures.h"
#include "daemon/api/paycontrol/token_codes.h"
#include "daemon/api/paycontrol/transaction_input.h"
#include "daemon/api/reach.h"
#include "daemon/config/paycontrol.h"
#include "sqlite/read_pool.h"

namespace signet::api::paycontrol {
namespace {

namespace core = signet::paycontrol;
using sqlite::PcOutcome;
using sqlite::PcTransaction;

constexpr std::uint32_t kAutosignEnabled = 1U << 10;
constexpr std::size_t kMaxCode = 128;
constexpr std::size_t kMaxSignature = 1024;

// What judging needs of the database, read before the token is asked.
struct Material {
    WrappedKey secret;
    std::optional<sqlite::PayControlPublicKey> public_key;
};

Outcome<Material> material(Call& call, const UserOf& owner, bool autosign) {
    SIGNET_ASSIGN(const auto db, call.services().readers.lease());
    SIGNET_ASSIGN(auto secret, user_secret(*db, owner.user, owner.key, kCodeKey));
    SIGNET_ASSIGN(auto key, sqlite::paycontrol_user_store::public_key(*db, owner.key.key_id, autosign));
    return Material{std::move(secret), std::move(key)};
}

Ending& refuse(Ending& ending, Code code, std::string message = {}) {
    ending.result = code;
    ending.message = message.empty() ? std::string(describe(code).text) : std::move(message);
    return ending;
}

Ending begin(Call& call, const UserOf& owner, PcTransaction transaction, PcOutcome outcome) {
    Ending ending{.transaction = std::move(transaction), .outcome = outcome};
    ending.check_time = unix_seconds(call.context.now());
    ending.key_id = owner.key.key_id;
    if (const auto code = state_code(ending.transaction, call.context.now()); code != Code::normal)
        refuse(ending, code);
    return ending;
}

bool fits_length(const PcTransaction& transaction, std::string_view code) {
    if (core::is_full_code(code)) return true;
    return core::is_short_code(code) && (!transaction.code_length || *transaction.code_length == code.size());
}

// The step at which `code` is right; nullopt, and `ending.result` set, when it is not to be taken.
Outcome<std::optional<std::uint64_t>> code_step(Call& call, const WrappedKey& secret, Ending& ending,
                                                std::string_view code, std::uint32_t interval,
                                                const core::StepBytes& bytes, Failure wrong_full) {
    const bool is_short = core::is_short_code(code);
    const auto settings = call.context.settings();
    if (!fits_length(ending.transaction, code)) {
        refuse(ending, Code::confirm_code_length_is_wrong);
        return std::nullopt;
    }
    if (is_short && ending.transaction.wrong_codes >= settings->attempts) {
        refuse(ending, Code::otp_is_not_valid);
        return std::nullopt;
    }
    ending.tried = true;
    ending.guessable = is_short;
    SIGNET_ASSIGN(const auto step, core::matching_step(code, unix_seconds(call.context.now()), interval,
                                                       bytes, mac_with(call, secret)));
    if (!step) {
        ending.wrong_code = is_short;
        refuse(ending, wrong_full.code, wrong_full.message);
    }
    return step;
}

// The step at which the signature is right: the one that a code proved, or any around now.
Outcome<std::optional<std::uint64_t>> signature_step(Call& call, const UserOf& owner, Ending& ending,
                                                     const std::optional<sqlite::PayControlPublicKey>& key,
                                                     std::optional<std::uint64_t> proven,
                                                     std::uint32_t interval, const core::StepBytes& bytes,
                                                     Code wrong) {
    if (!key) {
        refuse(ending, Code::pubkey_is_empty);
        return std::nullopt;
    }
    ending.tried = true;
    ending.public_key_id = key->public_key_id;
    if (const auto signature = from_hex(ending.signature)) {
        const auto now = core::time_step(unix_seconds(call.context.now()), interval);
        const auto steps = proven ? std::vector{*proven} : core::steps_around(now);
        for (const auto step : steps) {
            SIGNET_ASSIGN(const bool valid,
                          verify_signature(owner.key.type, key->spki, bytes(step), *signature));
            if (valid) return step;
        }
    }
    refuse(ending, wrong);
    return std::nullopt;
}

// What the bank's own system says about a WITH_BACKEND_CHECK transaction.
Outcome<bool> backend_allows(Call& call, const PcTransaction& transaction) {
    const auto url = call.context.settings()->backend_check_url;
    if (url.empty()) return fail(Code::not_supported, "no backend check is configured");
    JsonWriter json;
    json.begin_object();
    json.member("system_id", transaction.system_id);
    json.member("user_id", transaction.user_id);
    json.member("transaction_id", transaction.transaction_id);
    json.member("data_hash", to_hex(transaction.data_hash));
    json.end_object();
    SIGNET_ASSIGN(const auto answer,
                  call.services().reach.send("paycontrol", http::Verb::post, url, json.view()));
    if (answer.status != 200) return false;
    const auto body = JsonObject::parse(answer.body);
    return body && body->boolean("allowed").value_or(false);
}

Outcome<std::string> gost_imit(Call& call, const PcTransaction& transaction, const Bytes& bytes) {
    if (!call.context.settings()->gost_imit) return std::string();
    SIGNET_ASSIGN(const auto secret, [&]() -> Outcome<WrappedKey> {
        SIGNET_ASSIGN(const auto db, call.services().readers.lease());
        return system_secret(*db, transaction.system_id, kSystemImitKey);
    }());
    SIGNET_ASSIGN(const auto mac, mac_with(call, secret)(bytes));
    return to_hex(mac);
}

std::optional<core::DeclineReason> reason_of(std::string_view reason) {
    if (reason == "not authorized" || reason == "not autorized") return core::DeclineReason::not_authorized;
    if (reason == "wrong data") return core::DeclineReason::wrong_data;
    return std::nullopt;
}

}  // namespace

Code state_code(const PcTransaction& transaction, SystemTime now) {
    switch (transaction.outcome) {
        case PcOutcome::none:
            break;
        case PcOutcome::confirmed:
        case PcOutcome::autosigned:
            return Code::transaction_checked;
        case PcOutcome::timed_out:
            return Code::transaction_expired;
        case PcOutcome::declined:
        case PcOutcome::canceled:
            return Code::transaction_status_invalid;
    }
    return transaction.expires && *transaction.expires <= now ? Code::transaction_expired : Code::normal;
}

Outcome<ConfirmRequest> read_confirm(Call& call, const JsonObject& body) {
    ConfirmRequest request;
    SIGNET_ASSIGN(request.code, text_or_empty(body, "confirm_code", kMaxCode));
    SIGNET_ASSIGN(request.signature, text_or_empty(body, "signature", kMaxSignature));
    SIGNET_ASSIGN(request.interval, read_interval(body, default_interval(call)));
    SIGNET_ASSIGN(request.scoring, read_scoring(body));
    return request;
}

Outcome<DeclineRequest> read_decline(Call& call, const JsonObject& body) {
    DeclineRequest request;
    SIGNET_ASSIGN(request.reason, text_or_empty(body, "decline_reason", 64));
    SIGNET_ASSIGN(request.code, text_or_empty(body, "decline_code", kMaxCode));
    request.interval = default_interval(call);
    return request;
}

Outcome<Ending> judge_confirm(Call& call, const UserOf& owner, PcTransaction transaction,
                              const ConfirmRequest& request) {
    auto ending = begin(call, owner, std::move(transaction), PcOutcome::confirmed);
    ending.confirm_code = request.code;
    ending.signature = request.signature;
    ending.scoring = request.scoring;
    if (ending.result != Code::normal) return ending;
    if (request.code.empty() && request.signature.empty())
        return refuse(ending, Code::signature_and_confirm_code_are_null);
    // What asks for an extended check is confirmed by both secrets of the device, or not at all.
    if (ending.transaction.extended && (!core::is_full_code(request.code) || request.signature.empty()))
        return refuse(ending, Code::ext_auth_needed);

    SIGNET_ASSIGN(const auto keys, material(call, owner, false));
    const auto what = covered_of(owner, ending.transaction);
    const core::StepBytes bytes = [&what](std::uint64_t step) { return core::tlv(what, step); };
    std::optional<std::uint64_t> step;
    if (!request.code.empty()) {
        const Failure wrong(core::is_short_code(request.code) ? Code::invalid_otp : Code::invalid_hmac);
        SIGNET_ASSIGN(step,
                      code_step(call, keys.secret, ending, request.code, request.interval, bytes, wrong));
        if (!step) return ending;
    }
    if (!request.signature.empty()) {
        SIGNET_ASSIGN(step, signature_step(call, owner, ending, keys.public_key, step, request.interval,
                                           bytes, Code::signature_is_invalid));
        if (!step) return ending;
    }
    if (ending.transaction.type == sqlite::PcType::with_backend_check) {
        SIGNET_ASSIGN(const bool allowed, backend_allows(call, ending.transaction));
        if (!allowed) return refuse(ending, Code::ext_auth_failed);
    }
    ending.check_time = core::time_in_step(*step, request.interval, unix_seconds(call.context.now()));
    SIGNET_ASSIGN(ending.gost_imit, gost_imit(call, ending.transaction, bytes(*step)));
    return ending;
}

Outcome<Ending> judge_autosign(Call& call, const UserOf& owner, PcTransaction transaction,
                               const ConfirmRequest& request) {
    auto ending = begin(call, owner, std::move(transaction), PcOutcome::autosigned);
    ending.signature = request.signature;
    ending.scoring = request.scoring;
    if (ending.result != Code::normal) return ending;
    if (!ending.transaction.autosign || (owner.key.flags & kAutosignEnabled) == 0)
        return refuse(ending, Code::autosign_not_allowed);
    // Nobody looks at it, so nothing that wants looking at is signed so.
    if (ending.transaction.extended || ending.transaction.type == sqlite::PcType::with_backend_check)
        return refuse(ending, Code::autosign_failed);
    if (request.signature.empty()) return refuse(ending, Code::signature_is_null);
    if (is_high_risk(request.scoring)) return refuse(ending, Code::high_scoring_risk_level);

    SIGNET_ASSIGN(const auto keys, material(call, owner, true));
    const auto what = covered_of(owner, ending.transaction);
    const core::StepBytes bytes = [&what](std::uint64_t step) { return core::tlv(what, step); };
    SIGNET_ASSIGN(const auto step,
                  signature_step(call, owner, ending, keys.public_key, std::nullopt, request.interval, bytes,
                                 Code::autosing_signature_is_invalid));
    if (!step) return ending;
    ending.check_time = core::time_in_step(*step, request.interval, unix_seconds(call.context.now()));
    SIGNET_ASSIGN(ending.gost_imit, gost_imit(call, ending.transaction, bytes(*step)));
    return ending;
}

Outcome<Ending> judge_decline(Call& call, const UserOf& owner, PcTransaction transaction,
                              const DeclineRequest& request) {
    auto ending = begin(call, owner, std::move(transaction), PcOutcome::declined);
    ending.reason = request.reason;
    ending.decline_code = request.code;
    if (ending.result != Code::normal) return ending;
    if (request.reason.empty()) return refuse(ending, Code::decline_reason_is_null);
    if (request.reason == "canceled" || request.reason == "cancelled" || request.reason == "timeout" ||
        request.reason == "time out") {
        ending.outcome = PcOutcome::canceled;
        ending.reason = request.reason.starts_with("time") ? "time out" : "canceled";
        return ending;
    }
    const auto reason = reason_of(request.reason);
    if (!reason)
        return refuse(ending, Code::json_request_incorrect,
                      "decline_reason: expected not authorized, wrong data, time out or canceled");
    if (request.code.empty()) return refuse(ending, Code::confirm_code_is_null);

    SIGNET_ASSIGN(const auto keys, material(call, owner, false));
    const auto what = covered_of(owner, ending.transaction);
    const core::StepBytes bytes = [&](std::uint64_t step) { return core::tlv(what, step, *reason); };
    const Failure wrong(Code::invalid_hmac, "Decline code is incorrect");
    SIGNET_ASSIGN(const auto step,
                  code_step(call, keys.secret, ending, request.code, request.interval, bytes, wrong));
    if (step)
        ending.check_time = core::time_in_step(*step, request.interval, unix_seconds(call.context.now()));
    return ending;
}

}  // namespace signet::api::paycontrol
