// The changes that people ask for: create, rotate, activate, disable, retire, destroy.
#include <algorithm>

#include "base/encoding.h"
#include "base/log.h"
#include "daemon/service/intents.h"
#include "daemon/service/keys.h"
#include "hsm/pki/certificate.h"
#include "sqlite/key_store.h"
#include "sqlite/wrapped_key_store.h"

namespace signet::service {
namespace {

sqlite::AuditRecord record_of(const Caller& caller, std::string_view action, const KeyId& id,
                              std::string_view outcome, std::string details = {}) {
    sqlite::AuditRecord record;
    record.request_id = caller.request_id;
    record.principal = caller.principal;
    record.action = action;
    record.object = to_string(id);
    record.outcome = outcome;
    record.details = std::move(details);
    return record;
}

// The token may have done it all the same.
bool outcome_unknown(const Error& error) {
    return error.code == ErrorCode::deadline_exceeded || error.code == ErrorCode::token_unavailable ||
           error.code == ErrorCode::cancelled || error.code == ErrorCode::internal;
}

std::unexpected<Error> not_settled(Error error, const KeyId& id) {
    error.message += "; what became of " + to_string(id) +
                     " is settled when the token answers again, look before trying again";
    return std::unexpected(std::move(error));
}

}  // namespace

Result<std::int64_t> Keys::open_intent(const Caller& caller, std::string_view action, const KeyId& id,
                                       const std::string& parameters, const AlsoOnKeyChange& also) {
    std::int64_t intent_id = 0;
    SIGNET_TRY(parts_.writer.run([&](sqlite::Transaction& transaction) -> Status {
        SIGNET_TRY(caller.use_approval(transaction));
        SIGNET_ASSIGN(const auto sequence,
                      transaction.audit(record_of(caller, action, id, "intent", parameters)));
        sqlite::Intent intent;
        intent.action = action;
        intent.object = to_string(id);
        intent.principal = caller.principal;
        intent.request_id = caller.request_id;
        intent.parameters = parameters;
        intent.opened = parts_.clock.now();
        intent.audit = sequence;
        SIGNET_ASSIGN(intent_id, sqlite::intent_store::open(transaction, intent));
        return also.opened ? also.opened(transaction, intent_id) : Status{};
    }));
    return intent_id;
}

Result<std::uint64_t> Keys::settle_failed(const sqlite::Intent& intent, std::string_view why) {
    std::uint64_t sequence = 0;
    SIGNET_TRY(parts_.writer.run([&](sqlite::Transaction& transaction) -> Status {
        sqlite::AuditRecord record;
        record.request_id = intent.request_id;
        record.principal = intent.principal;
        record.action = intent.action;
        record.object = intent.object;
        record.outcome = "failed";
        record.details = R"({"why":")" + std::string(why) + R"("})";
        SIGNET_ASSIGN(sequence, transaction.audit(record));
        if (on_settled_) {
            SIGNET_TRY(on_settled_(transaction, {intent.id, intent.action, false, {{}, sequence}}));
        }
        return sqlite::intent_store::settle(transaction, intent.id, "failed", parts_.clock.now());
    }));
    return sequence;
}

Status Keys::record_generated(sqlite::Transaction& transaction, const KeyInfo& info,
                              const sqlite::Intent& intent, bool activate,
                              std::optional<SystemTime> not_after) {
    const auto now = parts_.clock.now();
    sqlite::StoredKey row;
    row.label = info.id.label;
    row.version = info.id.version;
    row.algorithm = to_string(info.algorithm);
    row.usages = info.usages.bits();
    row.state = KeyState::pending;
    row.created = now;
    row.not_after = not_after;
    row.public_key = info.public_key;
    row.created_by = intent.principal;
    SIGNET_TRY(sqlite::key_store::insert(transaction, row));
    if (activate) SIGNET_TRY(sqlite::key_store::activate(transaction, row.label, row.version, now));
    return sqlite::intent_store::settle(transaction, intent.id, "ok", now);
}

Result<KeyChange> Keys::generate(const Caller& caller, std::string_view action,
                                 const GenerateKeyRequest& request, bool activate,
                                 std::optional<SystemTime> not_after, const AlsoOnKeyChange& also) {
    sqlite::Intent intent;
    intent.action = action;
    intent.object = to_string(request.id);
    intent.principal = caller.principal;
    intent.request_id = caller.request_id;
    SIGNET_ASSIGN(intent.id, open_intent(caller, action, request.id,
                                         intent_parameters(request, activate, not_after), also));

    auto generated = parts_.token.generate_key(request, caller.deadline);
    if (!generated) {
        if (outcome_unknown(generated.error())) return not_settled(std::move(generated).error(), request.id);
        SIGNET_TRY(settle_failed(intent, to_string(generated.error().code)));
        return std::unexpected(std::move(generated).error());
    }
    KeyChange change{request.id, 0};
    SIGNET_TRY(parts_.writer.run([&](sqlite::Transaction& transaction) -> Status {
        SIGNET_TRY(record_generated(transaction, *generated, intent, activate, not_after));
        SIGNET_ASSIGN(change.audit, transaction.audit(record_of(caller, action, request.id, "ok")));
        return also.done ? also.done(transaction, change) : Status{};
    }));
    SIGNET_TRY(reload());
    return change;
}

Result<KeyChange> Keys::create(const Caller& caller, const CreateKey& request, const AlsoOnKeyChange& also) {
    SIGNET_TRY(check_label(request.label));
    SIGNET_TRY(check_usages(request.algorithm, request.usages));
    const std::lock_guard lock(changes_);
    if (const auto key = registry()->find(request.label); key && key->shown().state != KeyState::destroyed)
        return fail(ErrorCode::already_exists,
                    "a key '" + request.label + "' exists; rotate it for a new version");
    GenerateKeyRequest generate_request;
    {
        SIGNET_ASSIGN(const auto db, parts_.readers.lease());
        SIGNET_ASSIGN(const auto version, sqlite::key_store::next_version(*db, request.label));
        generate_request.id = {request.label, version};
    }
    generate_request.algorithm = request.algorithm;
    generate_request.usages = request.usages;
    generate_request.extractable = request.extractable;
    return generate(caller, "keys.create", generate_request, request.activate, request.not_after, also);
}

Result<KeyChange> Keys::rotate(const Caller& caller, std::string_view label, std::optional<bool> activate,
                               const AlsoOnKeyChange& also) {
    const std::lock_guard lock(changes_);
    SIGNET_ASSIGN(const auto key, find(label));
    const auto& before = key->shown();
    if (before.state == KeyState::destroyed)
        return fail(ErrorCode::conflict, "the key '" + std::string(label) + "' is destroyed; create it anew");
    GenerateKeyRequest request;
    {
        SIGNET_ASSIGN(const auto db, parts_.readers.lease());
        SIGNET_ASSIGN(const auto version, sqlite::key_store::next_version(*db, label));
        request.id = {std::string(label), version};
    }
    request.algorithm = before.algorithm;
    request.usages = before.usages;
    // A CA or a TLS server cannot work with a key that has no certificate yet.
    const bool needs_certificate = before.usages.has(KeyUsage::certify) || before.usages.has(KeyUsage::tls);
    return generate(caller, "keys.rotate", request, activate.value_or(!needs_certificate), std::nullopt,
                    also);
}

Result<KeyChange> Keys::change_state(const Caller& caller, std::string_view action, const KeyVersion& version,
                                     KeyState state) {
    KeyChange change{version.id, 0};
    SIGNET_TRY(parts_.writer.run([&](sqlite::Transaction& transaction) -> Status {
        SIGNET_TRY(caller.use_approval(transaction));
        const auto changed =
            state == KeyState::active
                ? sqlite::key_store::activate(transaction, version.id.label, version.id.version,
                                              parts_.clock.now())
                : sqlite::key_store::set_state(transaction, version.id.label, version.id.version, state);
        SIGNET_TRY(changed);
        SIGNET_ASSIGN(change.audit, transaction.audit(record_of(caller, action, version.id, "ok")));
        return {};
    }));
    SIGNET_TRY(reload());
    return change;
}

Result<KeyChange> Keys::activate(const Caller& caller, std::string_view label,
                                 std::optional<std::uint32_t> version) {
    const std::lock_guard lock(changes_);
    SIGNET_ASSIGN(const auto key, find(label));
    SIGNET_ASSIGN(const auto found, pick(label, version.value_or(key->versions.back().id.version)));
    return change_state(caller, "keys.activate", *found, KeyState::active);
}

Result<KeyChange> Keys::disable(const Caller& caller, std::string_view label,
                                std::optional<std::uint32_t> version) {
    const std::lock_guard lock(changes_);
    SIGNET_ASSIGN(const auto found, shown_or(label, version));
    if (found->state == KeyState::active && parts_.needed.contains(label))
        return fail(ErrorCode::failed_precondition, "the configuration needs the key '" + std::string(label) +
                                                        "'; rotate it, then disable the old version");
    SIGNET_ASSIGN(const auto change, change_state(caller, "keys.disable", *found, KeyState::disabled));
    // The registry refuses the key from here on; the worker's session copy goes as well when it can be reached.
    if (const auto forgotten = parts_.token.forget_key(found->id, caller.deadline); !forgotten)
        log::warning("key.forget.failed",
                     "the token process may still hold a copy of a disabled key until it restarts",
                     {{"key", to_string(found->id)}, {"error", forgotten.error().message}});
    return change;
}

Result<KeyChange> Keys::retire(const Caller& caller, std::string_view label,
                               std::optional<std::uint32_t> version) {
    const std::lock_guard lock(changes_);
    SIGNET_ASSIGN(const auto found, shown_or(label, version));
    if (found->state == KeyState::active && parts_.needed.contains(label))
        return fail(ErrorCode::failed_precondition,
                    "the configuration needs the key '" + std::string(label) + "'; rotate it");
    return change_state(caller, "keys.disable", *found, KeyState::retired);
}

Result<KeyChange> Keys::destroy(const Caller& caller, std::string_view label, std::uint32_t version,
                                const AlsoOnKeyChange& also) {
    const std::lock_guard lock(changes_);
    SIGNET_ASSIGN(const auto found, pick(label, version));
    if (found->state == KeyState::destroyed)
        return fail(ErrorCode::conflict, "the key " + to_string(found->id) + " is destroyed already");
    if (found->state == KeyState::active)
        return fail(ErrorCode::conflict, "the key " + to_string(found->id) + " is active; disable it first");
    {
        SIGNET_ASSIGN(const auto db, parts_.readers.lease());
        SIGNET_ASSIGN(const auto wrapped, sqlite::wrapped_key_store::count_under(*db, label, version));
        if (wrapped != 0)
            return fail(ErrorCode::conflict,
                        std::to_string(wrapped) + " wrapped keys are still under " + to_string(found->id));
    }
    sqlite::Intent intent;
    intent.action = "keys.destroy";
    intent.object = to_string(found->id);
    intent.principal = caller.principal;
    intent.request_id = caller.request_id;
    SIGNET_ASSIGN(intent.id, open_intent(caller, intent.action, found->id, "{}", also));
    auto destroyed = parts_.token.destroy_key(found->id, caller.deadline);
    bool gone = destroyed || destroyed.error().code == ErrorCode::not_found;
    if (gone) {
        // The token says so itself: it is looked for again, by another way than it was destroyed.
        const auto left = parts_.token.list_keys(caller.deadline);
        if (!left) return not_settled(left.error(), found->id);
        gone = std::ranges::find(*left, found->id, &KeyInfo::id) == left->end();
        if (!gone)
            destroyed = fail(ErrorCode::token_refused, "the token still lists " + to_string(found->id));
    }
    if (!gone) {
        if (outcome_unknown(destroyed.error())) return not_settled(std::move(destroyed).error(), found->id);
        SIGNET_TRY(settle_failed(intent, to_string(destroyed.error().code)));
        return std::unexpected(std::move(destroyed).error());
    }
    KeyChange change{found->id, 0};
    SIGNET_TRY(parts_.writer.run([&](sqlite::Transaction& transaction) -> Status {
        SIGNET_TRY(sqlite::key_store::set_state(transaction, label, version, KeyState::destroyed));
        SIGNET_TRY(sqlite::intent_store::settle(transaction, intent.id, "ok", parts_.clock.now()));
        SIGNET_ASSIGN(change.audit, transaction.audit(record_of(caller, "keys.destroy", found->id, "ok",
                                                                R"({"listed_by_token":false})")));
        return also.done ? also.done(transaction, change) : Status{};
    }));
    SIGNET_TRY(reload());
    return change;
}

Result<KeyChange> Keys::import_certificate(const Caller& caller, std::string_view label, Bytes certificate) {
    SIGNET_ASSIGN(const auto parsed, pki::Certificate::parse(as_text(certificate)));
    const std::lock_guard lock(changes_);
    SIGNET_ASSIGN(const auto key, find(label));
    const auto owner = std::ranges::find_if(key->versions, [&](const KeyVersion& version) {
        return version.state != KeyState::destroyed && version.public_key == parsed.public_key().spki();
    });
    if (owner == key->versions.end())
        return fail(ErrorCode::unprocessable,
                    "the certificate is for another key than any version of '" + std::string(label) + "'");
    KeyChange change{owner->id, 0};
    const auto details = R"({"fingerprint":")" + to_hex(parsed.fingerprint()) + R"("})";
    SIGNET_TRY(parts_.writer.run([&](sqlite::Transaction& transaction) -> Status {
        SIGNET_TRY(caller.use_approval(transaction));
        SIGNET_TRY(transaction.audit(record_of(caller, "keys.import", owner->id, "intent", details)));
        return {};
    }));
    const auto imported = parts_.token.import_certificate({owner->id, parsed.der()}, caller.deadline);
    SIGNET_ASSIGN(change.audit, parts_.writer.append(record_of(caller, "keys.import", owner->id,
                                                               imported ? "ok" : "failed", details)));
    SIGNET_TRY(imported);
    SIGNET_TRY(refresh_certificates(caller.deadline));
    return change;
}

}  // namespace signet::service
