// STORE: token keys by URI, for what only takes a URI: "pkcs11:object=tls.server?x-version=2&x-purpose=tls"
// (RFC 7512; the two query attributes are ours, which the RFC allows: version 1 and purpose sign when they
// are absent).
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/params.h>

#include <charconv>
#include <string>
#include <utility>

#include "hsm/provider/openssl_error.h"
#include "hsm/provider/provider_state.h"

namespace signet::provider {
namespace {

struct StoreContext {
    KeyHandle key;  // null once it was given out
};

struct KeyUri {
    KeyId id;
    KeyUsage purpose = KeyUsage::sign;
};

bool read_attribute(KeyUri& uri, std::string_view name, std::string_view value) {
    if (name == "object") {
        uri.id.label = value;
        return true;
    }
    if (name == "type") return value == "private";
    if (name == "x-version") {
        const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), uri.id.version);
        return error == std::errc{} && end == value.data() + value.size() && uri.id.version > 0;
    }
    if (name == "x-purpose") {
        const auto purpose = key_usage_from(value);
        if (purpose) uri.purpose = *purpose;
        return purpose.has_value();
    }
    return false;  // an attribute we would ignore might have selected another key
}

// Labels need no percent-encoding (check_label), so none is understood.
std::optional<KeyUri> parse_uri(std::string_view text) {
    constexpr std::string_view kScheme = "pkcs11:";
    if (!text.starts_with(kScheme) || text.size() > 512) return std::nullopt;
    text.remove_prefix(kScheme.size());
    KeyUri uri;
    while (!text.empty()) {
        const auto part = text.substr(0, text.find_first_of(";?&"));
        text.remove_prefix(std::min(text.size(), part.size() + 1));
        const auto equals = part.find('=');
        if (equals == std::string_view::npos ||
            !read_attribute(uri, part.substr(0, equals), part.substr(equals + 1)))
            return std::nullopt;
    }
    if (!check_label(uri.id.label)) return std::nullopt;
    return uri;
}

Result<KeyHandle> find(const ProviderState& state, const KeyUri& uri) {
    SIGNET_ASSIGN(const auto info, state.token.find_key(uri.id, state.deadline()));
    if (!info.usages.has(uri.purpose) || !is_asymmetric(info.algorithm))
        return fail(ErrorCode::token_refused, "the key " + to_string(uri.id) + " may not be used for " +
                                                  std::string(to_string(uri.purpose)));
    return make_key_handle(state, {info.id, info.algorithm, uri.purpose}, info.public_key);
}

void* open(void* state, const char* text) noexcept {
    const auto uri = parse_uri(text);
    if (!uri) {
        set_token_error({ErrorCode::invalid_argument,
                         "not a pkcs11: URI of a key, such as pkcs11:object=tls.server?x-purpose=tls",
                         {}});
        return nullptr;
    }
    auto key = find(*static_cast<ProviderState*>(state), *uri);
    if (!key) {
        set_token_error(std::move(key).error());
        return nullptr;
    }
    return new StoreContext{*std::move(key)};
}

int load(void* context, OSSL_CALLBACK* callback, void* argument, OSSL_PASSPHRASE_CALLBACK*, void*) noexcept {
    auto& self = *static_cast<StoreContext*>(context);
    if (!self.key) return 0;
    const auto key = std::exchange(self.key, nullptr);
    int type = OSSL_OBJECT_PKEY;
    const KeyHandle* reference = &key;
    const OSSL_PARAM object[] = {
        OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
        OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE,
                                         const_cast<char*>(key_type_name(key->kind)), 0),
        OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_REFERENCE, &reference, sizeof reference),
        OSSL_PARAM_construct_end(),
    };
    return callback(object, argument);
}

int at_end(void* context) noexcept {
    return static_cast<StoreContext*>(context)->key ? 0 : 1;
}

int close(void* context) noexcept {
    delete static_cast<StoreContext*>(context);
    return 1;
}

int set_params(void*, const OSSL_PARAM[]) noexcept {
    return 1;
}

const OSSL_PARAM* settable_params(void*) noexcept {
    static const OSSL_PARAM kTable[] = {
        OSSL_PARAM_int(OSSL_STORE_PARAM_EXPECT, nullptr),
        OSSL_PARAM_utf8_string(OSSL_STORE_PARAM_PROPERTIES, nullptr, 0),
        OSSL_PARAM_END,
    };
    return kTable;
}

// Called to move a loaded key into another provider's hands: a token key stays in ours.
int export_object(void*, const void*, std::size_t, OSSL_CALLBACK*, void*) noexcept {
    return 0;
}

const OSSL_DISPATCH kFunctions[] = {
    entry(OSSL_FUNC_STORE_OPEN, open),
    entry(OSSL_FUNC_STORE_LOAD, load),
    entry(OSSL_FUNC_STORE_EOF, at_end),
    entry(OSSL_FUNC_STORE_CLOSE, close),
    entry(OSSL_FUNC_STORE_SET_CTX_PARAMS, set_params),
    entry(OSSL_FUNC_STORE_SETTABLE_CTX_PARAMS, settable_params),
    entry(OSSL_FUNC_STORE_EXPORT_OBJECT, export_object),
    {0, nullptr},
};

}  // namespace

const OSSL_ALGORITHM kStores[] = {
    {"pkcs11", kProviderProperties, kFunctions, "keys in the token by URI"},
    {nullptr, nullptr, nullptr, nullptr},
};

}  // namespace signet::provider
