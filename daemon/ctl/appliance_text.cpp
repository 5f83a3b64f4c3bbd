#include "daemon/ctl/appliance_text.h"

#include <string_view>

namespace signet::ctl {
namespace {

// A double-quoted YAML scalar: what comes from outside cannot become anything else.
std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + "\"";
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
        text.replace(at, what.size(), by);
    return text;
}

// Comments the lines out.
std::string commented(std::string_view text) {
    std::string out = "#";
    for (std::size_t i = 0; i < text.size(); ++i) {
        out += text[i];
        if (text[i] == '\n' && i + 1 < text.size()) out += '#';
    }
    return out;
}

constexpr std::string_view kToken =
    R"(# Which PKCS#11 module and token signetd-token serves, to whom, and within which bounds.
# Paths are relative to this file. Changes need a restart of signetd-token.

socket: run/token.sock
allowed_users: [@USER@]           # who may connect: the user of signetd

module: @MODULE@
@MODULE_CONFIG@token: { label: @LABEL@ }                 # or serial: …; never a slot number
pin_file: secrets/pin                       # or pin_credential: NAME, a systemd credential
so_pin_file: secrets/so-pin                 # for changes of the PIN only
pin_shares: secrets/pin-shares.yaml         # when it is there, its custodians' shares open both instead
custody_socket: run/custody.sock            # where custodians give them: signetctl unlock
# custodians: [@USER@]              # who may connect there

# session_copies: true                      # faster; some HSMs refuse them
# threads: 2                                # signing threads; as many as processors
request_deadline: 10s                       # then the module counts as hung and is started again
memory_limit: 512MiB                        # then a new worker takes over gently
# What a token would keep to itself and is done in software instead, each off unless it is switched on here.
in_clear:
  software_oaep: true                       # SoftHSM has RSA-OAEP with SHA-1 only: the rest is finished here
# merchant_keys: true                       # key pairs for myPOS configuration packs: shown once, never kept
state: state                                # the mark of a refused PIN, copies of the token's own file
)";

constexpr std::string_view kDaemon =
    R"(# What signetd listens on, where its files are, and which certificate authorities it runs.
# Paths are relative to this file. An unknown key or a wrong value is refused with its line. SIGHUP reads this file and
# the policy again; an error leaves the old ones in force.

database: data/signet.db
policy: policy.yaml
log: info                                   # debug, info, warning or error

token: { socket: run/token.sock, config: token.yaml }   # config: for signetd --with-token

audit:
  key: @AUDIT@                                # signs checkpoints of the audit chain
  checkpoint_every: 1000                    # records
  checkpoint_interval: 60s
  retention: 400d                           # older records move to files in `archive`
  archive: archive

keys: { wrap: wrap, bind: bind, seal: seal }   # protect what the database holds
backup: { directory: backup, keep: 14 }

listeners:
  - { name: api, unix: run/api.sock, mode: "0660" }
  - { name: admin, unix: run/admin.sock, mode: "0600", surface: admin }
@TLS@@PUBLIC@
limits:
  workers: 64                               # requests that are worked on at the same time
  queue: 256                                # requests that wait; then 503 with Retry-After
  connections: 1024
  header: 16KiB
  body: 1MiB
  request_time: 10s
  idle_time: 75s
  drain_time: 20s                           # for running requests when the daemon stops
  free_disk: 64MiB                          # below it the daemon is not ready

ca:
  device.ca:                                # label of the authority's key
    certificate: ca/device.ca.pem
    profiles:                               # nothing of a request enters a certificate unless it is named here
      device:
        validity: 365d
        key_types: [ec-p256, ec-p384, ed25519, rsa-2048, rsa-3072, rsa-4096]
        subject: [C, ST, L, O, OU, CN, serialNumber]
        required_subject: [CN]
        alternative_names: { dns: ["*", "*.*", "*.*.*"], uri: ["*"] }
        key_usage: [digitalSignature]
        extended_key_usage: [clientAuth]
        # crl_url: http://ca.example/v1/ca/device.ca/crl
        # ocsp_url: http://ca.example/v1/ca/device.ca/ocsp
      server:
        validity: 90d
        key_types: [ec-p256, ec-p384, rsa-2048, rsa-3072, rsa-4096]
        subject: [CN]
        alternative_names: { dns: ["*", "*.*", "*.*.*"], ip: ["0.0.0.0/0", "::/0"] }
        key_usage: [digitalSignature]
        extended_key_usage: [serverAuth]
    crl: { validity: 7d, interval: 1d, alarm: 2d, file: ca/device.crl }
    ocsp: { key: device.ocsp, certificate: ca/device.ocsp.pem, validity: 1h }
)";

