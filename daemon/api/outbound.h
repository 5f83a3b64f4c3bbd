// Connections to other systems (callbacks, MOSIP, a CA elsewhere, a pusher), as `outbound` of signetd.yaml says. Immutable;
// a reload makes a new one.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "daemon/config/config.h"
#include "daemon/http/client.h"
#include "daemon/service/keys.h"
#include "hsm/provider/library_context.h"
#include "hsm/provider/token_key.h"

namespace signet::api {

class Outbound {
  public:
    // Reads trust anchors and certificates; a client's key stays in the token. Errors name the entry and the file.
    static Result<std::shared_ptr<const Outbound>> load(
        const std::map<std::string, config::Outbound>& settings, const provider::LibraryContext& library,
        const service::Keys& keys);

    // By the entry of that name, else by `default`. The endpoint may be used as long as this object lives. Errors:
    // failed_precondition when there is neither.
    Result<http::Endpoint> endpoint(std::string_view name, std::string host, std::uint16_t port) const;
    // The same without TLS. Error besides: permission_denied (the entry does not say plain_http: true).
    Result<http::Endpoint> plain_endpoint(std::string_view name, std::string host, std::uint16_t port) const;
    Result<http::ClientLimits> limits(std::string_view name) const;

  private:
    struct Entry {
        config::Outbound settings;
        std::string trust_pem;
        std::string client_pem;
        std::unique_ptr<provider::TokenKey> client_key;
    };
    Outbound() = default;
    static Result<Entry> load_one(const config::Outbound& settings, const provider::LibraryContext& library,
                                  const service::Keys& keys);
    Result<const Entry*> find(std::string_view name) const;

    std::map<std::string, Entry, std::less<>> entries_;
    OSSL_LIB_CTX* library_ = nullptr;
};

}  // namespace signet::api
