#include "daemon/service/keys.h"

#include <algorithm>

#include "sqlite/key_store.h"

namespace signet::service {
namespace {

std::string in_quotes(std::string_view label) {
    return "'" + std::string(label) + "'";
}

Status check_usage(const KeyVersion& version, KeyUsage usage) {
    if (version.usages.has(usage)) return {};
    return fail(ErrorCode::unprocessable, "the key " + in_quotes(version.id.label) + " is not for " +
                                              std::string(to_string(usage)) + "; its usages are " +
                                              to_string(version.usages));
}

Status check_available(const KeyVersion& version) {
    if (version.available) return {};
    return fail(ErrorCode::token_unavailable, "the token lacks the key " + to_string(version.id) +
                                                  "; restore the token or make a new version");
}

}  // namespace

Status Keys::load() {
    const std::lock_guard lock(changes_);
    return reload();
}

Status Keys::reload() {
    SIGNET_ASSIGN(const auto db, parts_.readers.lease());
    SIGNET_ASSIGN(auto rows, sqlite::key_store::list(*db));
    const auto before = registry();
    auto after = std::make_shared<const Registry>(std::move(rows), before.get());
    const std::lock_guard lock(picture_mutex_);
    registry_ = std::move(after);
    return {};
}

std::shared_ptr<const Registry> Keys::registry() const {
    const std::lock_guard lock(picture_mutex_);
    return registry_;
}

Result<std::shared_ptr<const Key>> Keys::find(std::string_view label) const {
    if (auto key = registry()->find(label)) return key;
    return fail(ErrorCode::not_found, "no key " + in_quotes(label));
}

Result<KeyPtr> Keys::pick(std::string_view label, std::optional<std::uint32_t> version) const {
    SIGNET_ASSIGN(auto key, find(label));
    const auto* const found = version ? key->find(*version) : key->active();
    if (found == nullptr && version)
        return fail(ErrorCode::not_found,
                    "no key " + in_quotes(label) + " with version " + std::to_string(*version));
    if (found == nullptr)
        return fail(ErrorCode::conflict, "the key " + in_quotes(label) + " has no active version (it is " +
                                             std::string(key->shown().state_name()) + "); activate one");
    return KeyPtr(std::move(key), found);
}

Result<KeyPtr> Keys::shown_or(std::string_view label, std::optional<std::uint32_t> version) const {
    SIGNET_ASSIGN(const auto key, find(label));
    return pick(label, version.value_or(key->shown().id.version));
}

Result<KeyPtr> Keys::active(std::string_view label, KeyUsage usage) const {
    SIGNET_ASSIGN(auto version, pick(label, std::nullopt));
    SIGNET_TRY(check_usage(*version, usage));
    SIGNET_TRY(check_available(*version));
    if (version->not_after && parts_.clock.now() >= *version->not_after)
        return fail(ErrorCode::conflict, "the key " + to_string(version->id) + " was to be used until " +
                                             to_rfc3339(*version->not_after) + "; rotate it");
    return version;
}

Result<KeyPtr> Keys::existing(std::string_view label, KeyUsage usage,
                              std::optional<std::uint32_t> version) const {
    SIGNET_ASSIGN(auto found, pick(label, version));
    SIGNET_TRY(check_usage(*found, usage));
    if (found->state != KeyState::active && found->state != KeyState::retired)
        return fail(ErrorCode::conflict,
                    "the key " + to_string(found->id) + " is " + std::string(to_string(found->state)));
    return found;
}

std::optional<Bytes> Keys::certificate(const KeyId& id) const {
    const std::lock_guard lock(picture_mutex_);
    const auto found = std::ranges::find(certificates_, id, &CertificateEntry::key);
    return found == certificates_.end() ? std::nullopt : std::optional(found->certificate);
}

Status Keys::refresh_certificates(Deadline deadline) {
    SIGNET_ASSIGN(auto certificates, parts_.token.list_certificates(deadline));
    const std::lock_guard lock(picture_mutex_);
    certificates_ = std::move(certificates);
    return {};
}

Status Keys::flush_uses() {
    struct Use {
        KeyId id;
        std::uint64_t count;
        std::shared_ptr<UseCounter> counter;
    };
    std::vector<Use> uses;
    const auto picture = registry();
    for (const auto& key : picture->keys()) {
        for (const auto& version : key->versions) {
            if (const auto count = version.new_uses->exchange(0, std::memory_order_relaxed); count != 0)
                uses.push_back({version.id, count, version.new_uses});
        }
    }
    if (uses.empty()) return {};
    const auto written = parts_.writer.run([&](sqlite::Transaction& transaction) -> Status {
        for (const auto& use : uses)
            SIGNET_TRY(sqlite::key_store::add_uses(transaction, use.id.label, use.id.version, use.count));
        return {};
    });
    if (!written) {
        for (const auto& use : uses)
            use.counter->fetch_add(use.count, std::memory_order_relaxed);
    }
    return written;
}

}  // namespace signet::service
