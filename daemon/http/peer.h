// What a transport proves about the other end of a connection.
#pragma once

#include <openssl/types.h>

#include <string>

#include "base/error.h"
#include "daemon/http/message.h"

namespace signet::http {

// SO_PEERCRED and the groups. Errors: internal; without credentials a Unix connection must not be served.
Result<Peer> unix_peer(int fd, std::string listener);
Peer tcp_peer(int fd, std::string listener, Peer::Transport transport);
// Subject, alternative names and fingerprint. Errors: invalid_argument for a name with NUL or control characters in it.
Result<ClientCertificate> describe_certificate(X509* certificate);

}  // namespace signet::http
