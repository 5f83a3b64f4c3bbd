// The life of token keys: made, activated, rotated, disabled, destroyed, each step with an audit record.
//
// What changes the token is written down first (an intent), then done, then settled; an intent that is open when the
// daemon starts, or when the token comes back, is resolved by looking at the token.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "daemon/service/caller.h"
#include "daemon/service/registry.h"
#include "hsm/frames/token_interface.h"
#include "sqlite/intent_store.h"
#include "sqlite/read_pool.h"
#include "sqlite/writer.h"

namespace signet::service {

struct CreateKey {
    std::string label;
    KeyAlgorithm algorithm = KeyAlgorithm::ec_p256;
    KeyUsages usages;
    bool extractable = false;
    bool activate = true;
    std::optional<SystemTime> not_after{};
};

struct KeyChange {
    KeyId key;
    std::uint64_t audit = 0;  // sequence number of the record of the outcome
};

// More work for the transactions of a change: the answer that an idempotency key keeps.
struct AlsoOnKeyChange {
    // Where it begins: this intent is open from here until the outcome is known, perhaps after a restart.
    std::function<Status(sqlite::Transaction&, std::int64_t intent)> opened{};
    std::function<Status(sqlite::Transaction&, const KeyChange&)> done{};
};

// An intent that did not end with the request that opened it, or that failed.
struct SettledIntent {
    std::int64_t id = 0;
    std::string_view action;  // "keys.rotate"
    bool done = false;        // it had taken effect
    KeyChange change;
    KeyState state = KeyState::pending;  // of the version, when it is done
};
using OnSettled = std::function<Status(sqlite::Transaction&, const SettledIntent&)>;

// What the token's keys and the database's rows had to say to each other.
struct SyncReport {
    // In the token, unknown to the database: added as pending, until an administrator activates them. What `signetctl
    // init` and ceremonies make, they make through this class, so that their keys are never unknown.
    std::vector<KeyId> adopted;
    std::vector<KeyId> lost;  // known to the database, not in the token any more: marked, never deleted
    std::vector<KeyId> found_again;
    std::size_t intents_settled = 0;
};

class Keys {
  public:
    struct Parts {
        TokenInterface& token;
        sqlite::Writer& writer;
        sqlite::ReadPool& readers;
        const Clock& clock;
        // Labels the configuration needs (audit, wrap, …): they are neither disabled nor destroyed.
        std::set<std::string, std::less<>> needed;
    };
    explicit Keys(Parts parts) : parts_(std::move(parts)) {}

    // Called in the transaction that settles an intent otherwise than in the request's own; before any change.
    void on_settled(OnSettled hook) { on_settled_ = std::move(hook); }

    // Reads the registry from the database; works without the token.
    Status load();
    // Compares with the token. Error: token_unavailable and its like; the registry stays as it is then.
    Result<SyncReport> synchronise(Deadline deadline);

    std::shared_ptr<const Registry> registry() const;
    // Error: not_found.
    Result<std::shared_ptr<const Key>> find(std::string_view label) const;
    // The version that makes new things (signatures, MACs). Errors: not_found, unprocessable (not among its usages),
    // conflict (no active version, expired), token_unavailable (the token lacks it).
    Result<KeyPtr> active(std::string_view label, KeyUsage usage) const;
    // For checking and decrypting what exists: the active version, or the one named, which may be retired.
    Result<KeyPtr> existing(std::string_view label, KeyUsage usage,
                            std::optional<std::uint32_t> version) const;

    // The certificate that the token holds for a key (the newest imported one); nullopt when there is none.
    std::optional<Bytes> certificate(const KeyId& id) const;

    // Errors: invalid_argument, already_exists, conflict (a change of that key is under way), the token's; with
    // deadline_exceeded and token_unavailable the outcome is settled later, when the token answers again.
    Result<KeyChange> create(const Caller& caller, const CreateKey& request,
                             const AlsoOnKeyChange& also = {});
    // A new version with the algorithm and usages of the shown one. `activate` nullopt: at once, except for keys that
    // need a certificate first (certify, tls).
    Result<KeyChange> rotate(const Caller& caller, std::string_view label, std::optional<bool> activate,
                             const AlsoOnKeyChange& also = {});
    // `version` nullopt: the newest one.
    Result<KeyChange> activate(const Caller& caller, std::string_view label,
                               std::optional<std::uint32_t> version);
    // `version` nullopt: the active one, else the newest.
    Result<KeyChange> disable(const Caller& caller, std::string_view label,
                              std::optional<std::uint32_t> version);
    Result<KeyChange> retire(const Caller& caller, std::string_view label,
                             std::optional<std::uint32_t> version);
    // Not of the active version: disable it first.
    Result<KeyChange> destroy(const Caller& caller, std::string_view label, std::uint32_t version,
                              const AlsoOnKeyChange& also = {});
    // Puts a certificate for the key into the token. Errors: unprocessable (not this key's), the token's.
    Result<KeyChange> import_certificate(const Caller& caller, std::string_view label, Bytes certificate);

    // Writes the counters of uses; called now and then.
    Status flush_uses();

  private:
    Result<KeyPtr> shown_or(std::string_view label, std::optional<std::uint32_t> version) const;
    Result<KeyPtr> pick(std::string_view label, std::optional<std::uint32_t> version) const;
    Result<KeyChange> generate(const Caller& caller, std::string_view action,
                               const GenerateKeyRequest& request, bool activate,
                               std::optional<SystemTime> not_after, const AlsoOnKeyChange& also);
    Result<KeyChange> change_state(const Caller& caller, std::string_view action, const KeyVersion& version,
                                   KeyState state);
    Status record_generated(sqlite::Transaction& transaction, const KeyInfo& info,
                            const sqlite::Intent& intent, bool activate, std::optional<SystemTime> not_after);
    Result<std::int64_t> open_intent(const Caller& caller, std::string_view action, const KeyId& id,
                                     const std::string& parameters, const AlsoOnKeyChange& also);
    Result<std::uint64_t> settle_failed(const sqlite::Intent& intent, std::string_view why);
    Result<std::size_t> resolve_intents(const std::vector<KeyInfo>& in_token);
    Status resolve(const sqlite::Intent& intent, const KeyInfo* in_token);
    Status adopt(const std::vector<KeyInfo>& in_token, SyncReport& report);
    Status mark_lost_and_found(const std::vector<KeyInfo>& in_token, SyncReport& report);
    Status refresh_certificates(Deadline deadline);
    Status reload();

    Parts parts_;
    OnSettled on_settled_;
    std::mutex changes_;  // one change of keys at a time; never taken by signing
    mutable std::mutex picture_mutex_;
    std::shared_ptr<const Registry> registry_ = std::make_shared<Registry>();
    std::vector<CertificateEntry> certificates_;
    SteadyTime started_ = std::chrono::steady_clock::now();
    bool first_synchronise_ = true;
};

}  // namespace signet::service
