// signetd.yaml: what the daemon listens on, where its files are, and which certificate authorities it runs.
//
// The file is read strictly: an unknown key, a wrong value or a contradiction is refused with file, line and
// what was expected. Relative paths are resolved against the directory of the file. Durations: 250ms, 30s,
// 5m, 12h, 90d; sizes: 512, 64KiB, 8MiB. Every key that has a default here may be left out.
//
//   database: data/signet.db
//   policy: policy.yaml
//   log: info                      # debug, info, warning or error
//   token: { socket: run/token.sock, config: token.yaml }       # `config` is used by `--with-token` only
//   audit:
//     key: audit
//     checkpoint_every: 1000       # records
//     checkpoint_interval: 60s
//     retention: 400d              # older records go to files in `archive`
//     archive: archive
//   keys: { wrap: wrap, bind: bind, seal: seal }
//   backup: { directory: backup, keep: 14 }
//   listeners:
//     - { name: api, unix: run/api.sock, mode: "0660" }
//     - { name: admin, unix: run/admin.sock, mode: "0600", surface: admin }
//     - name: tls
//       address: 127.0.0.1:8443
//       tls:
//         key: tls.server            # label of a token key
//         certificate: tls/server.pem
//         client_ca: tls/clients.pem
//         client_certificate: required           # or optional, none
//         minimum: "1.3"
//     - { name: public, address: 127.0.0.1:8080, anonymous: true, permits: [ca.crl, ca.ocsp] }
//   limits: { workers: 64, queue: 256, connections: 1024, header: 16KiB, body: 1MiB, request_time: 10s,
//             idle_time: 75s, drain_time: 20s, free_disk: 64MiB }
//   ca:
//     device.ca:                   # the label of the CA's key in the token
//       certificate: ca/device.ca.pem   # PEM: the CA's own certificate, then its chain towards the root, if
//                                  # any; a list of such files when the key has several versions
//       profiles:
//         device:
//           validity: 365d
//           key_types: [ec-p256, ec-p384, rsa-2048, rsa-3072, rsa-4096, ed25519]
//           subject: { CN: "device-*", O: "*" }  # attributes taken over from the CSR, in this order, and what
//                                  # they must match (`*`: any characters); a CSR with others is refused. A
//                                  # list of names, [CN, O], lets them have any value
//           required_subject: [CN]
//           alternative_names: { dns: ["*.devices.example"], ip: [192.0.2.0/24] }   # kinds (dns, uri, email,
//                                  # ip) and patterns taken over from the CSR, others are refused; in dns `*`
//                                  # stands for one label
//           key_usage: [digitalSignature]
//           extended_key_usage: [clientAuth]
//           policies: []           # certificate policy OIDs
//           crl_url: http://ca.example/device.crl      # CRL distribution point
//           ocsp_url: http://ca.example/ocsp           # authority information access
//           issuer_url: http://ca.example/device.cer   # authority information access
//       crl: { validity: 7d, interval: 1d, alarm: 2d, file: ca/device.crl }
//       ocsp: { key: device.ocsp, certificate: ca/device.ocsp.pem, validity: 1h,
//               public_signatures: 50 }   # a second, for anonymous callers; cached answers do not count
//   outbound:                      # how other systems are reached; the name `default` is for what has none of its own
//     default: { system_trust: true, connect_time: 5s, request_time: 30s, plain_http: false,
//                private_addresses: [10.1.0.0/16] }   # addresses that are not public are refused unless listed
//     mosip:
//       trust: [tls/mosip-ca.pem, tls/extra.der]    # trust anchors, PEM or DER
//       client: { key: outbound.mosip, certificate: tls/mosip.pem }   # a token key with usage tls
//       proxy: http://proxy.example:3128            # by CONNECT, so that TLS stays end to end
//   mpoc: …                        # an API family is switched on by its section: see the header of its name
//   momo:                          # MTN MoMo: with this section its routes exist
//     sandbox: false               # true: anyone with a subscription key provisions
//     target_environment: mtnuganda
//     issuer: https://momo.example
//     keys: { token: momo.token, mac: momo.mac }
//     token_lifetime: 1h
//     balance: { available: "1000", currency: EUR }
//     failures: { per_caller: 60, per_account: 20 }   # wrong credentials a minute
//   mypos:                         # myPOS: with this section its routes exist
//     ca: mypos.ca                 # certifies our keys: an entry of `ca`, with the profile
//     profile: store
//     longer_keys: false           # also merchants' keys over 2048 bits
//     packs: false                 # configuration packs: a private key leaves the appliance, once
//     failures: { per_caller: 60, per_store: 60 }     # wrong signatures a minute
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address_prefix.h"
#include "base/error.h"
#include "daemon/config/momo.h"
#include "daemon/config/mosip.h"
#include "daemon/config/mpoc.h"
#include "daemon/config/mypos.h"
#include "daemon/config/paycontrol.h"
#include "hsm/frames/key_types.h"

