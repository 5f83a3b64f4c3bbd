#include "hsm/token/token_operations.h"

#include <unistd.h>

#include <utility>

#include "base/log.h"
#include "hsm/pkcs11/mechanisms.h"
#include "hsm/token/backup_keys.h"
#include "hsm/token/certificates.h"
#include "hsm/token/checkpoint.h"
#include "hsm/token/clear_keys.h"
#include "hsm/token/imports.h"
#include "hsm/token/key_cache.h"
#include "hsm/token/key_lifecycle.h"
#include "hsm/token/key_rules.h"
#include "hsm/token/oaep.h"
#include "hsm/token/resident_memory.h"
#include "hsm/token/sealing.h"
#include "hsm/token/secret_export.h"
#include "hsm/token/signing.h"
#include "hsm/token/token_context.h"
#include "hsm/token/with_key.h"
#include "hsm/token/wrapped_keys.h"
#include "hsm/token/wrong_input.h"

namespace signet::token {
namespace {

using pkcs11::CkResult;
using pkcs11::Session;

constexpr std::size_t kMaxBatch = 1000;
constexpr std::size_t kMaxRandom = 4096;
constexpr std::size_t kClearKeySeed = 48;

Status check_ciphertext(const UsableKey& key, ByteView ciphertext) {
    if (ciphertext.size() == modulus_size(key.algorithm())) return {};
    return fail(ErrorCode::invalid_argument, "a ciphertext for " + key.name() + " has " +
                                                 std::to_string(modulus_size(key.algorithm())) + " bytes");
}

}  // namespace

// In the order of use: what is below refers to what is above, and goes first.
struct TokenOperations::Parts {
    explicit Parts(std::unique_ptr<TokenContext> token)
        : context(std::move(token)),
          keys(*context),
          lifecycle(*context, keys),
          wrapped(*context, keys),
          backups(*context, keys),
          certificates(*context, keys),
          checkpoints(*context, keys) {}

    // The key a request names, whichever of the two kinds it is. `check(key)` before `operation(session, key)`, which
    // runs once more with a new handle when the token says that this one is stale.
    template <class Check, class Operation>
    auto with_key(const KeySelector& selector, std::string_view what, Check check, Operation operation)
        -> Result<typename std::invoke_result_t<Operation, Session&, const UsableKey&>::value_type> {
        const auto run = [&](const UsableKey& key) {
            return context->with_session([&](Session& session) { return operation(session, key); });
        };
        if (const auto* id = std::get_if<KeyId>(&selector))
            return with_token_key(*context, keys, *id, what, check, run);
        const auto& blob = std::get<WrappedKey>(selector);
        for (int attempt = 0;; ++attempt) {
            SIGNET_ASSIGN(const auto key, wrapped.get(blob));
            SIGNET_TRY(check(*key));
            auto result = run(*key);
            if (result) return *std::move(result);
            if (attempt == 0 && pkcs11::is_stale_handle(result.error().rv)) {
                wrapped.drop(blob);
                continue;
            }
            return std::unexpected(
                context->explain(result.error(), std::string(what) + " with " + key->name()));
        }
    }

    Status check_software_oaep(bool token_does) const {
        if (token_does || context->options().in_clear.software_oaep) return {};
        return fail(ErrorCode::failed_precondition,
                    "the token does not do RSA-OAEP with these hashes or this label by itself, and doing its "
                    "last step in software is off; an operator may set in_clear: { software_oaep: true } in "
                    "token.yaml");
    }

    Result<Secret> decrypted(Result<std::optional<Secret>> plaintext, std::string_view when_wrong) {
        if (!plaintext) return std::unexpected(std::move(plaintext).error());
        if (*plaintext) return **std::move(plaintext);
        // Also the answer of a token that is gone.
        SIGNET_TRY(context->check_alive());
        return fail(ErrorCode::token_refused, std::string(when_wrong));
    }

