#include "hsm/token/wrapped_keys.h"

#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "base/secret.h"
#include "base/wire.h"
#include "hsm/token/key_rules.h"
#include "hsm/token/key_templates.h"
#include "hsm/token/public_keys.h"
#include "hsm/token/scoped_object.h"
#include "hsm/token/signing.h"
#include "hsm/token/with_key.h"

namespace signet::token {
namespace {

using pkcs11::CkResult;
using pkcs11::Session;

constexpr std::size_t kMaxBlob = 4096;
constexpr std::size_t kMacSize = 32;
// RFC 3394, which means the same on every token; what tokens call AES key wrap with padding differs.
constexpr CK_MECHANISM_TYPE kExportWrap = CKM_AES_KEY_WRAP;

class LiveKey final : public UsableKey {
  public:
    LiveKey(std::string name, const KeyBinding& binding, SessionObject object)
        : UsableKey(std::move(name), binding.algorithm, binding.usages), object_(std::move(object)) {}
    CK_OBJECT_HANDLE handle() const override { return object_.handle(); }

  private:
    SessionObject object_;
};

std::string name_of(const KeyBinding& binding) {
    return binding.key_class + " " + std::to_string(binding.index) + "/" + std::to_string(binding.version) +
           " of " + binding.owner;
}

void put(WireWriter& writer, const KeyId& id) {
    writer.text(id.label);
    writer.number(id.version);
}

CkResult<CK_OBJECT_HANDLE> unwrap_object(Session& session, const pkcs11::Quirks& quirks,
                                         CK_OBJECT_HANDLE wrapping_key, const WrappedKey& key,
                                         bool extractable, CK_MECHANISM_TYPE mechanism) {
    const auto attempt = [&](bool optional_attributes) {
        auto attributes = unwrap_template(key.binding.algorithm, key.binding.usages, extractable, quirks,
                                          optional_attributes);
        return session.unwrap(mechanism, wrapping_key, key.blob, attributes);
    };
    auto handle = attempt(true);
    if (!handle && refuses_attributes(handle.error().rv)) return attempt(false);
    return handle;
}

// A key of our own making, for one export or import.
CkResult<CK_OBJECT_HANDLE> temporary_key(Session& session, const Secret& value) {
    pkcs11::Template key;
    key.number(CKA_CLASS, CKO_SECRET_KEY).number(CKA_KEY_TYPE, CKK_AES);
    key.flag(CKA_TOKEN, false).flag(CKA_PRIVATE, true).flag(CKA_SENSITIVE, true).flag(CKA_EXTRACTABLE, false);
    key.flag(CKA_WRAP, true).flag(CKA_UNWRAP, true).flag(CKA_ENCRYPT, false).flag(CKA_DECRYPT, false);
    key.bytes(CKA_VALUE, value.view());
    auto made = session.create(key);
    // The template holds a copy of the value.
    for (auto& attribute : key.attributes())
        if (attribute.type == CKA_VALUE) wipe(attribute.pValue, attribute.ulValueLen);
    return made;
}

CkResult<Bytes> read_public_key(Session& session, const GeneratedHandles& handles, KeyAlgorithm algorithm) {
    if (handles.public_key == CK_INVALID_HANDLE) return Bytes{};
    SIGNET_ASSIGN(const auto read,
                  session.read(handles.public_key, {CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKA_EC_POINT}));
    auto spki = spki_from(read, algorithm);
    if (spki.empty())
        return std::unexpected(pkcs11::Failure{CKR_DOMAIN_PARAMS_INVALID, "C_GetAttributeValue"});
    return spki;
}

}  // namespace

Bytes binding_message(const WrappedKey& key) {
    WireWriter writer;
    writer.text("signet-wrapped-key-1");
    put(writer, key.wrapping_key);
    put(writer, key.binding_key);
    writer.text(key.binding.owner);
    writer.text(key.binding.key_class);
    writer.number(key.binding.index);
    writer.number(key.binding.version);
    writer.number(static_cast<std::uint8_t>(key.binding.algorithm));
    writer.number(key.binding.usages.bits());
    writer.bytes(key.blob);
    return writer.take();
}

std::size_t WrappedKeys::FingerprintHash::operator()(const Sha256& fingerprint) const {
    std::size_t hash = 0;  // a SHA-256 is as good as any hash of it
    std::memcpy(&hash, fingerprint.data(), sizeof hash);
    return hash;
}

template <class Operation>
auto WrappedKeys::with_wrapping_key(const KeyId& id, std::string_view what, Operation operation) {
    return with_token_key(
        *context_, *keys_, id, what,
        [](const TokenKey& key) { return check_usage(key.usages(), KeyUsage::wrap, key.name()); },
        [&](const TokenKey& key) {
            return context_->with_session([&](Session& session) { return operation(session, key.object()); });
        });
}

Result<Bytes> WrappedKeys::bind(const WrappedKey& key) {
    const auto message = binding_message(key);
    return with_token_key(
        *context_, *keys_, key.binding_key, "binding a wrapped key",
        [](const TokenKey& binding_key) {
            return check_usage(binding_key.usages(), KeyUsage::bind, binding_key.name());
        },
        [&](const TokenKey& binding_key) {
            return context_->with_session([&](Session& session) {
                return hmac(session, binding_key.handle(), MacAlgorithm::hs256, message);
            });
        });
}

Result<std::shared_ptr<const TokenKey>> WrappedKeys::check_pair(const KeyId& wrapping_key,
                                                                const KeyId& binding_key) {
    SIGNET_ASSIGN(const auto bind, keys_->get_existing(binding_key));
    SIGNET_TRY(check_usage(bind->usages(), KeyUsage::bind, bind->name()));
    SIGNET_ASSIGN(auto wrap, keys_->get_existing(wrapping_key));
    SIGNET_TRY(check_usage(wrap->usages(), KeyUsage::wrap, wrap->name()));
    return wrap;
}

Status WrappedKeys::verify(const WrappedKey& key) {
    SIGNET_TRY(check_binding(key.binding));
    if (key.blob.empty() || key.blob.size() > kMaxBlob || key.mac.size() != kMacSize) {
        return fail(ErrorCode::invalid_argument,
                    "a wrapped key has a blob of 1 to 4096 bytes and a MAC of 32");
    }
    SIGNET_ASSIGN(const auto expected, bind(key));
    if (equal_constant_time(expected, key.mac)) return {};
    return fail(
        ErrorCode::token_refused,
        "the wrapped key " + name_of(key.binding) +
            " does not carry the MAC of this owner and purpose; it was altered, or belongs to another");
}

Result<GeneratedWrappedKey> WrappedKeys::generate(const GenerateWrappedRequest& request) {
    SIGNET_TRY(check_binding(request.binding));
    SIGNET_TRY(check_made_here(request.binding.usages));
    // Before anything is made: the binding key must be there and fit.
    SIGNET_ASSIGN(const auto binding_key, keys_->get(request.binding_key));
    SIGNET_TRY(check_usage(binding_key->usages(), KeyUsage::bind, binding_key->name()));

    GeneratedWrappedKey out;
    out.key = {.wrapping_key = request.wrapping_key,
               .binding_key = request.binding_key,
               .binding = request.binding,
               .blob = {},
               .mac = {}};
    const auto& quirks = context_->quirks();
    // In one session from making to destroying, so that the clear object is gone even when something fails between.
    SIGNET_ASSIGN(
        out.key.blob,
        with_wrapping_key(
            request.wrapping_key, "making a wrapped key",
            [&](Session& session, CK_OBJECT_HANDLE wrapping_key) -> CkResult<Bytes> {
                SIGNET_ASSIGN(const auto handles, token::generate(session,
                                                                  {.algorithm = request.binding.algorithm,
                                                                   .usages = request.binding.usages,
                                                                   .on_token = false,
                                                                   .extractable = true,
                                                                   .cka_id = {},
                                                                   .label = {}},
                                                                  quirks));
                const ScopedObject key(session, handles.key);
                const ScopedObject public_key(session, handles.public_key);
                SIGNET_ASSIGN(out.public_key, read_public_key(session, handles, request.binding.algorithm));
                return session.wrap(quirks.key_wrap, wrapping_key, handles.key);
            }));
    SIGNET_ASSIGN(out.key.mac, bind(out.key));
    return out;
}

Result<WrappedKey> WrappedKeys::rewrap(const RewrapRequest& request) {
    SIGNET_TRY(verify(request.key));
    const auto& quirks = context_->quirks();
    SIGNET_ASSIGN(const auto new_key, keys_->get_existing(request.new_wrapping_key));
    SIGNET_TRY(check_usage(new_key->usages(), KeyUsage::wrap, new_key->name()));
    auto out = request.key;
    out.wrapping_key = request.new_wrapping_key;
    out.binding_key = request.new_binding_key;
    SIGNET_ASSIGN(out.blob,
                  with_wrapping_key(request.key.wrapping_key, "re-wrapping a key",
                                    [&](Session& session, CK_OBJECT_HANDLE wrapping_key) -> CkResult<Bytes> {
                                        SIGNET_ASSIGN(const auto handle,
                                                      unwrap_object(session, quirks, wrapping_key,
                                                                    request.key, true, quirks.key_wrap));
                                        const ScopedObject key(session, handle);
                                        return session.wrap(quirks.key_wrap, new_key->object(), handle);
                                    }));
    SIGNET_ASSIGN(out.mac, bind(out));
    return out;
}

Result<std::vector<Bytes>> WrappedKeys::wrap_under(const Secret& kek, const std::vector<WrappedKey>& keys) {
    const auto& quirks = context_->quirks();
    std::vector<Bytes> out;
    for (const auto& key : keys) {
        SIGNET_TRY(verify(key));
        if (is_asymmetric(key.binding.algorithm))
            return fail(ErrorCode::token_refused, name_of(key.binding) + " is no secret key; it stays");
        SIGNET_ASSIGN(auto blob, with_wrapping_key(
                                     key.wrapping_key, "exporting a secret",
                                     [&](Session& session, CK_OBJECT_HANDLE wrapping_key) -> CkResult<Bytes> {
                                         SIGNET_ASSIGN(const auto handle,
                                                       unwrap_object(session, quirks, wrapping_key, key, true,
                                                                     quirks.key_wrap));
                                         const ScopedObject secret(session, handle);
                                         SIGNET_ASSIGN(const auto temporary, temporary_key(session, kek));
                                         const ScopedObject over(session, temporary);
                                         return session.wrap(kExportWrap, temporary, handle);
                                     }));
        out.push_back(std::move(blob));
    }
    return out;
}

Result<WrappedKey> WrappedKeys::take_in(const Secret& kek, ByteView blob, GenerateWrappedRequest as) {
    SIGNET_TRY(check_binding(as.binding));
    if (is_asymmetric(as.binding.algorithm))
        return fail(ErrorCode::token_refused, "only secret keys are taken in");
    const auto& quirks = context_->quirks();
    WrappedKey out{.wrapping_key = as.wrapping_key,
                   .binding_key = as.binding_key,
                   .binding = std::move(as.binding),
                   .blob = {},
                   .mac = {}};
    WrappedKey sent = out;
    sent.blob = to_bytes(blob);
    SIGNET_ASSIGN(out.blob, with_wrapping_key(
                                out.wrapping_key, "taking in a secret",
                                [&](Session& session, CK_OBJECT_HANDLE wrapping_key) -> CkResult<Bytes> {
                                    SIGNET_ASSIGN(const auto temporary, temporary_key(session, kek));
                                    const ScopedObject under(session, temporary);
                                    SIGNET_ASSIGN(const auto handle, unwrap_object(session, quirks, temporary,
                                                                                   sent, true, kExportWrap));
                                    const ScopedObject secret(session, handle);
                                    return session.wrap(quirks.key_wrap, wrapping_key, handle);
                                }));
    SIGNET_ASSIGN(out.mac, bind(out));
    return out;
}

Result<WrappedKey> WrappedKeys::derive(const DeriveSecretRequest& request) {
    SIGNET_TRY(verify(request.key));
    SIGNET_TRY(check_binding(request.binding));
    if (request.key.binding.algorithm != KeyAlgorithm::hmac_256 ||
        request.binding.algorithm != KeyAlgorithm::hmac_256 || request.context.size() != kMacSize)
        return fail(ErrorCode::token_refused,
                    "a secret is derived from one of hmac-256, with a context of 32 bytes");
    const auto& quirks = context_->quirks();
    WrappedKey out{.wrapping_key = request.wrapping_key,
                   .binding_key = request.binding_key,
                   .binding = request.binding,
                   .blob = {},
                   .mac = {}};
    SIGNET_ASSIGN(const auto new_key, keys_->get_existing(request.wrapping_key));
    SIGNET_TRY(check_usage(new_key->usages(), KeyUsage::wrap, new_key->name()));
    SIGNET_ASSIGN(
        out.blob,
        with_wrapping_key(
            request.key.wrapping_key, "deriving a secret",
            [&](Session& session, CK_OBJECT_HANDLE wrapping_key) -> CkResult<Bytes> {
                pkcs11::Template base;
                base.number(CKA_CLASS, CKO_SECRET_KEY).number(CKA_KEY_TYPE, CKK_AES);
                base.flag(CKA_TOKEN, false).flag(CKA_PRIVATE, true).flag(CKA_SENSITIVE, true);
                base.flag(CKA_EXTRACTABLE, false).flag(CKA_DERIVE, true);
                base.flag(CKA_ENCRYPT, false).flag(CKA_DECRYPT, false).flag(CKA_SIGN, false);
                SIGNET_ASSIGN(const auto from,
                              session.unwrap(quirks.key_wrap, wrapping_key, request.key.blob, base));
                const ScopedObject old(session, from);
                auto next = private_template({.algorithm = KeyAlgorithm::hmac_256,
                                              .usages = request.binding.usages,
                                              .on_token = false,
                                              .extractable = true,
                                              .cka_id = {},
                                              .label = {}},
                                             quirks, false);
                SIGNET_ASSIGN(
                    const auto handle,
                    session.derive(pkcs11::Mechanism::aes_ecb_encrypt_data(request.context), from, next));
                const ScopedObject made(session, handle);
                return session.wrap(quirks.key_wrap, new_key->object(), handle);
            }));
    SIGNET_ASSIGN(out.mac, bind(out));
    return out;
}

Result<std::shared_ptr<const UsableKey>> WrappedKeys::unwrap(const WrappedKey& key) {
    SIGNET_TRY(verify(key));
    return with_token_key(
        *context_, *keys_, key.wrapping_key, "unwrapping a key",
        [](const TokenKey& wrapping_key) {
            return check_usage(wrapping_key.usages(), KeyUsage::wrap, wrapping_key.name());
        },
        [&](const TokenKey& wrapping_key) -> CkResult<std::shared_ptr<const UsableKey>> {
            SIGNET_ASSIGN(const auto handle, context_->with_object_session([&](Session& session) {
                return unwrap_object(session, context_->quirks(), wrapping_key.object(), key, false,
                                     context_->quirks().key_wrap);
            }));
            return std::make_shared<const LiveKey>(name_of(key.binding), key.binding,
                                                   SessionObject(*context_, handle));
        });
}

Result<std::shared_ptr<const UsableKey>> WrappedKeys::get(const WrappedKey& key) {
    // Over everything that was verified, the MAC included: a hit is the very same key.
    auto message = binding_message(key);
    message.insert(message.end(), key.mac.begin(), key.mac.end());
    const auto fingerprint = sha256(message);
    std::uint64_t forgotten_before = 0;
    {
        const std::lock_guard lock(mutex_);
        forgotten_before = forgotten_;
        if (const auto found = live_.find(fingerprint); found != live_.end()) {
            usage_.splice(usage_.begin(), usage_, found->second);
            return found->second->key;
        }
    }
    SIGNET_ASSIGN(auto unwrapped, unwrap(key));
    // Destroyed after the lock is given back: that takes another lock. Whoever still uses one keeps it alive.
    std::optional<Live> evicted;
    const std::lock_guard lock(mutex_);
    if (const auto found = live_.find(fingerprint); found != live_.end()) return found->second->key;
    if (context_->options().live_key_limit == 0 || forgotten_ != forgotten_before) return unwrapped;
    usage_.push_front({fingerprint, key.wrapping_key, key.binding_key, unwrapped});
    live_.emplace(fingerprint, usage_.begin());
    if (usage_.size() > context_->options().live_key_limit) {
        live_.erase(usage_.back().fingerprint);
        evicted = std::move(usage_.back());
        usage_.pop_back();
    }
    return unwrapped;
}

void WrappedKeys::drop(const WrappedKey& key) {
    auto message = binding_message(key);
    message.insert(message.end(), key.mac.begin(), key.mac.end());
    std::optional<Live> dropped;
    const std::lock_guard lock(mutex_);
    if (const auto found = live_.find(sha256(message)); found != live_.end()) {
        dropped = std::move(*found->second);
        usage_.erase(found->second);
        live_.erase(found);
    }
}

void WrappedKeys::forget(const KeyId& token_key) {
    std::vector<Live> dropped;
    const std::lock_guard lock(mutex_);
    ++forgotten_;
    for (auto place = usage_.begin(); place != usage_.end();) {
        if (place->wrapping_key == token_key || place->binding_key == token_key) {
            live_.erase(place->fingerprint);
            dropped.push_back(std::move(*place));
            place = usage_.erase(place);
        } else {
            ++place;
        }
    }
}

std::size_t WrappedKeys::live() const {
    const std::lock_guard lock(mutex_);
    return usage_.size();
}

}  // namespace signet::token
