#include "hsm/pki/chain.h"

#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <memory>

#include "hsm/provider/library_context.h"
#include "hsm/provider/openssl_error.h"

namespace signet::pki {
namespace {

struct StoreDeleter {
    void operator()(X509_STORE* store) const noexcept { X509_STORE_free(store); }
    void operator()(X509_STORE_CTX* context) const noexcept { X509_STORE_CTX_free(context); }
    // The certificates belong to their Certificate objects.
    void operator()(STACK_OF(X509) * stack) const noexcept { sk_X509_free(stack); }
};
using StorePtr = std::unique_ptr<X509_STORE, StoreDeleter>;
using StoreCtxPtr = std::unique_ptr<X509_STORE_CTX, StoreDeleter>;
using StackPtr = std::unique_ptr<STACK_OF(X509), StoreDeleter>;

constexpr std::string_view kOcspSigning = "1.3.6.1.5.5.7.3.9";

int openssl_purpose(ChainPurpose purpose) {
    switch (purpose) {
        case ChainPurpose::any:
            return X509_PURPOSE_ANY;
        case ChainPurpose::tls_server:
            return X509_PURPOSE_SSL_SERVER;
        case ChainPurpose::tls_client:
            return X509_PURPOSE_SSL_CLIENT;
        case ChainPurpose::document_signing:
            return X509_PURPOSE_SMIME_SIGN;
        case ChainPurpose::ocsp_signing:
            return X509_PURPOSE_OCSP_HELPER;
    }
    return X509_PURPOSE_ANY;
}

Status check_leaf(const Certificate& leaf, ChainPurpose purpose) {
    // OpenSSL's "OCSP helper" purpose accepts every certificate.
    if (purpose != ChainPurpose::ocsp_signing) return {};
    for (const auto& usage : leaf.extended_key_usage()) {
        if (usage == kOcspSigning) return {};
    }
    return fail(ErrorCode::unprocessable,
                "the certificate " + leaf.subject_text() + " is not for signing OCSP answers");
}

Result<StorePtr> make_store(const std::vector<Certificate>& anchors, const ChainOptions& options) {
    StorePtr store(X509_STORE_new());
    if (!store) return provider::fail_openssl(ErrorCode::internal, "cannot make a store of trust anchors");
    for (const auto& anchor : anchors)
        X509_STORE_add_cert(store.get(), anchor.get());
    for (const auto& crl : options.crls)
        X509_STORE_add_crl(store.get(), crl.get());
    auto* parameters = X509_STORE_get0_param(store.get());
    unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_USE_CHECK_TIME;
    if (options.strict) flags |= X509_V_FLAG_X509_STRICT;
    if (!options.crls.empty()) flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
    X509_VERIFY_PARAM_set_flags(parameters, flags);
    X509_VERIFY_PARAM_set_time(parameters, static_cast<std::time_t>(to_unix_ms(options.now) / 1000));
    X509_VERIFY_PARAM_set_depth(parameters, static_cast<int>(options.max_depth));
    X509_VERIFY_PARAM_set_auth_level(parameters, 2);
    if (options.purpose != ChainPurpose::any)
        X509_VERIFY_PARAM_set_purpose(parameters, openssl_purpose(options.purpose));
    return store;
}

Result<std::vector<Certificate>> path_of(X509_STORE_CTX* context, const Certificate& leaf,
                                         const std::vector<Certificate>& intermediates,
                                         const std::vector<Certificate>& anchors) {
    std::vector<Certificate> path;
    const auto* chain = X509_STORE_CTX_get0_chain(context);
    const auto take = [&](const X509* x509, const std::vector<Certificate>& from) {
        for (const auto& candidate : from) {
            if (X509_cmp(candidate.get(), x509) != 0) continue;
            path.push_back(candidate);
            return true;
        }
        return false;
    };
    // When the leaf or an intermediate is an anchor itself, OpenSSL's chain may go on beyond it.
    for (int i = 0; i < sk_X509_num(chain); ++i) {
        const X509* x509 = sk_X509_value(chain, i);
        if (take(x509, anchors)) return path;
        if (i == 0) {
            path.push_back(leaf);
        } else if (!take(x509, intermediates)) {
            break;
        }
    }
    return fail(ErrorCode::internal, "the path found does not end in a trust anchor");
}

}  // namespace

Result<std::vector<Certificate>> verify_chain(const Certificate& leaf,
                                              const std::vector<Certificate>& intermediates,
                                              const std::vector<Certificate>& anchors,
                                              const ChainOptions& options) {
    provider::clear_openssl_errors();
    if (anchors.empty())
        return fail(ErrorCode::failed_precondition, "there are no trust anchors to verify against");
    SIGNET_TRY(check_leaf(leaf, options.purpose));
    SIGNET_ASSIGN(const auto store, make_store(anchors, options));
    const StackPtr untrusted(sk_X509_new_null());
    for (const auto& certificate : intermediates)
        sk_X509_push(untrusted.get(), certificate.get());
    const StoreCtxPtr context(X509_STORE_CTX_new_ex(provider::software_context(), nullptr));
    if (context == nullptr ||
        X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), untrusted.get()) != 1)
        return provider::fail_openssl(ErrorCode::internal, "cannot set up the path validation");
    if (X509_verify_cert(context.get()) == 1) return path_of(context.get(), leaf, intermediates, anchors);
    const int error = X509_STORE_CTX_get_error(context.get());
    return provider::fail_openssl(
        ErrorCode::unprocessable,
        "the certificate " + leaf.subject_text() +
            " does not chain to a trust anchor: " + X509_verify_cert_error_string(error) + " (depth " +
            std::to_string(X509_STORE_CTX_get_error_depth(context.get())) + ")");
}

}  // namespace signet::pki
