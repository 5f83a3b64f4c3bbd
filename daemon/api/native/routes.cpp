#include "daemon/api/native/routes.h"

#include "daemon/api/native/handlers.h"
#include "daemon/api/native/schemas.h"
#include "policy/permissions.h"

namespace signet::api::native {
namespace {

constexpr std::size_t kSmall = 4096;
constexpr std::size_t kData = std::size_t{1536} << 10;  // 1 MiB as base64, and what is around it
constexpr std::size_t kCsr = std::size_t{32} << 10;
constexpr std::size_t kPem = std::size_t{64} << 10;

// Whether the handler settles the algorithm with Exchange::authorise (Route::decides_in_handler).
constexpr bool kDecides = true;
constexpr bool kDecided = false;

RouteTable rows(Services& services) {
    using enum http::Verb;
    using namespace schemas;
    constexpr auto api = Surface::api;
    constexpr auto admin = Surface::admin;
    constexpr auto both = Surface::both;
    const auto to = [&](Answer (*handler)(Services&, Exchange&)) { return bind(services, handler); };
    const auto starting = [&](void (*handler)(Services&, std::shared_ptr<Exchange>, http::Finish)) {
        return bind(services, handler);
    };
    // clang-format off
    return {
        // verb, path, permission, surface, body limit, resource, decides, handler, summary, request, answer
        {get,  "/v1/health/live",  "health.live",  both, 0, "", kDecided, to(live),    "Whether the daemon runs", "", ""},
        {get,  "/v1/health/ready", "health.ready", both, 0, "", kDecided, to(ready),   "Whether it can sign; 503 with reasons", "", ""},
        {get,  "/v1/metrics",      "metrics.read", both, 0, "", kDecided, to(metrics), "Metrics, Prometheus text format", "", ""},
        {get,  "/v1/openapi.json", "openapi.read", both, 0, "", kDecided, to(openapi), "This description", "", ""},

        {get,  "/v1/keys",         "keys.list",    both, 0, "", kDecided, to(list_keys), "All keys", "", kKeys},
        {get,  "/v1/keys/{label}", "keys.read",    both, 0, "label", kDecided, to(get_key), "One key: its public part, versions, certificate", "", ""},
        {post, "/v1/keys/{label}/attest", "keys.attest", both, kSmall, "label", kDecided, to(attest_key), "A signed statement of what the token holds", kVersion, ""},
        {post, "/v1/keys/{label}/sign",       "keys.sign",       api, kData,  "label", kDecides, starting(sign), "Sign data or a digest", kSign, kSigned},
        {post, "/v1/keys/{label}/sign-batch", "keys.sign",       api, kData,  "label", kDecides, to(sign_batch), "Sign up to 1,000 items; one audit record", kSignBatch, kSignedBatch},
        {post, "/v1/keys/{label}/verify",     "keys.verify",     api, kData,  "label", kDecides, to(verify),     "Check a signature", kVerify, kValid},
        {post, "/v1/keys/{label}/decrypt",    "keys.decrypt",    api, kSmall, "label", kDecides, to(decrypt),    "Decrypt RSA-OAEP", kDecrypt, ""},
        {post, "/v1/keys/{label}/mac",        "keys.mac",        api, kData,  "label", kDecides, starting(mac),  "Compute an HMAC", kMac, ""},
        {post, "/v1/keys/{label}/mac-verify", "keys.mac-verify", api, kData,  "label", kDecides, to(mac_verify), "Check an HMAC", kMacVerify, kValid},
        {post, "/v1/keys/{label}/jws",        "keys.jws",        api, kData,  "label", kDecides, to(jws),        "Sign as JWS, compact", kJws, ""},
        {post, "/v1/keys/{label}/cms",        "keys.cms",        api, kData,  "label", kDecides, to(cms),        "Sign as CMS, detached", kCms, ""},

        {post, "/v1/keys",                     "keys.create",   admin, kSmall, "",      kDecides, to(create_key),         "Make a key in the token", kCreateKey, ""},
        {post, "/v1/keys/{label}/rotate",      "keys.rotate",   admin, kSmall, "label", kDecided, to(rotate_key),         "Make the next version of a key", kRotate, ""},
        {post, "/v1/keys/{label}/activate",    "keys.activate", admin, kSmall, "label", kDecided, to(activate_key),       "Make a version the active one", kVersion, ""},
        {post, "/v1/keys/{label}/disable",     "keys.disable",  admin, kSmall, "label", kDecided, to(disable_key),        "Refuse a version until it is activated again", kVersion, ""},
        {post, "/v1/keys/{label}/retire",      "keys.disable",  admin, kSmall, "label", kDecided, to(retire_key),         "Let a version check and decrypt only what exists", kVersion, ""},
        {post, "/v1/keys/{label}/destroy",     "keys.destroy",  admin, kSmall, "label", kDecided, to(destroy_key),        "Destroy a version in the token, for good", kVersion, ""},
        {post, "/v1/keys/{label}/csr",         "keys.csr",      admin, kSmall, "label", kDecided, to(make_request),       "Make a certificate request for a key", kMakeRequest, kMadeRequest},
        {post, "/v1/keys/{label}/certificate", "keys.import",   admin, kPem,   "label", kDecided, to(import_certificate), "Put a certificate for a key into the token", kCertificate, ""},

        {post, "/v1/ca/{label}/certificates",                 "ca.issue",   api,   kCsr,   "label", kDecided, to(issue_certificate),  "Issue a certificate for a CSR", kIssue, kIssued},
        {get,  "/v1/ca/{label}/certificates/{serial}",        "ca.read",    both,  0,      "label", kDecided, to(get_certificate),    "An issued certificate and its state", "", ""},
        {post, "/v1/ca/{label}/certificates/{serial}/revoke", "ca.revoke",  both,  kSmall, "label", kDecided, to(revoke_certificate), "Revoke a certificate", kRevoke, ""},
        {get,  "/v1/ca/{label}/crl",                          "ca.crl",     both,  0,      "label", kDecided, to(get_crl),            "The current CRL, DER", "", ""},
        {post, "/v1/ca/{label}/crl",                          "ca.publish", admin, kSmall, "label", kDecided, to(publish_crl),        "Issue a CRL now", "", ""},
        {post, "/v1/ca/{label}/ocsp",                         "ca.ocsp",    api,   kCsr,   "label", kDecided, to(ocsp_post),          "OCSP (RFC 6960)", "", ""},
        {get,  "/v1/ca/{label}/ocsp/{request*}",              "ca.ocsp",    api,   0,      "label", kDecided, to(ocsp_get),           "OCSP, the request in the path (RFC 6960 A.1)", "", ""},

        {get,  "/v1/approvals",              "approvals.read",   both, 0,      "", kDecided, to(list_approvals), "Requests that wait for the approval of others", "", ""},
        {get,  "/v1/approvals/{id}",         "approvals.read",   both, 0,      "", kDecided, to(get_approval),   "One of them, to the letter", "", ""},
        {post, "/v1/approvals/{id}/approve", "approvals.decide", both, kSmall, "", kDecides, to(approve),        "Approve it, with a signature of one's own key", kDecision, ""},
        {post, "/v1/approvals/{id}/reject",  "approvals.decide", both, kSmall, "", kDecides, to(reject),         "Reject it, with a signature of one's own key", kDecision, ""},

        {get,  "/v1/random",           "random.read",      api,   0,      "", kDecided, to(random_bytes),     "Random bytes from the token", "", ""},
        {get,  "/v1/audit",            "audit.read",       both,  0,      "", kDecided, to(read_audit),       "Audit records after a sequence number", "", kRecords},
        {post, "/v1/audit/checkpoint", "audit.checkpoint", admin, kSmall, "", kDecided, to(checkpoint_audit), "Sign the head of the audit chain now", "", ""},
        {post, "/v1/audit/archive",    "audit.archive",    admin, kSmall, "", kDecided, to(archive_audit),    "Archive old audit records into a file", kArchive, ""},
        {get,  "/v1/outbox",             "outbox.manage",   admin, 0,      "", kDecided, to(list_outbox),      "Messages to other systems", "", ""},
        {post, "/v1/outbox/{id}/revive", "outbox.manage",   admin, kSmall, "", kDecided, to(revive_message),   "Send a message again that was given up", "", ""},
        {post, "/v1/backup/database",  "backup.database",  admin, kSmall, "", kDecided, to(backup_database),  "A consistent copy of the database", "", ""},
        {post, "/v1/policy/explain",   "policy.explain",   admin, kSmall, "", kDecided, to(explain_policy),   "Which rule decides a request", kExplain, ""},
        {post, "/v1/config/reload",    "config.reload",    admin, kSmall, "", kDecided, to(reload),           "Reload configuration and policy", "", ""},
    };
    // clang-format on
}

class Native final : public Family {
  public:
    explicit Native(Services& services) : services_(services) {}
    RouteTable routes() override {
        auto table = rows(services_);
        // Every row here passes its caller on (caller_of), so that what can wait for approvals uses them up.
        for (auto& row : table) {
            const auto index = policy::permission_index(row.permission);
            row.quorum = index && policy::permissions()[*index].quorum;
        }
        return table;
    }

  private:
    Services& services_;
};

}  // namespace

Result<std::unique_ptr<Family>> make(Services& services) {
    return std::make_unique<Native>(services);
}

}  // namespace signet::api::native
