#include "hsm/token/backup_keys.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>

#include "base/wire.h"
#include "hsm/token/key_metadata.h"
#include "hsm/token/key_templates.h"
#include "hsm/token/public_keys.h"
#include "hsm/token/with_key.h"

namespace signet::token {
namespace {

using pkcs11::CkResult;
using pkcs11::Session;
using pkcs11::Template;

constexpr std::size_t kKeySize = 32;

void hmac_sha256(ByteView key, ByteView data, std::uint8_t* out) {
    unsigned int size = 0;
    if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), data.data(), data.size(), out, &size) ==
        nullptr)
        std::abort();
}

// The backup key as the token sees it: for wrapping and unwrapping, gone with its session.
Template object_template(const Secret& key) {
    Template out;
    out.number(CKA_CLASS, CKO_SECRET_KEY).number(CKA_KEY_TYPE, CKK_AES);
    out.flag(CKA_TOKEN, false).flag(CKA_PRIVATE, true).flag(CKA_SENSITIVE, true).flag(CKA_EXTRACTABLE, false);
    out.flag(CKA_WRAP, true).flag(CKA_UNWRAP, true).flag(CKA_ENCRYPT, false).flag(CKA_DECRYPT, false);
    out.bytes(CKA_VALUE, key.view());
    return out;
}

CkResult<CK_OBJECT_HANDLE> create_public(Session& session, const pkcs11::Attributes& values,
                                         const KeyTemplate& key) {
    auto attributes = public_template(key);
    attributes.remove(CKA_MODULUS_BITS);
    if (is_rsa(key.algorithm)) {
        attributes.remove(CKA_PUBLIC_EXPONENT);
        attributes.bytes(CKA_MODULUS, values.bytes(CKA_MODULUS));
        attributes.bytes(CKA_PUBLIC_EXPONENT, values.bytes(CKA_PUBLIC_EXPONENT));
    } else {
        attributes.bytes(CKA_EC_POINT, values.bytes(CKA_EC_POINT));
    }
    return session.create(attributes);
}

}  // namespace

Bytes backup_message(const BackedUpKey& key) {
    WireWriter writer;
    writer.text("signet-backup-1");
    writer.text(key.key.id.label);
    writer.number(key.key.id.version);
    writer.number(static_cast<std::uint8_t>(key.key.algorithm));
    writer.number(key.key.usages.bits());
    writer.bytes(key.key.public_key);
    writer.bytes(key.blob);
    return writer.take();
}

Sha256 backup_mac(const Secret& backup_key, const BackedUpKey& key) {
    Secret binding(kKeySize);
    hmac_sha256(backup_key.view(), as_bytes("signet-backup-binding-1"), binding.data());
    Sha256 out{};
    hmac_sha256(binding.view(), backup_message(key), out.data());
    return out;
}

Status BackupKeys::set_key(const Secret& key) {
    std::shared_ptr<Material> before;
    if (key.empty()) {
        const std::lock_guard lock(mutex_);
        before = std::move(material_);
        material_.reset();
        return {};
    }
    if (key.size() != kKeySize) return fail(ErrorCode::invalid_argument, "a backup key has 32 bytes");
    auto handle = context_->with_object_session([&](Session& session) {
        auto attributes = object_template(key);
        return session.create(attributes);
    });
    if (!handle) return std::unexpected(context_->explain(handle.error(), "taking up the backup key"));
    auto made = std::make_shared<Material>(key.clone(), SessionObject(*context_, *handle));
    const std::lock_guard lock(mutex_);
    before = std::exchange(material_, std::move(made));
    return {};
}

Result<std::shared_ptr<BackupKeys::Material>> BackupKeys::material() const {
    const std::lock_guard lock(mutex_);
    if (material_) return material_;
    return fail(
        ErrorCode::failed_precondition,
        "the backup key is not there: its custodians give their shares with `signetctl unlock --backup`");
}

Result<BackedUpKey> BackupKeys::wrap(const KeyId& id) {
    SIGNET_ASSIGN(const auto material, this->material());
    BackedUpKey out;
    SIGNET_ASSIGN(out.blob, with_token_key(
                                *context_, *keys_, id, "wrapping a key for the backup",
                                [&](const TokenKey& key) -> Status {
                                    out.key = key.info();
                                    if (key.info().attributes.extractable) return {};
                                    return fail(ErrorCode::token_refused,
                                                "the key " + key.name() +
                                                    " was not made to be backed up: it can never leave "
                                                    "the token");
                                },
                                [&](const TokenKey& key) {
                                    return context_->with_session([&](Session& session) {
                                        return session.wrap(context_->quirks().backup_wrap,
                                                            material->object.handle(), key.object());
                                    });
                                }));
    const auto mac = backup_mac(material->key, out);
    out.mac.assign(mac.begin(), mac.end());
    return out;
}

