// The handlers of the native API. Each returns its answer, or an Error that routes.cpp turns into a problem document.
#pragma once

#include "daemon/api/handler.h"
#include "daemon/api/services.h"

namespace signet::api::native {

// keys.cpp
Answer list_keys(Services& services, Exchange& exchange);
Answer get_key(Services& services, Exchange& exchange);
Answer attest_key(Services& services, Exchange& exchange);
// key_changes.cpp
Answer create_key(Services& services, Exchange& exchange);
Answer rotate_key(Services& services, Exchange& exchange);
Answer activate_key(Services& services, Exchange& exchange);
Answer disable_key(Services& services, Exchange& exchange);
Answer retire_key(Services& services, Exchange& exchange);
Answer destroy_key(Services& services, Exchange& exchange);
Answer import_certificate(Services& services, Exchange& exchange);
// sign.cpp: these do not wait (Handler)
void sign(Services& services, std::shared_ptr<Exchange> exchange, http::Finish finish);
void mac(Services& services, std::shared_ptr<Exchange> exchange, http::Finish finish);
// signing.cpp
Answer sign_batch(Services& services, Exchange& exchange);
Answer verify(Services& services, Exchange& exchange);
Answer mac_verify(Services& services, Exchange& exchange);
Answer decrypt(Services& services, Exchange& exchange);
Answer jws(Services& services, Exchange& exchange);
Answer cms(Services& services, Exchange& exchange);
// csr.cpp
Answer make_request(Services& services, Exchange& exchange);
// ca.cpp
Answer issue_certificate(Services& services, Exchange& exchange);
Answer get_certificate(Services& services, Exchange& exchange);
Answer revoke_certificate(Services& services, Exchange& exchange);
// revocation.cpp
Answer get_crl(Services& services, Exchange& exchange);
Answer publish_crl(Services& services, Exchange& exchange);
Answer ocsp_post(Services& services, Exchange& exchange);
Answer ocsp_get(Services& services, Exchange& exchange);
// approvals.cpp
Answer list_approvals(Services& services, Exchange& exchange);
Answer get_approval(Services& services, Exchange& exchange);
Answer approve(Services& services, Exchange& exchange);
Answer reject(Services& services, Exchange& exchange);
// audit.cpp
Answer read_audit(Services& services, Exchange& exchange);
Answer checkpoint_audit(Services& services, Exchange& exchange);
Answer archive_audit(Services& services, Exchange& exchange);
// outbox.cpp
Answer list_outbox(Services& services, Exchange& exchange);
Answer revive_message(Services& services, Exchange& exchange);
// system.cpp
Answer live(Services& services, Exchange& exchange);
Answer ready(Services& services, Exchange& exchange);
Answer metrics(Services& services, Exchange& exchange);
Answer openapi(Services& services, Exchange& exchange);
Answer random_bytes(Services& services, Exchange& exchange);
Answer backup_database(Services& services, Exchange& exchange);
Answer explain_policy(Services& services, Exchange& exchange);
Answer reload(Services& services, Exchange& exchange);

}  // namespace signet::api::native