constexpr std::string_view kTls =
    R"(  - name: tls                               # TLS 1.3; its private key is in the token
    address: @ADDRESS@
    tls:
      key: tls.server
      certificate: tls/server.pem
      client_ca: tls/clients.pem            # whose client certificates are accepted
      client_certificate: required          # or optional, none
      minimum: "1.3"
)";

constexpr std::string_view kPublic =
    R"(  - { name: public, address: @ADDRESS@, anonymous: true, permits: [ca.crl, ca.ocsp] }   # plain HTTP
)";

constexpr std::string_view kPolicy = R"(# Who may do what with which key.
#
# Whatever no rule allows is refused. Rules are read from top to bottom; the first one that matches decides. After a
# change:
#   signetctl --config @DIR@/signetd.yaml policy check
#   kill -HUP the daemon (systemctl reload signetd); a file with an error leaves the old policy in force
#   signetctl --config @DIR@/signetd.yaml policy explain --principal operator --permission keys.sign --key document.ec

principals:
  operator:                                 # who made this appliance
    users: [@USERS@]
#  payments:                                # an application on this machine, by its user
#    users: [payments]
#  till:                                    # an application in the network, by its client certificate
#    sans: ["dns:till.example"]
#  monitoring:                              # an API key: signetctl policy new-api-key FILE prints its hash
#    api_keys: ["…"]

rules:
  - name: operator
    allow: operator
    permissions: ["*"]                      # narrow this down once others use the appliance

#  - name: payments-sign
#    allow: payments
#    permissions: [keys.sign, keys.verify, keys.read]
#    keys: ["document.*"]
#    algorithms: [ES256]
#    rate: 500/1s
#
#  - name: tills
#    allow: till
#    permissions: [ca.issue]
#    keys: [device.ca]
#    window: { days: mon-fri, from: "06:00", to: "20:00" }
#    csr:
#      subject: { CN: "till-*.example", O: "Example Ltd" }
#      key_types: [ec-p256]
#      max_validity: 90d
#      profiles: [device]
#
  - name: revocation-for-everybody          # callers that prove nothing, on a listener with `anonymous: true`
    allow: public
    permissions: [ca.crl, ca.ocsp]
    keys: [device.ca]
)";

}  // namespace

std::string softhsm_text(const ApplianceSettings& settings) {
    return "# SoftHSM's own configuration, used by signetd-token's worker alone.\n"
           "directories.tokendir = " +
           settings.directory +
           "/tokens\n"
           "objectstore.backend = file\n"
           "objectstore.umask = 0077\n"
           "log.level = ERROR\n"
           "slots.removable = false\n";
}

std::string token_text(const ApplianceSettings& settings) {
    auto text = replaced(std::string(kToken), "@USER@", quoted(settings.service_user));
    text = replaced(std::move(text), "@MODULE@", quoted(settings.module));
    std::string module_config;
    if (settings.softhsm)
        module_config =
            "module_config: softhsm2.conf                # SOFTHSM2_CONF of the process that loads the "
            "module\n";
    if (!settings.module_parameters.empty())
        module_config += "module_parameters: " + quoted(settings.module_parameters) + "\n";
    text = replaced(std::move(text), "@MODULE_CONFIG@", module_config);
    return replaced(std::move(text), "@LABEL@", quoted(settings.token_label));
}

std::string daemon_text(const ApplianceSettings& settings) {
    const auto listener = [](std::string_view text, const std::string& address, std::string_view otherwise) {
        const auto filled = replaced(std::string(text), "@ADDRESS@", address.empty() ? otherwise : address);
        return address.empty() ? commented(filled) : filled;
    };
    auto text =
        replaced(std::string(kDaemon), "@TLS@", listener(kTls, settings.tls_address, "127.0.0.1:8443"));
    text =
        replaced(std::move(text), "@PUBLIC@", listener(kPublic, settings.public_address, "127.0.0.1:8080"));
    text = replaced(std::move(text), "@AUDIT@", settings.audit_key);
    if (!settings.own_authority) text.erase(text.find("\nca:\n") + 1);
    // `ca` is the last section of the template.
    for (const auto* family : settings.families)
        text += family->authorities_text;
    for (const auto* family : settings.families)
        if (!family->daemon_text.empty()) text.append("\n").append(family->daemon_text);
    return text;
}

std::string policy_text(const ApplianceSettings& settings) {
    std::string users;
    for (const auto& user : settings.users)
        users += (users.empty() ? "" : ", ") + quoted(user);
    auto text = replaced(std::string(kPolicy), "@USERS@", users);
    text = replaced(std::move(text), "@DIR@", settings.directory);
    for (const auto* family : settings.families)
        if (!family->policy_text.empty()) text.append("\n").append(family->policy_text);
    return text;
}

}  // namespace signet::ctl
