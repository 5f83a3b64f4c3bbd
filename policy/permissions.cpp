#include "policy/permissions.h"

#include <algorithm>
#include <array>

#include "base/edit_distance.h"

namespace signet::policy {
namespace {

// Ordered by name; a test checks it.
constexpr auto kPermissions = std::to_array<Permission>({
    {"approvals.decide", "approve or reject what another principal asked for"},
    {"approvals.read", "see requests that wait for approval"},
    {"audit.archive", "archive the beginning of the audit chain by its retention"},
    {"audit.checkpoint", "sign a checkpoint of the audit chain now"},
    {"audit.export", "export the audit chain"},
    {"audit.read", "read audit records"},
    {"audit.verify", "verify the audit chain in the database"},
    {"backup.database", "make a consistent copy of the database"},
    {"ca.crl", "fetch certificate revocation lists"},
    {"ca.issue", "have a certificate issued for a CSR", true},
    {"ca.list", "list certificate authorities and issued certificates"},
    {"ca.ocsp", "ask for the status of a certificate (OCSP)"},
    {"ca.publish", "issue a certificate revocation list now"},
    {"ca.read", "read an issued certificate"},
    {"ca.revoke", "revoke a certificate, or release it from hold", true},
    {"config.reload", "reload configuration and policy"},
    {"health.live", "ask whether the daemon runs"},
    {"health.ready", "ask whether the appliance can sign, and if not, why"},
    {"keys.activate", "make a key version the active one", true},
    {"keys.attest", "have a signed statement made of what the token holds"},
    {"keys.cms", "sign as CMS (detached)", true},
    {"keys.create", "generate a key in the token", true},
    {"keys.csr", "have a certificate request made for a key", true},
    {"keys.decrypt", "decrypt with RSA-OAEP", true},
    {"keys.destroy", "destroy a key version in the token", true},
    {"keys.disable", "disable a key version, or enable it again", true},
    {"keys.import", "import a certificate for a key", true},
    {"keys.jws", "sign as JWS", true},
    {"keys.list", "list keys"},
    {"keys.mac", "compute a MAC", true},
    {"keys.mac-verify", "check a MAC"},
    {"keys.read", "read a key's public part, versions and certificate"},
    {"keys.rotate", "generate the next version of a key", true},
    {"keys.sign", "sign data or digests", true},
    {"keys.verify", "check a signature"},
    {"metrics.read", "read metrics (Prometheus)"},
    {"momo.balance", "ask for the balance of an account with a MoMo access token"},
    {"momo.callback", "send a callback to the host of a MoMo API user"},
    {"momo.introspect", "ask whether a MoMo access token is valid (RFC 7662, forward auth)"},
    {"momo.jwks", "read the public keys of MoMo access tokens"},
    {"momo.manage", "make and revoke MoMo subscriptions, API users and API keys of any merchant"},
    {"momo.provision", "make and revoke MoMo API users and API keys of its own"},
    {"momo.read", "list MoMo subscriptions and API users"},
    {"momo.token", "get a MoMo access token with API user and API key"},
    {"mosip.device", "send the requests of a biometric device (MOSIP management server)"},
    {"mosip.devices.manage", "white-list, block, release and remove biometric devices"},
    {"mosip.encryption.manage", "set and roll MOSIP's encryption certificate"},
    {"mosip.policy.manage", "change intervals, versions and banner that biometric devices are told"},
    {"mosip.read", "read vendors, devices, their history and the policy of the management server"},
    {"mosip.vendors.manage", "add and change device vendors and their trust anchors"},
    {"mpoc.attest", "report attestation results of MPoC SDK instances"},
    {"mpoc.customers.manage", "add customers of the MPoC AMS API, and give and revoke their API keys"},
    {"mpoc.info", "query an MPoC SDK instance with its certificates"},
    {"mpoc.manage", "block, release, re-key and decommission MPoC SDK instances"},
    {"mpoc.read", "read customers and MPoC SDK instances with their history"},
    {"mpoc.sdks.enrol", "enrol MPoC SDK instances"},
    {"mpoc.security", "query the state of an MPoC SDK instance"},
    {"mpoc.sign", "sign with the key of an MPoC SDK instance"},
    {"mpoc.unwrap", "load a payment key that was wrapped to an MPoC SDK instance"},
    {"mypos.checkout", "try a myPOS configuration: a signed echo"},
    {"mypos.manage", "make, change and revoke myPOS stores, certificates and key pairs"},
    {"mypos.pack", "have a merchant's configuration pack made, with its private key"},
    {"mypos.read", "read myPOS stores and their certificates"},
    {"mypos.sign", "sign a myPOS message with a key of a store"},
    {"mypos.verify", "check the signature of a myPOS message"},
    {"openapi.read", "read the description of the API"},
    {"outbox.manage", "look at messages to other systems, and revive dead letters"},
    {"paycontrol.codes.check", "check independent confirm codes"},
    {"paycontrol.codes.create", "create independent confirm codes"},
    {"paycontrol.device", "devices: what they may ask with the key they hold"},
    {"paycontrol.events.clean", "clean PayControl events"},
    {"paycontrol.events.read", "read PayControl events"},
    {"paycontrol.events.register", "register PayControl events"},
    {"paycontrol.health", "ask a PayControl server for its version"},
    {"paycontrol.operations.create", "create operations and add transactions to them"},
    {"paycontrol.operations.process", "process operations"},
    {"paycontrol.operations.read", "read operations"},
    {"paycontrol.systems.change", "change the settings of a PayControl system"},
    {"paycontrol.systems.issue", "sign requests and licences of PayControl systems as their seller"},
    {"paycontrol.systems.read", "read the settings of a PayControl system"},
    {"paycontrol.systems.register", "register a PayControl system"},
    {"paycontrol.transactions.confirm", "confirm transactions"},
    {"paycontrol.transactions.create", "create transactions"},
    {"paycontrol.transactions.decline", "decline and cancel transactions"},
    {"paycontrol.transactions.read", "read transactions"},
    {"paycontrol.users.change", "change, block and unblock PayControl users"},
    {"paycontrol.users.create", "create PayControl users"},
    {"paycontrol.users.delete", "delete PayControl users"},
    {"paycontrol.users.export", "export users' keys under a password"},
    {"paycontrol.users.read", "read PayControl users"},
    {"paycontrol.users.reset-password", "reset users' passwords"},
    {"paycontrol.users.reveal", "have users' keys shown in clear (FULL_QR, DEEP_LINK)"},
    {"paycontrol.users.update", "give PayControl users new keys"},
    {"policy.explain", "ask which rule decides a request"},
    {"policy.read", "read the policy in force"},
    {"random.read", "get random bytes from the token"},
    {"status.read", "read the state of token, storage and queues"},
});

}  // namespace

std::span<const Permission> permissions() {
    return kPermissions;
}

std::optional<std::size_t> permission_index(std::string_view name) {
    const auto* const found = std::ranges::lower_bound(kPermissions, name, {}, &Permission::name);
    if (found == kPermissions.end() || found->name != name) return std::nullopt;
    return static_cast<std::size_t>(found - kPermissions.begin());
}

bool permission_matches(std::string_view pattern, std::string_view permission) {
    if (pattern == "*") return true;
    if (pattern.ends_with(".*")) return permission.starts_with(pattern.substr(0, pattern.size() - 1));
    return pattern == permission;
}

std::string_view nearest_permission(std::string_view name) {
    return std::ranges::min_element(kPermissions, {},
                                    [&](const Permission& known) { return edit_distance(name, known.name); })
        ->name;
}

}  // namespace signet::policy