namespace signet::config {

using std::chrono::milliseconds;

struct Token {
    std::filesystem::path socket;
    std::filesystem::path config;  // token.yaml; empty when the supervisor is a unit of its own
};

struct Audit {
    std::string key = "audit";
    std::uint32_t checkpoint_every = 1000;  // records
    milliseconds checkpoint_interval{60'000};
    milliseconds retention = std::chrono::days{400};
    std::filesystem::path archive;  // directory; default `archive`
};

// Token keys that the daemon itself needs.
struct Keys {
    std::string wrap = "wrap";
    std::string bind = "bind";
    std::string seal = "seal";
};

struct Backup {
    std::filesystem::path directory;  // default `backup`
    std::uint32_t keep = 14;          // newest copies that stay
};

struct Limits {
    std::uint32_t workers = 64;
    std::uint32_t queue = 256;
    std::uint32_t connections = 1024;
    std::size_t header = std::size_t{16} << 10;
    std::size_t body = std::size_t{1} << 20;
    milliseconds request_time{10'000};
    milliseconds idle_time{75'000};
    milliseconds drain_time{20'000};
    std::uint64_t free_disk = std::uint64_t{64} << 20;  // bytes; below it the daemon is not ready
};

enum class ClientCertificates : std::uint8_t { required, optional, none };

struct Tls {
    std::string key;                    // label of a token key with usage tls
    std::filesystem::path certificate;  // PEM: the server's certificate, then its chain
    std::filesystem::path client_ca;  // PEM trust anchors; empty exactly when client certificates are `none`
    ClientCertificates client_certificates = ClientCertificates::required;
    bool allow_tls12 = false;  // minimum: "1.2"
};

struct Listener {
    std::string name;
    std::filesystem::path unix_path;  // empty for TCP
    mode_t mode = 0660;
    std::string host;  // an IP address; empty for Unix sockets
    std::uint16_t port = 0;
    bool admin = false;  // serves administration only
    std::optional<Tls> tls;
    bool anonymous = false;            // admits callers that prove nothing as the principal `public` …
    std::vector<std::string> permits;  // … for these permissions
    int line = 0;
};

// What a certificate of this profile contains. Nothing of a CSR enters a certificate unless it is named here.
struct Profile {
    std::string name;
    std::chrono::seconds validity{0};
    std::vector<KeyAlgorithm> key_types;
    struct Subject {
        std::string attribute;  // short name: CN, O, OU, C, L, ST, serialNumber
        std::string pattern = "*";
        bool required = false;
    };
    std::vector<Subject> subject;  // in the order of the issued name
    std::map<std::string, std::vector<std::string>>
        alternative_names;               // "dns", "uri", "email", "ip" to patterns
    std::vector<std::string> key_usage;  // RFC 5280 section 4.2.1.3: digitalSignature, keyAgreement, …
    std::vector<std::string> extended_key_usage;  // clientAuth, serverAuth, codeSigning, … or OIDs
    std::vector<std::string> policies;            // OIDs
    std::string crl_url;
    std::string ocsp_url;
    std::string issuer_url;
};

struct Crl {
    milliseconds validity = std::chrono::days{7};  // nextUpdate - thisUpdate
    milliseconds interval = std::chrono::days{1};  // how often a new one is made without a revocation
    milliseconds alarm = std::chrono::days{2};     // warn when nextUpdate is nearer than this
    std::filesystem::path file;                    // DER, rewritten with each CRL; empty: none
};

struct Ocsp {
    std::string
        key;  // label of the delegated responder's key (usage certify); empty: the CA's own key answers
    std::vector<std::filesystem::path>
        certificates;                               // the delegated certificates, one for each CA key version
    milliseconds validity = std::chrono::hours{1};  // nextUpdate - thisUpdate
    // Signatures a second for callers who prove nothing; past it they are told to try later.
    std::uint32_t public_signatures = 50;
};

struct CertificateAuthority {
    std::string label;
    std::vector<std::filesystem::path> certificates;
    std::map<std::string, Profile> profiles;
    Crl crl;
    Ocsp ocsp;
};

// How another system is reached by TLS.
struct Outbound {
    std::string name;
    std::vector<std::filesystem::path> trust;  // trust anchors, PEM (several each) or DER
    bool system_trust = false;                 // trust what the machine trusts, too
    std::string client_key;  // label of a token key with usage tls; empty: no client certificate
    std::filesystem::path client_certificate;  // PEM: the certificate of that key, then its chain
    std::string proxy_host;                    // empty: none
    std::uint16_t proxy_port = 0;
    bool plain_http = false;                       // http:// is let through, too
    std::vector<AddressPrefix> private_addresses;  // that may be reached although they are not public
    milliseconds connect_time{5'000};
    milliseconds request_time{30'000};
};

struct Config {
    std::filesystem::path file;  // absolute
    std::filesystem::path database;
    std::filesystem::path policy;
    std::string log_level = "info";
    Token token;
    Audit audit;
    Keys keys;
    Backup backup;
    std::vector<Listener> listeners;
    Limits limits;
    std::map<std::string, CertificateAuthority> authorities;
    std::map<std::string, Outbound> outbound;
    // API families that are switched on.
    std::optional<Mpoc> mpoc{};
    std::optional<Mosip> mosip{};
    std::optional<Momo> momo{};
    std::optional<Mypos> mypos{};
    std::optional<PayControl> paycontrol{};

    // The first Unix socket that serves applications (or administration); null when there is none.
    const Listener* local_listener(bool admin) const;
};

// `file_name` is used in errors and to resolve relative paths. Files that the configuration names are not
// opened.
Result<Config> parse(std::string_view text, const std::filesystem::path& file_name);
Result<Config> load(const std::filesystem::path& path);

// One line per setting that differs ("limits.workers: 64 -> 32"); for the log after a reload.
std::vector<std::string> differences(const Config& before, const Config& after);
// The same, of settings that take effect at the next start only (database, listeners' addresses, token
// socket, …).
std::vector<std::string> needs_restart(const Config& before, const Config& after);

}  // namespace signet::config
