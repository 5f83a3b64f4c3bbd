#include "daemon/service/registry.h"

#include <algorithm>
#include <utility>

namespace signet::service {

std::string_view KeyVersion::state_name() const {
    return available || state == KeyState::destroyed ? to_string(state) : "unavailable";
}

KeyInfo KeyVersion::info() const {
    KeyInfo out;
    out.id = id;
    out.algorithm = algorithm;
    out.usages = usages;
    out.public_key = public_key;
    return out;
}

const KeyVersion* Key::active() const {
    const auto found = std::ranges::find(versions, KeyState::active, &KeyVersion::state);
    return found == versions.end() ? nullptr : &*found;
}

const KeyVersion& Key::shown() const {
    const auto* version = active();
    return version != nullptr ? *version : versions.back();
}

const KeyVersion* Key::find(std::uint32_t version) const {
    const auto found =
        std::ranges::find_if(versions, [&](const KeyVersion& v) { return v.id.version == version; });
    return found == versions.end() ? nullptr : &*found;
}

Registry::Registry(std::vector<sqlite::StoredKey> rows, const Registry* before) {
    std::vector<std::shared_ptr<Key>> keys;
    for (auto& row : rows) {
        const auto algorithm = key_algorithm_from(row.algorithm);
        if (!algorithm) continue;  // of a newer signetd; migrations refuse such a database already
        if (keys.empty() || keys.back()->label != row.label) {
            keys.push_back(std::make_shared<Key>());
            keys.back()->label = row.label;
        }
        KeyVersion version;
        version.id = {row.label, row.version};
        version.algorithm = *algorithm;
        version.usages = KeyUsages::from_bits(row.usages);
        version.state = row.state;
        version.available = !row.unavailable_since;
        version.created = row.created;
        version.activated = row.activated;
        version.not_after = row.not_after;
        version.public_key = std::move(row.public_key);
        version.created_by = std::move(row.created_by);
        version.uses = row.uses;
        const auto old_key = before != nullptr ? before->find(row.label) : nullptr;
        const auto* old_version = old_key != nullptr ? old_key->find(row.version) : nullptr;
        version.new_uses = old_version != nullptr ? old_version->new_uses : std::make_shared<UseCounter>(0);
        keys.back()->versions.push_back(std::move(version));
    }
    for (auto& key : keys) {
        sorted_.push_back(key);
        by_label_.emplace(std::string_view(key->label), key);
    }
}

std::shared_ptr<const Key> Registry::find(std::string_view label) const {
    const auto found = by_label_.find(label);
    return found == by_label_.end() ? nullptr : found->second;
}

}  // namespace signet::service