    std::unique_ptr<TokenContext> context;
    KeyCache keys;
    KeyLifecycle lifecycle;
    WrappedKeys wrapped;
    BackupKeys backups;
    Certificates certificates;
    Checkpoints checkpoints;
};

TokenOperations::TokenOperations(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
TokenOperations::~TokenOperations() = default;

Result<std::unique_ptr<TokenOperations>> TokenOperations::open(OperationsOptions options, const Secret& pin) {
    SIGNET_ASSIGN(auto module, pkcs11::Module::load(options.module, options.reserved));
    return open(std::move(options), std::move(module), pin);
}

Result<std::unique_ptr<TokenOperations>> TokenOperations::open(OperationsOptions options,
                                                               std::unique_ptr<pkcs11::Module> module,
                                                               const Secret& pin) {
    SIGNET_ASSIGN(auto context, TokenContext::open(std::move(options), std::move(module), pin));
    auto parts = std::make_unique<Parts>(std::move(context));
    std::vector<KeyCache::Object> objects;
    SIGNET_TRY(parts->keys.refresh(&objects));
    if (parts->context->options().sweep) {
        // A token that takes no writes just now keeps its leftovers: they are not used, and it signs all the same.
        if (auto swept = parts->lifecycle.sweep(objects); !swept) {
            if (parts->context->lost()) return std::unexpected(std::move(swept).error());
            log::warning("token.sweep", swept.error().message, {{"detail", swept.error().detail}});
        }
    }
    return std::unique_ptr<TokenOperations>(new TokenOperations(std::move(parts)));
}

Status TokenOperations::probe() {
    SIGNET_TRY(parts_->context->check_alive());
    // One key that must be there: a token whose directory was away for a moment answers everything but this.
    const auto id = parts_->keys.any();
    if (!id) return {};
    auto found = parts_->keys.get_existing(*id);
    if (found || found.error().code == ErrorCode::not_found) return {};
    return std::unexpected(std::move(found).error());
}

bool TokenOperations::needs_restart() const {
    return parts_->context->lost();
}

Result<TokenStatus> TokenOperations::status(Deadline deadline) {
    SIGNET_TRY(parts_->context->ready(deadline));
    SIGNET_TRY(probe());
    const auto& token = parts_->context->token();
    TokenStatus status;
    status.label = token.label;
    status.serial = token.serial;
    status.manufacturer = token.manufacturer;
    status.model = token.model;
    status.module = parts_->context->module().name();
    status.quirks = std::string(parts_->context->quirks().name);
    status.worker_pid = static_cast<std::uint64_t>(getpid());
    status.keys = static_cast<std::uint32_t>(parts_->keys.size());
    status.sessions_open = parts_->context->open_sessions();
    status.live_wrapped_keys = static_cast<std::uint32_t>(parts_->wrapped.live());
    status.resident_bytes = resident_memory(getpid()).value_or(0);
    const auto mechanisms = pkcs11::list_mechanisms(parts_->context->module(), token.slot);
    if (!mechanisms)
        return std::unexpected(
            parts_->context->explain(mechanisms.error(), "listing the token's mechanisms"));
    for (const auto mechanism : *mechanisms)
        status.mechanisms.push_back(pkcs11::mechanism_name(mechanism));
    return status;
}

Result<std::vector<KeyInfo>> TokenOperations::list_keys(Deadline deadline) {
    SIGNET_TRY(parts_->context->ready(deadline));
    SIGNET_TRY(parts_->keys.refresh());
    std::vector<KeyInfo> infos;
    for (const auto& key : parts_->keys.all())
        infos.push_back(key->info());
    return infos;
}

Result<KeyInfo> TokenOperations::find_key(const KeyId& id, Deadline deadline) {
    SIGNET_TRY(parts_->context->ready(deadline));
    SIGNET_ASSIGN(const auto key, parts_->keys.get_existing(id));
    return key->info();
}

Result<KeyInfo> TokenOperations::generate_key(const GenerateKeyRequest& request, Deadline deadline) {
    SIGNET_TRY(parts_->context->ready(deadline));
    return parts_->lifecycle.generate(request);
}

Status TokenOperations::destroy_key(const KeyId& id, Deadline deadline) {
    SIGNET_TRY(parts_->context->ready(deadline));
    SIGNET_TRY(parts_->lifecycle.destroy(id));
    parts_->wrapped.forget(id);
    return {};
}

Status TokenOperations::forget_key(const KeyId& id, Deadline deadline) {
    SIGNET_TRY(parts_->context->ready(deadline));
    parts_->keys.forget(id);
    parts_->wrapped.forget(id);
    return {};
}

Result<Bytes> TokenOperations::sign(const SignRequest& request, Deadline deadline) {
    SIGNET_TRY(parts_->context->ready(deadline));
    SIGNET_TRY(check_sign_input(request.algorithm, request.input));
    return parts_->with_key(
        request.key, "signing",
        [&](const UsableKey& key) {
            return check_sign(key.algorithm(), key.usages(), key.name(), request.algorithm, request.purpose);
        },
        [&](Session& session, const UsableKey& key) {
            return token::sign(session, key.handle(), key.algorithm(), request.algorithm, request.input);
        });
}

Result<std::vector<Bytes>> TokenOperations::sign_batch(const SignBatchRequest& request, Deadline deadline) {
    SIGNET_TRY(parts_->context->ready(deadline));
    if (request.inputs.empty() || request.inputs.size() > kMaxBatch) {
        return fail(ErrorCode::invalid_argument, "a batch has 1 to 1,000 inputs");
    }
    for (const auto& input : request.inputs)
        SIGNET_TRY(check_sign_input(request.algorithm, input));
    std::vector<Bytes> signatures;
    bool in_time = true;
    SIGNET_TRY(parts_->with_key(
        request.key, "signing a batch",
        [&](const UsableKey& key) {
            return check_sign(key.algorithm(), key.usages(), key.name(), request.algorithm, request.purpose);
        },
        // A batch that is begun anew, with another handle or session, goes on where the former try ended.
        [&](Session& session, const UsableKey& key) -> CkResult<bool> {
            while (in_time && signatures.size() < request.inputs.size()) {
                SIGNET_ASSIGN(auto signature,
                              token::sign(session, key.handle(), key.algorithm(), request.algorithm,
                                          request.inputs[signatures.size()]));
                signatures.push_back(std::move(signature));
                in_time = std::chrono::steady_clock::now() < deadline.at;
            }
            return true;
        }));
    if (signatures.size() < request.inputs.size()) {
        return fail(ErrorCode::deadline_exceeded,
                    "the batch did not fit in the request's time; send smaller ones");
    }
    return signatures;
}

Result<Bytes> TokenOperations::mac(const MacRequest& request, Deadline deadline) {
    SIGNET_TRY(parts_->context->ready(deadline));
    return parts_->with_key(
        request.key, "computing a MAC",
        [&](const UsableKey& key) {
            return check_mac(key.algorithm(), key.usages(), key.name(), request.algorithm, request.data);
        },
        [&](Session& session, const UsableKey& key) {
            return hmac(session, key.handle(), request.algorithm, request.data);
        });
}

Result<bool> TokenOperations::mac_verify(const MacRequest& request, ByteView mac_to_check,
                                         Deadline deadline) {
    SIGNET_ASSIGN(const auto expected, mac(request, deadline));
    return equal_constant_time(expected, mac_to_check);
}

Result<Secret> TokenOperations::decrypt(const DecryptRequest& request, Deadline deadline) {
    SIGNET_TRY(parts_->context->ready(deadline));
    SIGNET_TRY(check_oaep(request.oaep_hash, request.mgf1_hash, request.label));
    auto plaintext = parts_->with_key(
        request.key, "decrypting",
        [&](const UsableKey& key) -> Status {
            SIGNET_TRY(check_usage(key.usages(), KeyUsage::decrypt, key.name()));
            SIGNET_TRY(check_ciphertext(key, request.ciphertext));
            return parts_->check_software_oaep(token_does_oaep(parts_->context->quirks(), request.oaep_hash,
                                                               request.mgf1_hash, request.label));
        },
        [&](Session& session, const UsableKey& key) {
            return nullopt_when_wrong(
                decrypt_oaep(session, parts_->context->quirks(), key.handle(), request));
        });
    return parts_->decrypted(std::move(plaintext),
                             "the ciphertext does not decrypt with this key, hash and label");
}

Result<Bytes> TokenOperations::random(std::size_t size, Deadline deadline) {
    SIGNET_TRY(parts_->context->ready(deadline));
    if (size == 0 || size > kMaxRandom) {
        return fail(ErrorCode::invalid_argument, "random bytes come 1 to 4,096 at a time");
    }
    auto bytes = parts_->context->with_session([size](Session& session) -> CkResult<Bytes> {
        Bytes out(size);
        SIGNET_TRY(session.random(out));
        return out;
    });
    if (!bytes) return std::unexpected(parts_->context->explain(bytes.error(), "making random bytes"));
    return *std::move(bytes);
}

Result<Bytes> TokenOperations::seal(const SealRequest& request, Deadline deadline) {
    SIGNET_TRY(parts_->context->ready(deadline));
    SIGNET_TRY(check_seal(request));
    return parts_->with_key(
        request.key, "sealing",
        [](const UsableKey& key) { return check_usage(key.usages(), KeyUsage::seal, key.name()); },
        [&](Session& session, const UsableKey& key) { return token::seal(session, key.handle(), request); });
}

Result<Secret> TokenOperations::unseal(const UnsealRequest& request, Deadline deadline) {
    SIGNET_TRY(parts_->context->ready(deadline));
    SIGNET_TRY(check_unseal(request));
    auto plaintext = parts_->with_key(
        request.key, "unsealing",
        [](const UsableKey& key) { return check_usage(key.usages(), KeyUsage::seal, key.name()); },
        [&](Session& session, const UsableKey& key) {
            return nullopt_when_wrong(token::unseal(session, key.handle(), request));
        });
    return parts_->decrypted(std::move(plaintext),
                             "the sealed secret was altered, or sealed under another key or context");
}

Result<GeneratedWrappedKey> TokenOperations::generate_wrapped(const GenerateWrappedRequest& request,
                                                              Deadline deadline) {
    SIGNET_TRY(parts_->context->ready(deadline));
    return parts_->wrapped.generate(request);
}

Result<WrappedKey> TokenOperations::rewrap(const RewrapRequest& request, Deadline deadline) {
    SIGNET_TRY(parts_->context->ready(deadline));
    return parts_->wrapped.rewrap(request);
}

Result<ImportedSecret> TokenOperations::import_secret(const ImportSecretRequest& request, Deadline deadline) {
    SIGNET_TRY(parts_->context->ready(deadline));
    SIGNET_TRY(check_import(request));
    const auto& quirks = parts_->context->quirks();
    SIGNET_ASSIGN(const auto wrapping_key,
                  parts_->wrapped.check_pair(request.wrapping_key, request.binding_key));
    SIGNET_ASSIGN(auto secret,
                  parts_->with_key(
                      request.key, "importing a secret",
                      [&](const UsableKey& key) -> Status {
                          // A key that decrypts for its callers hides nothing from them; this may use it as well.
                          if (!key.usages().has(KeyUsage::decrypt))
                              SIGNET_TRY(check_usage(key.usages(), KeyUsage::unwrap, key.name()));
                          SIGNET_TRY(check_ciphertext(key, request.ciphertext));
                          return parts_->check_software_oaep(unwraps_in_token(quirks, key.usages(), request));
                      },
                      [&](Session& session, const UsableKey& key) {
                          return token::import_secret(session, quirks, key, wrapping_key->object(), request);
                      }));
    if (!secret) {
        SIGNET_TRY(parts_->context->check_alive());
        return fail(ErrorCode::token_refused, "the ciphertext does not decrypt to a key of " +
                                                  std::string(to_string(request.binding.algorithm)) +
                                                  " with this key, hash and label");
    }
    ImportedSecret out{.key = {.wrapping_key = request.wrapping_key,
                               .binding_key = request.binding_key,
                               .binding = request.binding,
                               .blob = std::move(secret->blob),
                               .mac = {}},
                       .check_value = secret->check_value};
    SIGNET_ASSIGN(out.key.mac, parts_->wrapped.bind(out.key));
    return out;
}

Result<ClearKeyPair> TokenOperations::generate_clear(const GenerateClearRequest& request, Deadline deadline) {
    SIGNET_TRY(parts_->context->ready(deadline));
    if (!parts_->context->options().in_clear.merchant_keys) {
        return fail(ErrorCode::failed_precondition,
                    "making a key pair that is given out in clear is off; an operator may set in_clear: { "
                    "merchant_keys: true } in token.yaml");
    }
    SIGNET_ASSIGN(auto seed, random(kClearKeySeed, deadline));
    auto pair = token::generate_clear(request.algorithm, seed);
    wipe(seed);
    return pair;
}

Result<ExportedSecrets> TokenOperations::export_secrets(const ExportSecretsRequest& request,
                                                        Deadline deadline) {
    SIGNET_TRY(parts_->context->ready(deadline));
    return token::export_secrets(parts_->wrapped, request);
}

Result<std::vector<WrappedKey>> TokenOperations::import_secrets(const ImportSecretsRequest& request,
                                                                Deadline deadline) {
    SIGNET_TRY(parts_->context->ready(deadline));
    return token::import_secrets(parts_->wrapped, request);
}

Result<Secret> TokenOperations::reveal_secrets(const RevealSecretsRequest& request, Deadline deadline) {
    SIGNET_TRY(parts_->context->ready(deadline));
    if (!parts_->context->options().reveal_secrets)
        return fail(ErrorCode::token_refused,
                    "secrets are not shown in clear; token.yaml would have to say reveal_secrets: true");
    return token::reveal_secrets(parts_->wrapped, request);
}

Result<WrappedKey> TokenOperations::derive_secret(const DeriveSecretRequest& request, Deadline deadline) {
    SIGNET_TRY(parts_->context->ready(deadline));
    return parts_->wrapped.derive(request);
}

Result<BackedUpKey> TokenOperations::wrap_for_backup(const KeyId& id, Deadline deadline) {
    SIGNET_TRY(parts_->context->ready(deadline));
    return parts_->backups.wrap(id);
}

Result<KeyInfo> TokenOperations::restore_key(const BackedUpKey& key, Deadline deadline) {
    SIGNET_TRY(parts_->context->ready(deadline));
    return parts_->backups.restore(key);
}

Status TokenOperations::set_backup_key(const Secret& key) {
    return parts_->backups.set_key(key);
}

Status TokenOperations::import_certificate(const CertificateEntry& entry, Deadline deadline) {
    SIGNET_TRY(parts_->context->ready(deadline));
    return parts_->certificates.import(entry);
}

Result<std::vector<CertificateEntry>> TokenOperations::list_certificates(Deadline deadline) {
    SIGNET_TRY(parts_->context->ready(deadline));
    return parts_->certificates.list();
}

Result<Bytes> TokenOperations::sign_checkpoint(const CheckpointRequest& request, Deadline deadline) {
    SIGNET_TRY(parts_->context->ready(deadline));
    return parts_->checkpoints.sign(request);
}

Result<TokenOperations::Reanchored> TokenOperations::re_anchor(const Anchor& anchor,
                                                               const std::string& reason) {
    return parts_->checkpoints.re_anchor(anchor, reason);
}

Result<std::optional<Anchor>> TokenOperations::read_anchor(Deadline deadline) {
    SIGNET_TRY(parts_->context->ready(deadline));
    return parts_->checkpoints.read();
}

}  // namespace signet::token
