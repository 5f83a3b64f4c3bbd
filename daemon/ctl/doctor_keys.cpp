#include <algorithm>

#include "daemon/ctl/doctor.h"
#include "hsm/client/token_client.h"
#include "sqlite/audit_log.h"
#include "sqlite/connection.h"
#include "sqlite/key_store.h"

namespace signet::ctl::doctor {
namespace {

using std::chrono::days;

constexpr days kExpiryWarning{30};

std::string name_of(const sqlite::StoredKey& key) {
    return key.label + "/" + std::to_string(key.version);
}

void check_key(const sqlite::StoredKey& key, SystemTime now, Findings& findings) {
    const auto name = name_of(key);
    if (key.state == sqlite::KeyState::destroyed) return;
    if (key.unavailable_since)
        findings.error(
            "keys", "the token lacks " + name + " since " + to_rfc3339(*key.unavailable_since),
            "restore the token's backup, or make its successor: signetctl keys rotate " + key.label);
    if (key.state == sqlite::KeyState::pending && key.created_by == "system")
        findings.warning("keys", "the token holds " + name + ", which this appliance did not make",
                         "if it is expected: signetctl keys activate " + key.label + " --key-version " +
                             std::to_string(key.version) + "; if not, find out who can write into the token");
    if (key.state != sqlite::KeyState::active || !key.not_after) return;
    const auto left = std::chrono::floor<days>(*key.not_after - now).count();
    const auto remedy = "make its successor: signetctl keys rotate " + key.label;
    if (*key.not_after <= now)
        findings.error("keys",
                       name + " was to be used until " + to_rfc3339(*key.not_after) + ": it signs nothing",
                       remedy);
    else if (*key.not_after - now < kExpiryWarning)
        findings.warning("keys", name + " is to be used for " + std::to_string(left) + " more days", remedy);
}

}  // namespace

void check_keys(const config::Config& config, Findings& findings) {
    auto db = sqlite::Connection::open(config.database, sqlite::Connection::Mode::read_only);
    if (!db) return;  // a finding of check_state
    const auto keys = sqlite::key_store::list(*db);
    if (!keys) return findings.error("keys", keys.error().message, "restore the database from a backup");
    const auto before = findings.all().size();
    const auto now = SystemClock().now();
    for (const auto& key : *keys)
        check_key(key, now, findings);
    if (findings.all().size() == before)
        findings.ok("keys", std::to_string(std::ranges::count(*keys, sqlite::KeyState::active,
                                                              &sqlite::StoredKey::state)) +
                                " active, none missing or near its end");
}

void check_anchor(const config::Config& config, Findings& findings) {
    constexpr std::string_view kRemedy =
        "compare backups, exports and the heads in the journal, put the newest database back, or have "
        "custodians "
        "anchor the chain anew with the daemon stopped: signetd-token re-anchor";
    auto db = sqlite::Connection::open(config.database, sqlite::Connection::Mode::read_only);
    if (!db) return;
    const auto client = TokenClient::create({.socket = config.token.socket});
    const auto anchor = client->read_anchor(Deadline::in(std::chrono::seconds(10)));
    if (!anchor) {
        if (anchor.error().code != ErrorCode::token_unavailable &&
            anchor.error().code != ErrorCode::token_pin)
            findings.error("audit.anchor", anchor.error().message, std::string(kRemedy));
        return;  // an absent token is a finding of check_token
    }
    const auto last = sqlite::audit_log::last_checkpoint(*db);
    const auto head = sqlite::audit_log::head(*db);
    const auto base = sqlite::audit_log::base(*db);
    if (!last || !head || !base) return;
    if (!*anchor) {
        if (*last)
            findings.error("audit.anchor",
                           "the audit chain is signed up to record " +
                               std::to_string((*last)->head.sequence) +
                               ", but the token holds no anchor of it",
                           std::string(kRemedy));
        return;
    }
    const auto sequence = (*anchor)->sequence;
    const auto record = sqlite::audit_log::find(*db, sequence);
    if (!record) return;
    const bool known =
        *record ? (*record)->hash == (*anchor)->head : *base == sqlite::ChainHead{sequence, (*anchor)->head};
    if (known)
        return findings.ok("audit.anchor", "the chain has the head that the token anchored, record " +
                                               std::to_string(sequence));
    findings.error(
        "audit.anchor",
        "the token anchored record " + std::to_string(sequence) + ", which the chain" +
            (sequence > head->sequence ? ", ending at record " + std::to_string(head->sequence) + ", lacks"
                                       : " has otherwise") +
            ": the database was put back to an older state",
        std::string(kRemedy));
}

}  // namespace signet::ctl::doctor
