#include "hsm/token/key_lifecycle.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>

#include "base/log.h"
#include "hsm/token/key_metadata.h"
#include "hsm/token/key_rules.h"
#include "hsm/token/key_templates.h"

namespace signet::token {

using pkcs11::CkResult;
using pkcs11::CkStatus;
using pkcs11::Session;
using pkcs11::Template;

class KeyLifecycle::Reservation {
  public:
    static Result<Reservation> take(KeyLifecycle& owner, const KeyId& id) {
        const std::lock_guard lock(owner.mutex_);
        if (!owner.reserved_.insert(id).second) {
            return fail(ErrorCode::conflict,
                        "the key " + to_string(id) + " is being made or destroyed by another request");
        }
        return Reservation(owner, id);
    }
    Reservation(Reservation&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)), id_(other.id_) {}
    Reservation& operator=(Reservation&&) = delete;
    ~Reservation() {
        if (owner_ == nullptr) return;
        const std::lock_guard lock(owner_->mutex_);
        owner_->reserved_.erase(id_);
    }

  private:
    Reservation(KeyLifecycle& owner, KeyId id) : owner_(&owner), id_(std::move(id)) {}
    KeyLifecycle* owner_;
    KeyId id_;
};

namespace {

CkStatus rename(Session& session, CK_OBJECT_HANDLE object, const std::string& label) {
    Template change;
    change.text(CKA_LABEL, label);
    return session.write(object, change);
}

// The token must keep what was asked for: a token that makes a key extractable without being asked is not to be trusted.
bool as_asked(const pkcs11::Attributes& attributes, bool extractable) {
    return attributes.flag(CKA_SENSITIVE) && attributes.has(CKA_EXTRACTABLE) &&
           attributes.flag(CKA_EXTRACTABLE) == extractable;
}

// What a generation or an import of ours can leave.
bool is_swept(CK_OBJECT_CLASS object_class) {
    return object_class == CKO_PRIVATE_KEY || object_class == CKO_SECRET_KEY ||
           object_class == CKO_PUBLIC_KEY || object_class == CKO_CERTIFICATE;
}

CkStatus destroy_all(Session& session, Template& pattern) {
    SIGNET_ASSIGN(const auto objects, session.find(pattern));
    for (const auto object : objects) {
        if (auto done = session.destroy(object); !done && !pkcs11::is_stale_handle(done.error().rv))
            return done;
    }
    return {};
}

}  // namespace

Result<KeyInfo> KeyLifecycle::generate(const GenerateKeyRequest& request) {
    const auto& id = request.id;
    SIGNET_TRY(check_label(id.label));
    if (id.version == 0) return fail(ErrorCode::invalid_argument, "versions of a key count from 1");
    SIGNET_TRY(check_usages(request.algorithm, request.usages));
    SIGNET_TRY(check_made_here(request.usages));
    SIGNET_ASSIGN(const auto reservation, Reservation::take(*this, id));
    if (auto existing = keys_->get_existing(id)) {
        return fail(ErrorCode::already_exists, "the key " + to_string(id) + " exists already");
    } else if (existing.error().code != ErrorCode::not_found) {
        return std::unexpected(std::move(existing).error());
    }

    const auto what = "making the key " + to_string(id);
    const auto explained = [&](const pkcs11::Failure& failure) {
        return std::unexpected(context_->explain(failure, what));
    };
    const auto began = std::filesystem::file_time_type::clock::now();
    auto session = context_->writable_session();
    if (!session) return explained(session.error());

    KeyMetadata metadata{
        .algorithm = request.algorithm, .usages = request.usages, .version = id.version, .random = {}};
    if (auto done = session->random(metadata.random); !done) return explained(done.error());
    const auto cka_id = encode(metadata);
    const auto label = provisional_label(metadata);
    auto handles = token::generate(*session,
                                   {.algorithm = request.algorithm,
                                    .usages = request.usages,
                                    .on_token = true,
                                    .extractable = request.extractable,
                                    .cka_id = cka_id,
                                    .label = label},
                                   context_->quirks());
    if (!handles) {
        // Some tokens leave the public object behind when the private one did not fit.
        Template leftovers;
        leftovers.text(CKA_LABEL, label);
        (void)destroy_all(*session, leftovers);
        return explained(handles.error());
    }
    const auto undo = [&] {
        (void)session->destroy(handles->key);
        if (handles->public_key != CK_INVALID_HANDLE) (void)session->destroy(handles->public_key);
    };

    auto attributes = session->read(handles->key, {CKA_SENSITIVE, CKA_EXTRACTABLE});
    if (!attributes || !as_asked(*attributes, request.extractable)) {
        undo();
        if (!attributes) return explained(attributes.error());
        return fail(ErrorCode::token_refused, "the token did not make the key " + to_string(id) +
                                                  " as sensitive and unextractable as asked; it is not used");
    }
    if (handles->public_key != CK_INVALID_HANDLE) {
        if (auto done = rename(*session, handles->public_key, id.label); !done) {
            undo();
            return explained(done.error());
        }
    }
    // Both objects are on disk before one of them says that the key exists, and the name is before anybody hears of it.
    if (auto done = context_->sync_storage(began); !done) {
        undo();
        return std::unexpected(std::move(done).error());
    }
    if (auto done = rename(*session, handles->key, id.label); !done) {
        undo();
        return explained(done.error());
    }
    if (auto done = context_->sync_storage(began); !done) {
        undo();
        return std::unexpected(std::move(done).error());
    }
    auto key = keys_->add(*session, handles->key, handles->public_key);
    if (!key) return explained(key.error());
    return (*key)->info();
}

