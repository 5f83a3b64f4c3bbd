// From the configuration's listeners to the server's: sockets, TLS contexts with keys in the token, rules.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "daemon/api/pipeline.h"
#include "daemon/config/config.h"
#include "daemon/http/server.h"
#include "daemon/service/keys.h"
#include "hsm/provider/library_context.h"

namespace signet::daemon {

// A TLS context by the listener's name. The OpenSSL objects refer to the key, which lives as long as the context does.
using TlsContexts = std::map<std::string, std::shared_ptr<const http::TlsContext>>;

// Reads the certificate files and makes a context for each TLS listener. The token need not be there: the key is known by
// its certificate. Errors name the listener and the file.
Result<TlsContexts> make_tls_contexts(const config::Config& config, const provider::LibraryContext& library,
                                      const service::Keys& keys);

// A listener that systemd passed a socket for takes that one (FileDescriptorName=).
std::vector<http::Listener> server_listeners(const config::Config& config, const TlsContexts& tls);
std::vector<api::ListenerRules> listener_rules(const config::Config& config);
http::Limits server_limits(const config::Config& config);

}  // namespace signet::daemon
