// The database's registry against what the token really holds.
#include <algorithm>
#include <map>

#include "base/log.h"
#include "daemon/service/intents.h"
#include "daemon/service/keys.h"
#include "sqlite/key_store.h"

namespace signet::service {
namespace {

// An operation whose answer timed out may still end in the worker; afterwards its intent can be judged.
constexpr std::chrono::seconds kIntentRest{60};
// Who "made" a key that was found in the token.
constexpr std::string_view kFinder = "system";

const KeyInfo* find_in(const std::vector<KeyInfo>& keys, const KeyId& id) {
    const auto found = std::ranges::find(keys, id, &KeyInfo::id);
    return found == keys.end() ? nullptr : &*found;
}

sqlite::AuditRecord system_record(std::string_view action, const KeyId& id, std::string_view outcome) {
    sqlite::AuditRecord record;
    record.principal = "system";
    record.action = action;
    record.object = to_string(id);
    record.outcome = outcome;
    return record;
}

}  // namespace

Result<SyncReport> Keys::synchronise(Deadline deadline) {
    const std::lock_guard lock(changes_);
    SIGNET_ASSIGN(const auto in_token, parts_.token.list_keys(deadline));
    SyncReport report;
    SIGNET_ASSIGN(report.intents_settled, resolve_intents(in_token));
    SIGNET_TRY(reload());
    SIGNET_TRY(adopt(in_token, report));
    SIGNET_TRY(mark_lost_and_found(in_token, report));
    SIGNET_TRY(reload());
    SIGNET_TRY(refresh_certificates(deadline));
    first_synchronise_ = false;
    return report;
}

Result<std::size_t> Keys::resolve_intents(const std::vector<KeyInfo>& in_token) {
    std::vector<sqlite::Intent> open;
    {
        SIGNET_ASSIGN(const auto db, parts_.readers.lease());
        SIGNET_ASSIGN(open, sqlite::intent_store::list_open(*db));
    }
    std::size_t settled = 0;
    for (const auto& intent : open) {
        if (!intent.action.starts_with("keys.")) continue;  // another part's
        // Nothing of an earlier process is still under way; what this one began needs its rest.
        if (!first_synchronise_ && parts_.clock.now() - intent.opened < kIntentRest) continue;
        SIGNET_ASSIGN(const auto id, key_id_from(intent.object));
        SIGNET_TRY(resolve(intent, find_in(in_token, id)));
        ++settled;
    }
    return settled;
}

Status Keys::resolve(const sqlite::Intent& intent, const KeyInfo* in_token) {
    const bool destroys = intent.action == "keys.destroy";
    const bool done = destroys == (in_token == nullptr);
    log::warning("key.intent.resolved",
                 done ? "an interrupted change of a key had taken effect"
                      : "an interrupted change of a key had no effect",
                 {{"action", intent.action}, {"key", intent.object}});
    if (!done) {
        SIGNET_TRY(settle_failed(intent, "interrupted"));
        return {};
    }
    SIGNET_ASSIGN(const auto id, key_id_from(intent.object));
    GenerateIntent generated;
    if (!destroys) {
        SIGNET_ASSIGN(generated, parse_intent_parameters(intent.parameters));
    }
    return parts_.writer.run([&](sqlite::Transaction& transaction) -> Status {
        if (destroys) {
            SIGNET_TRY(sqlite::key_store::set_state(transaction, id.label, id.version, KeyState::destroyed));
            SIGNET_TRY(sqlite::intent_store::settle(transaction, intent.id, "ok", parts_.clock.now()));
        } else {
            SIGNET_TRY(
                record_generated(transaction, *in_token, intent, generated.activate, generated.not_after));
        }
        auto record = system_record(intent.action, id, "ok");
        record.principal = intent.principal;
        record.request_id = intent.request_id;
        record.details = R"({"resolved":true})";
        SettledIntent settled{intent.id, intent.action, true, {id, 0}};
        settled.state = destroys             ? KeyState::destroyed
                        : generated.activate ? KeyState::active
                                             : KeyState::pending;
        SIGNET_ASSIGN(settled.change.audit, transaction.audit(record));
        return on_settled_ ? on_settled_(transaction, settled) : Status{};
    });
}

Status Keys::adopt(const std::vector<KeyInfo>& in_token, SyncReport& report) {
    const auto picture = registry();
    std::map<std::string, std::vector<const KeyInfo*>> unknown;
    for (const auto& info : in_token) {
        const auto key = picture->find(info.id.label);
        const auto* const version = key ? key->find(info.id.version) : nullptr;
        if (version == nullptr) {
            unknown[info.id.label].push_back(&info);
        } else if (version->state == KeyState::destroyed && first_synchronise_) {
            log::warning("key.resurrected", "the token holds a key that was destroyed; it stays refused",
                         {{"key", to_string(info.id)}});
        }
    }
    for (auto& [label, infos] : unknown) {
        std::ranges::sort(infos, {}, [](const KeyInfo* info) { return info->id.version; });
        SIGNET_TRY(parts_.writer.run([&](sqlite::Transaction& transaction) -> Status {
            for (const auto* info : infos) {
                sqlite::StoredKey row;
                row.label = label;
                row.version = info->id.version;
                row.algorithm = to_string(info->algorithm);
                row.usages = info->usages.bits();
                row.created = parts_.clock.now();
                row.public_key = info->public_key;
                row.created_by = kFinder;
                // Whoever can write into the token must not thereby say what signs: an administrator activates it.
                row.state = KeyState::pending;
                SIGNET_TRY(sqlite::key_store::insert(transaction, row));
                SIGNET_TRY(transaction.audit(system_record("system.key.adopted", info->id, "ok")));
            }
            return {};
        }));
        for (const auto* info : infos) {
            log::warning(
                "key.adopted",
                "the token holds a key that this appliance did not make; it signs nothing until it is "
                "activated",
                {{"key", to_string(info->id)}});
            report.adopted.push_back(info->id);
        }
    }
    return {};
}

Status Keys::mark_lost_and_found(const std::vector<KeyInfo>& in_token, SyncReport& report) {
    std::set<KeyId> present;
    for (const auto& info : in_token)
        present.insert(info.id);
    for (const auto& key : registry()->keys()) {
        for (const auto& version : key->versions) {
            if (version.state == KeyState::destroyed || version.available == present.contains(version.id))
                continue;
            (version.available ? report.lost : report.found_again).push_back(version.id);
        }
    }
    if (report.lost.empty() && report.found_again.empty()) return {};
    const auto now = parts_.clock.now();
    SIGNET_TRY(parts_.writer.run([&](sqlite::Transaction& transaction) -> Status {
        for (const auto& id : report.lost) {
            SIGNET_TRY(sqlite::key_store::set_unavailable(transaction, id.label, id.version, now));
            SIGNET_TRY(transaction.audit(system_record("system.key.unavailable", id, "failed")));
        }
        for (const auto& id : report.found_again) {
            SIGNET_TRY(sqlite::key_store::set_unavailable(transaction, id.label, id.version, std::nullopt));
            SIGNET_TRY(transaction.audit(system_record("system.key.available", id, "ok")));
        }
        return {};
    }));
    for (const auto& id : report.lost)
        log::error("key.unavailable", "the token lacks a key that the database knows; it is kept and marked",
                   {{"key", to_string(id)}});
    for (const auto& id : report.found_again)
        log::info("key.available", "the token has a key again", {{"key", to_string(id)}});
    return {};
}

}  // namespace signet::service