Status KeyLifecycle::destroy(const KeyId& id) {
    SIGNET_ASSIGN(const auto reservation, Reservation::take(*this, id));
    SIGNET_ASSIGN(const auto key, keys_->get_existing(id));
    const auto what = "destroying the key " + to_string(id);
    const auto began = std::filesystem::file_time_type::clock::now();
    auto session = context_->writable_session();
    if (!session) return std::unexpected(context_->explain(session.error(), what));

    // Out of the cache first: with it goes the session copy, which would outlive the token's object.
    const KeyCache::Closing closing(*keys_, id);
    // The private object first: with it the key is gone, and what a kill leaves behind is swept.
    if (auto done = session->destroy(key->object()); !done)
        return std::unexpected(context_->explain(done.error(), what));
    Template pattern;
    pattern.flag(CKA_TOKEN, true).bytes(CKA_ID, key->cka_id());
    if (auto done = destroy_all(*session, pattern); !done)
        return std::unexpected(context_->explain(done.error(), what));
    return context_->sync_storage(began);
}

Result<KeyLifecycle::Swept> KeyLifecycle::sweep(const std::vector<KeyCache::Object>& objects) {
    const auto explained = [&](const pkcs11::Failure& failure) {
        return std::unexpected(context_->explain(failure, "sweeping what killed generations left"));
    };
    std::set<Bytes> owners;
    for (const auto& object : objects) {
        const bool owner = object.object_class == CKO_PRIVATE_KEY || object.object_class == CKO_SECRET_KEY;
        if (owner && !object.provisional) owners.insert(object.cka_id);
    }
    Swept swept;
    const auto began = std::filesystem::file_time_type::clock::now();
    std::optional<Session> session;
    for (const auto& object : objects) {
        if (!object.provisional && owners.contains(object.cka_id)) continue;
        if (!is_swept(object.object_class)) continue;
        if (!session) {
            auto opened = context_->writable_session();
            if (!opened) return explained(opened.error());
            session = std::move(*opened);
        }
        if (auto done = session->destroy(object.handle); !done && !pkcs11::is_stale_handle(done.error().rv)) {
            return explained(done.error());
        }
        ++(object.provisional ? swept.provisional : swept.orphans);
    }
    if (session) {
        log::warning(
            "token.swept", "removed what killed key generations had left in the token",
            {{"provisional", std::to_string(swept.provisional)}, {"orphans", std::to_string(swept.orphans)}});
        SIGNET_TRY(context_->sync_storage(began));
    }
    return swept;
}

}  // namespace signet::token
