#include "hsm/provider/library_context.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#include <string>
#include <utility>

#include "hsm/provider/openssl_error.h"
#include "hsm/provider/provider_state.h"

namespace signet::provider {
namespace {

thread_local const Deadline* current_deadline = nullptr;

bool is_purpose_of_token_keys(KeyUsage purpose) {
    switch (purpose) {
        case KeyUsage::sign:
        case KeyUsage::certify:
        case KeyUsage::tls:
        case KeyUsage::decrypt:
            return true;
        default:
            return false;
    }
}

}  // namespace

Deadline ProviderState::deadline() const {
    return current_deadline != nullptr ? *current_deadline : Deadline::in(time_limit);
}

DeadlineScope::DeadlineScope(Deadline deadline) : previous_(current_deadline), deadline_(deadline) {
    current_deadline = &deadline_;
}

DeadlineScope::~DeadlineScope() {
    current_deadline = previous_;
}

LibraryContext::LibraryContext(TokenInterface& token, std::chrono::milliseconds time_limit)
    : token_(token),
      state_(std::make_unique<ProviderState>(token, time_limit)),
      context_(OSSL_LIB_CTX_new()) {
    state_->library = context_.get();
}

LibraryContext::~LibraryContext() = default;

Result<std::unique_ptr<LibraryContext>> LibraryContext::create(TokenInterface& token,
                                                               std::chrono::milliseconds time_limit) {
    clear_openssl_errors();
    std::unique_ptr<LibraryContext> created(new LibraryContext(token, time_limit));
    auto* context = created->context_.get();
    if (context == nullptr)
        return fail_openssl(ErrorCode::internal, "cannot make an OpenSSL library context");
    // `default` first and preferred: whatever needs no token key is its work.
    created->default_.reset(OSSL_PROVIDER_load(context, "default"));
    if (!created->default_ || EVP_set_default_properties(context, "?provider=default") != 1 ||
        OSSL_PROVIDER_add_builtin(context, kProviderName, initialise_provider) != 1)
        return fail_openssl(ErrorCode::internal, "cannot set up OpenSSL's providers");
    pending_state = created->state_.get();
    created->own_.reset(OSSL_PROVIDER_load(context, kProviderName));
    pending_state = nullptr;
    if (!created->own_) return fail_openssl(ErrorCode::internal, "cannot load the provider of token keys");
    return created;
}

Result<TokenKey> LibraryContext::load(const KeyInfo& key, KeyUsage purpose) const {
    if (!key.usages.has(purpose))
        return fail(ErrorCode::token_refused, "the key " + to_string(key.id) + " may not be used for " +
                                                  std::string(to_string(purpose)) + ", only for " +
                                                  to_string(key.usages));
    return load(key.id, key.algorithm, key.public_key, purpose);
}

Result<TokenKey> LibraryContext::load(const KeyId& id, KeyUsage purpose, Deadline deadline) const {
    SIGNET_ASSIGN(const auto info, token_.find_key(id, deadline));
    return load(info, purpose);
}

Result<TokenKey> LibraryContext::load(const WrappedKey& key, ByteView public_key, KeyUsage purpose) const {
    if (!key.binding.usages.has(purpose))
        return fail(ErrorCode::token_refused, "the wrapped key of " + key.binding.owner +
                                                  " may not be used for " + std::string(to_string(purpose)));
    return load(key, key.binding.algorithm, public_key, purpose);
}

Result<TokenKey> LibraryContext::load(KeySelector selector, KeyAlgorithm algorithm, ByteView public_key,
                                      KeyUsage purpose) const {
    if (!is_purpose_of_token_keys(purpose) || !is_asymmetric(algorithm))
        return fail(ErrorCode::invalid_argument, "a key of " + std::string(to_string(algorithm)) +
                                                     " cannot be loaded for " +
                                                     std::string(to_string(purpose)));
    clear_openssl_errors();
    SIGNET_ASSIGN(auto handle, make_key_handle(*state_, {selector, algorithm, purpose}, public_key));
    const PkeyCtxPtr context(
        EVP_PKEY_CTX_new_from_name(context_.get(), key_type_name(handle->kind), kProviderProperties));
    void* pointer = &handle;
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_ptr(kKeyHandleParameter, &pointer, sizeof handle),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY* key = nullptr;
    if (context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_KEYPAIR, const_cast<OSSL_PARAM*>(parameters)) != 1)
        return fail_openssl(ErrorCode::internal, "cannot load the token key into OpenSSL");
    return TokenKey(PkeyPtr(key), std::move(selector), algorithm, purpose, to_bytes(public_key), token_,
                    context_.get());
}

ossl_lib_ctx_st* software_context() {
    static ossl_lib_ctx_st* const context = [] {
        ossl_lib_ctx_st* made = OSSL_LIB_CTX_new();
        // On failure every use fails with an error of OpenSSL: no provider, no algorithm.
        if (made != nullptr) OSSL_PROVIDER_load(made, "default");
        return made;
    }();
    return context;
}

}  // namespace signet::provider
