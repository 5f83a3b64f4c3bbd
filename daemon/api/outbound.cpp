#include "daemon/api/outbound.h"

#include <algorithm>

#include "base/file.h"
#include "hsm/pki/certificate.h"

namespace signet::api {
namespace {

constexpr std::size_t kMaxFile = std::size_t{1} << 20;
constexpr std::string_view kDefault = "default";

// PEM with any number of certificates, or one in DER.
Result<std::string> trust_anchors(const std::filesystem::path& file) {
    SIGNET_ASSIGN(const auto text, read_file(file, kMaxFile));
    auto certificates = pki::Certificate::parse_bundle(text);
    if (!certificates) {
        SIGNET_ASSIGN(const auto one, pki::Certificate::parse(text));
        return one.pem();
    }
    std::string pem;
    for (const auto& certificate : *certificates)
        pem += certificate.pem();
    return pem;
}

// The version of the token key that the certificate is for.
Result<KeyInfo> key_of(const std::string& label, const pki::Certificate& certificate,
                       const service::Keys& keys) {
    SIGNET_ASSIGN(const auto key, keys.find(label));
    const auto found =
        std::ranges::find(key->versions, certificate.public_key().spki(), &service::KeyVersion::public_key);
    if (found == key->versions.end())
        return fail(ErrorCode::unprocessable,
                    "the certificate is not for any version of the key '" + label + "'");
    return found->info();
}

std::unexpected<Error> about(const std::string& name, const std::filesystem::path& file, Error error) {
    error.message = "outbound." + name + ", " + file.string() + ": " + error.message;
    return std::unexpected(std::move(error));
}

}  // namespace

Result<Outbound::Entry> Outbound::load_one(const config::Outbound& settings,
                                           const provider::LibraryContext& library,
                                           const service::Keys& keys) {
    Entry entry;
    entry.settings = settings;
    for (const auto& file : settings.trust) {
        auto pem = trust_anchors(file);
        if (!pem) return about(settings.name, file, std::move(pem).error());
        entry.trust_pem += *pem;
    }
    if (settings.client_key.empty()) return entry;
    auto text = read_file(settings.client_certificate, kMaxFile);
    if (!text) return about(settings.name, settings.client_certificate, std::move(text).error());
    auto chain = pki::Certificate::parse_bundle(*text);
    if (!chain) return about(settings.name, settings.client_certificate, std::move(chain).error());
    auto info = key_of(settings.client_key, chain->front(), keys);
    if (!info) return about(settings.name, settings.client_certificate, std::move(info).error());
    SIGNET_ASSIGN(auto key, library.load(*info, KeyUsage::tls));
    entry.client_pem = *std::move(text);
    entry.client_key = std::make_unique<provider::TokenKey>(std::move(key));
    return entry;
}

Result<std::shared_ptr<const Outbound>> Outbound::load(
    const std::map<std::string, config::Outbound>& settings, const provider::LibraryContext& library,
    const service::Keys& keys) {
    std::shared_ptr<Outbound> out(new Outbound);
    out->library_ = library.get();
    for (const auto& [name, one] : settings) {
        SIGNET_ASSIGN(auto entry, load_one(one, library, keys));
        out->entries_.emplace(name, std::move(entry));
    }
    return out;
}

Result<const Outbound::Entry*> Outbound::find(std::string_view name) const {
    auto found = entries_.find(name);
    if (found == entries_.end()) found = entries_.find(kDefault);
    if (found == entries_.end())
        return fail(ErrorCode::failed_precondition, "signetd.yaml says neither under outbound." +
                                                        std::string(name) +
                                                        " nor under outbound.default whom to trust");
    return &found->second;
}

Result<http::Endpoint> Outbound::endpoint(std::string_view name, std::string host, std::uint16_t port) const {
    SIGNET_ASSIGN(const auto* entry, find(name));
    auto endpoint = http::Endpoint::tls(std::move(host), port, entry->trust_pem);
    endpoint.system_trust = entry->settings.system_trust;
    endpoint.public_only = true;
    endpoint.permitted = entry->settings.private_addresses;
    endpoint.proxy_host = entry->settings.proxy_host;
    endpoint.proxy_port = entry->settings.proxy_port;
    if (entry->client_key) {
        endpoint.client_key = entry->client_key->get();
        endpoint.client_certificate_pem = entry->client_pem;
        endpoint.library = library_;
    }
    return endpoint;
}

Result<http::Endpoint> Outbound::plain_endpoint(std::string_view name, std::string host,
                                                std::uint16_t port) const {
    SIGNET_ASSIGN(const auto* entry, find(name));
    if (!entry->settings.plain_http)
        return fail(ErrorCode::permission_denied, "http:// to " + host +
                                                      " is not permitted; use https://, or say plain_http: "
                                                      "true in signetd.yaml under outbound." +
                                                      std::string(name));
    auto endpoint = http::Endpoint::tcp(std::move(host), port);
    endpoint.public_only = true;
    endpoint.permitted = entry->settings.private_addresses;
    return endpoint;
}

Result<http::ClientLimits> Outbound::limits(std::string_view name) const {
    SIGNET_ASSIGN(const auto* entry, find(name));
    http::ClientLimits limits;
    limits.connect_time = entry->settings.connect_time;
    limits.request_time = entry->settings.request_time;
    return limits;
}

}  // namespace signet::api
