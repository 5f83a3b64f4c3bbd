#include "daemon/ctl/audit_keys.h"

#include "base/file.h"
#include "hsm/frames/token_interface.h"
#include "hsm/pki/signature.h"
#include "sqlite/key_store.h"

namespace signet::ctl {

Status AuditKeys::add_file(const std::filesystem::path& path) {
    SIGNET_ASSIGN(const auto text, read_file(path, 65536));
    auto key = pki::PublicKey::from_pem(text);
    if (!key) {
        key.error().message = path.string() + ": " + key.error().message;
        return std::unexpected(std::move(key).error());
    }
    vouched_.push_back(*std::move(key));
    return {};
}

Status AuditKeys::add_registered(sqlite::Connection& db) {
    SIGNET_ASSIGN(const auto keys, sqlite::key_store::list(db));
    for (const auto& key : keys) {
        if (!KeyUsages::from_bits(key.usages).has(KeyUsage::audit) || key.public_key.empty()) continue;
        SIGNET_ASSIGN(auto parsed, pki::PublicKey::from_spki(key.public_key));
        registered_.emplace(std::pair(key.label, key.version), std::move(parsed));
    }
    return {};
}

Result<bool> AuditKeys::check(const sqlite::Checkpoint& checkpoint) const {
    const auto algorithm = sign_algorithm_from(checkpoint.algorithm);
    if (!algorithm) return false;
    const auto message = checkpoint_message(checkpoint.head.sequence, checkpoint.head.hash);
    const auto signed_by = [&](const pki::PublicKey& key) {
        return key.fits(*algorithm) &&
               pki::verify(key, *algorithm, message, checkpoint.signature).value_or(false);
    };
    if (const auto found = registered_.find({checkpoint.key_label, checkpoint.key_version});
        found != registered_.end())
        return signed_by(found->second);
    for (const auto& key : vouched_) {
        if (signed_by(key)) return true;
    }
    return false;
}

}  // namespace signet::ctl