Result<KeyInfo> BackupKeys::restore(const BackedUpKey& backed_up) {
    const auto& id = backed_up.key.id;
    SIGNET_ASSIGN(const auto material, this->material());
    if (!equal_constant_time(backup_mac(material->key, backed_up), backed_up.mac))
        return fail(
            ErrorCode::token_refused,
            "the key " + to_string(id) + " in the backup was altered, or is under another backup key");
    SIGNET_TRY(check_label(id.label));
    SIGNET_TRY(check_usages(backed_up.key.algorithm, backed_up.key.usages));
    if (id.version == 0) return fail(ErrorCode::invalid_argument, "versions of a key count from 1");
    const std::lock_guard lock(restoring_);
    if (auto existing = keys_->get_existing(id))
        return fail(ErrorCode::already_exists, "the key " + to_string(id) + " exists already");
    else if (existing.error().code != ErrorCode::not_found)
        return std::unexpected(std::move(existing).error());

    const auto explained = [&](const pkcs11::Failure& failure) {
        return std::unexpected(context_->explain(failure, "restoring the key " + to_string(id)));
    };
    const auto began = std::filesystem::file_time_type::clock::now();
    auto session = context_->writable_session();
    if (!session) return explained(session.error());
    KeyMetadata metadata{.algorithm = backed_up.key.algorithm,
                         .usages = backed_up.key.usages,
                         .version = id.version,
                         .random = {}};
    if (auto done = session->random(metadata.random); !done) return explained(done.error());
    const auto cka_id = encode(metadata);
    const auto provisional = provisional_label(metadata);
    const KeyTemplate key{.algorithm = backed_up.key.algorithm,
                          .usages = backed_up.key.usages,
                          .on_token = true,
                          .extractable = true,
                          .cka_id = cka_id,
                          .label = provisional};
    CK_OBJECT_HANDLE public_key = CK_INVALID_HANDLE;
    if (is_asymmetric(key.algorithm)) {
        const auto values = public_attributes(backed_up.key.public_key, key.algorithm);
        if (!values)
            return fail(ErrorCode::invalid_argument,
                        "the backup's public key of " + to_string(id) + " is malformed");
        auto made = create_public(*session, *values, key);
        if (!made) return explained(made.error());
        public_key = *made;
    }
    const auto attempt = [&](bool optional_attributes) {
        auto attributes = private_template(key, context_->quirks(), optional_attributes);
        attributes.remove(CKA_VALUE_LEN);  // comes with the blob
        const bool ec = is_asymmetric(key.algorithm) && !is_rsa(key.algorithm);
        if (ec && context_->quirks().unwrapped_ec_extra != 0) {
            // A token object is found by its public value.
            const auto values = public_attributes(backed_up.key.public_key, key.algorithm);
            attributes.bytes(context_->quirks().unwrapped_ec_extra, ec_point_value(*values));
        }
        return session->unwrap(context_->quirks().backup_wrap, material->object.handle(), backed_up.blob,
                               attributes);
    };
    auto handle = attempt(true);
    if (!handle && refuses_attributes(handle.error().rv)) handle = attempt(false);
    const auto undo = [&] {
        if (handle) (void)session->destroy(*handle);
        if (public_key != CK_INVALID_HANDLE) (void)session->destroy(public_key);
    };
    const auto rename = [&](CK_OBJECT_HANDLE object) {
        Template change;
        change.text(CKA_LABEL, id.label);
        return session->write(object, change);
    };
    if (!handle) {
        const auto failure = handle.error();
        undo();
        return explained(failure);
    }
    // As in a generation: both objects are on disk before one of them says that the key exists.
    if (public_key != CK_INVALID_HANDLE) {
        if (auto done = rename(public_key); !done) return undo(), explained(done.error());
    }
    if (auto done = context_->sync_storage(began); !done)
        return undo(), std::unexpected(std::move(done).error());
    if (auto done = rename(*handle); !done) return undo(), explained(done.error());
    if (auto done = context_->sync_storage(began); !done)
        return undo(), std::unexpected(std::move(done).error());
    auto added = keys_->add(*session, *handle, public_key);
    if (!added) return explained(added.error());
    return (*added)->info();
}

}  // namespace signet::token
