#include "daemon/config/config.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace signet::config {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kMinimal = R"(database: data/signet.db
policy: policy.yaml
token: { socket: run/token.sock }
listeners:
  - { name: api, unix: run/api.sock }
)";

// Every key that the comment in config.h shows.
constexpr std::string_view kFull = R"(database: data/signet.db
policy: policy.yaml
log: debug
token: { socket: run/token.sock, config: token.yaml }
audit: { key: audit, checkpoint_every: 500, checkpoint_interval: 30s, retention: 400d, archive: archive }
keys: { wrap: wrap, bind: bind, seal: seal }
backup: { directory: copies, keep: 3 }
listeners:
  - { name: api, unix: run/api.sock, mode: "0660" }
  - { name: admin, unix: run/admin.sock, mode: "0600", surface: admin }
  - name: tls
    address: 127.0.0.1:8443
    tls: { key: tls.server, certificate: tls/server.pem, client_ca: tls/clients.pem, client_certificate: required, minimum: "1.2" }
  - { name: public, address: "[::1]:8080", anonymous: true, permits: [ca.crl, ca.ocsp] }
limits: { workers: 8, queue: 16, connections: 32, header: 8KiB, body: 2MiB, request_time: 5s, idle_time: 60s, drain_time: 1s, free_disk: 1MiB }
ca:
  device.ca:
    certificate: [ca/device.ca.1.pem, ca/device.ca.2.pem]
    profiles:
      device:
        validity: 365d
        key_types: [ec-p256, rsa-2048]
        subject: { CN: "device-*", O: "*" }
        required_subject: [CN]
        alternative_names: { dns: ["*.devices.example"] }
        key_usage: [digitalSignature]
        extended_key_usage: [clientAuth, 1.3.6.1.4.1.99999.1]
        policies: [1.3.6.1.4.1.99999.2]
        crl_url: http://ca.example/device.crl
        ocsp_url: http://ca.example/ocsp
        issuer_url: http://ca.example/device.cer
    crl: { validity: 7d, interval: 1d, alarm: 2d, file: ca/device.crl }
    ocsp: { key: device.ocsp, certificate: ca/device.ocsp.pem, validity: 2h, public_signatures: 7 }
outbound:
  default: { system_trust: true }
  mosip:
    trust: [tls/mosip.pem, tls/extra.der]
    client: { key: outbound.mosip, certificate: tls/client.pem }
    proxy: http://proxy.example:3128
    connect_time: 2s
    request_time: 9s
mpoc: { ca: sdk.ca, profiles: { kek: a, sign: b }, api_keys: sdk.api, key_type: rsa-2048, attestations: 30d }
mosip:
  env: Pre-Production
  mms: { key: mms, certificate: ca/mms.pem }
  ca: mds.ca
  profile: mds
  clock_window: 5m
  registration: { mode: forward, provider: { key: dp, certificate: ca/dp.pem }, url: "https://m.example/d", wait: 2s }
)";

Result<Config> parsed(std::string_view text) {
    return parse(text, "/etc/signet/signetd.yaml");
}

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
    std::string out(text);
    const auto at = out.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return out.replace(at, from.size(), to);
}

// The error's text; empty when the text was accepted.
std::string refusal(const std::string& text) {
    const auto config = parsed(text);
    if (config) return {};
    EXPECT_EQ(config.error().code, ErrorCode::invalid_argument);
    return config.error().message;
}

TEST(Config, MinimalFileGetsTheDefaults) {
    const auto config = parsed(kMinimal);
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->database, "/etc/signet/data/signet.db");
    EXPECT_EQ(config->token.socket, "/etc/signet/run/token.sock");
    EXPECT_TRUE(config->token.config.empty());
    EXPECT_EQ(config->audit.archive, "/etc/signet/archive");
    EXPECT_EQ(config->audit.checkpoint_every, 1000U);
    EXPECT_EQ(config->keys.seal, "seal");
    EXPECT_EQ(config->limits.workers, 64U);
    ASSERT_NE(config->local_listener(false), nullptr);
    EXPECT_EQ(config->local_listener(false)->mode, 0660U);
    EXPECT_EQ(config->local_listener(true), nullptr);
}

TEST(Config, EveryKeyOfTheDocumentedFormIsRead) {
    const auto config = parsed(kFull);
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->audit.checkpoint_interval, 30s);
    EXPECT_EQ(config->backup.keep, 3U);
    ASSERT_EQ(config->listeners.size(), 4U);
    EXPECT_TRUE(config->listeners[1].admin);
    EXPECT_EQ(config->listeners[2].port, 8443);
    EXPECT_TRUE(config->listeners[2].tls->allow_tls12);
    EXPECT_EQ(config->listeners[3].host, "::1");
    EXPECT_EQ(config->limits.body, std::size_t{2} << 20);
    const auto& authority = config->authorities.at("device.ca");
    EXPECT_EQ(authority.certificates.size(), 2U);
    const auto& profile = authority.profiles.at("device");
    EXPECT_EQ(profile.validity, std::chrono::days{365});
    EXPECT_EQ(profile.key_types, (std::vector{KeyAlgorithm::ec_p256, KeyAlgorithm::rsa_2048}));
    ASSERT_EQ(profile.subject.size(), 2U);
    EXPECT_EQ(profile.subject[0].pattern, "device-*");
    EXPECT_TRUE(profile.subject[0].required);
    EXPECT_EQ(profile.alternative_names.at("dns"), std::vector<std::string>{"*.devices.example"});
    EXPECT_EQ(authority.ocsp.certificates.front(), "/etc/signet/ca/device.ocsp.pem");
    EXPECT_EQ(authority.ocsp.public_signatures, 7U);

    ASSERT_EQ(config->outbound.size(), 2U);
    EXPECT_TRUE(config->outbound.at("default").system_trust);
    const auto& mosip = config->outbound.at("mosip");
    EXPECT_EQ(mosip.trust.back(), "/etc/signet/tls/extra.der");
    EXPECT_EQ(mosip.client_key, "outbound.mosip");
    EXPECT_EQ(mosip.client_certificate, "/etc/signet/tls/client.pem");
    EXPECT_EQ(mosip.proxy_host, "proxy.example");
    EXPECT_EQ(mosip.proxy_port, 3128);
    EXPECT_EQ(mosip.connect_time, 2s);
    EXPECT_EQ(mosip.request_time, 9s);

    ASSERT_TRUE(config->mpoc && config->mosip);
    EXPECT_EQ(config->mpoc->ca, "sdk.ca");
    EXPECT_EQ(config->mpoc->sign_profile, "b");
    EXPECT_EQ(config->mpoc->key_type, KeyAlgorithm::rsa_2048);
    EXPECT_EQ(config->mpoc->attestations, std::chrono::days{30});
    EXPECT_EQ(config->mosip->env, "Pre-Production");
    EXPECT_EQ(config->mosip->mms.certificate, "/etc/signet/ca/mms.pem");
    EXPECT_EQ(config->mosip->clock_window, 5min);
    EXPECT_TRUE(config->mosip->forward);
    EXPECT_EQ(config->mosip->provider.key, "dp");
    EXPECT_EQ(config->mosip->url, "https://m.example/d");
    EXPECT_EQ(config->mosip->wait, 2s);
}

struct Fault {
    std::string_view from;
    std::string_view to;
    std::string_view expected;  // part of the message
};

TEST(Config, FaultsAreRefusedWithFileLineAndWhatWasExpected) {
    const Fault faults[] = {
        {"policy: policy.yaml", "polcy: policy.yaml",
         "signetd.yaml:2: unknown key 'polcy'; did you mean 'policy'?"},
        {"log: debug", "log: loud", "signetd.yaml:3: log: expected one of debug, info, warning, error"},
        {"checkpoint_every: 500", "checkpoint_every: 0",
         "signetd.yaml:5: audit.checkpoint_every: expected a whole number"},
        {"checkpoint_interval: 30s", "checkpoint_interval: 30", "expected a duration"},
        {"mode: \"0660\"", "mode: \"0066\"", "expected an octal mode"},
        {"mode: \"0660\"", "mode: \"9\"", "expected an octal mode"},
        {"name: admin", "name: api", "is taken by another listener"},
        {"unix: run/admin.sock", "unix: run/api.sock", "the same socket"},
        {"127.0.0.1:8443", "localhost:8443", "expected IPv4:port or [IPv6]:port"},
        {"127.0.0.1:8443", "127.0.0.1:99999", "expected IPv4:port or [IPv6]:port"},
        {"127.0.0.1:8443", "\"127.0.0.1:\"", "expected IPv4:port or [IPv6]:port"},
        {"client_ca: tls/clients.pem, ", "", "'client_ca' is missing"},
        {"minimum: \"1.2\"", "minimum: \"1.1\"", "expected one of 1.2, 1.3"},
        {"permits: [ca.crl, ca.ocsp]", "permits: [ca.crl, keys.sign]", "without tls"},
        {"anonymous: true, ", "", "permits says what anonymous callers may do"},
        {"surface: admin", "surface: admin, anonymous: true, permits: [ca.crl]", "cannot be anonymous"},
        {"workers: 8", "workers: 0", "signetd.yaml:15: limits.workers"},
        {"header: 8KiB", "header: 8KB", "expected a size"},
        {"validity: 365d", "validity: 10s", "expected a duration from"},
        {"key_types: [ec-p256, rsa-2048]", "key_types: [rsa-1024]", "expected one of rsa-2048"},
        {"required_subject: [CN]", "required_subject: [OU]", "is required but not among"},
        {"dns: [\"*.devices.example\"]", "dns: []", "expected at least one pattern"},
        {"dns: [", "rid: [", "unknown key 'rid'"},
        {"CN: \"device-*\"", "CN: \"\"", "expected a pattern"},
        {"1.3.6.1.4.1.99999.2]", "1.3.6.1.4.1.99999.2]\n        lifetime: 3d", "unknown key 'lifetime'"},
        {"key_usage: [digitalSignature]", "key_usage: [keyCertSign]", "expected one of digitalSignature"},
        {"1.3.6.1.4.1.99999.1", "1.3.6.1.4.1.x", "expected an OID"},
        {"http://ca.example/device.crl", "https://ca.example/device.crl", "begins with http://"},
        {"interval: 1d", "interval: 8d", "shorter than validity"},
        {"key: device.ocsp, ", "", "belong together"},
        {"device.ca:", "Device.CA:", "label"},
        {"system_trust: true", "connect_time: 1s", "expected trust: a list of CA certificates, system_trust"},
        {"http://proxy.example:3128", "https://proxy.example:3128", "expected http://HOST:PORT"},
        {"http://proxy.example:3128", "http://user@proxy.example:3128", "expected http://HOST:PORT"},
        {"http://proxy.example:3128", "http://proxy.example:3128/path", "expected http://HOST:PORT"},
        {"http://proxy.example:3128", "http://proxy.example", "expected http://HOST:PORT"},
        {"connect_time: 2s", "connect_time: 2h", "expected a duration"},
        {"client: { key: outbound.mosip, ", "client: { ", "the key 'key' is missing"},
        {"key_type: rsa-2048", "key_type: ec-p256", "expected one of rsa-2048, rsa-3072, rsa-4096"},
        {"env: Pre-Production", "env: Test", "expected one of Staging"},
        {"mode: forward", "mode: local", "expected url exactly where mode is forward"},
        {"https://m.example/d", "ftp://m.example/d", "expected a URL with https://"},
    };
    for (const auto& fault : faults) {
        const auto message = refusal(replaced(kFull, fault.from, fault.to));
        EXPECT_NE(message.find(fault.expected), std::string::npos) << fault.to << ": " << message;
        EXPECT_NE(message.find("/etc/signet/signetd.yaml:"), std::string::npos) << message;
    }
}

TEST(Config, SocketPathsThatDoNotFitAreRefused) {
    const auto text = replaced(kMinimal, "run/api.sock", std::string(120, 'a'));
    EXPECT_NE(refusal(text).find("at most 107 bytes"), std::string::npos);
}

TEST(Config, AMissingFileSaysHowToGetOne) {
    const auto config = load("/nonexistent/signetd.yaml");
    ASSERT_FALSE(config);
    EXPECT_EQ(config.error().code, ErrorCode::not_found);
    EXPECT_NE(config.error().message.find("signetctl init"), std::string::npos);
}

TEST(Config, DifferencesNameTheSettings) {
    const auto before = parsed(kFull);
    const auto after =
        parsed(replaced(replaced(kFull, "workers: 8", "workers: 9"), "validity: 365d", "validity: 30d"));
    ASSERT_TRUE(before && after);
    EXPECT_EQ(differences(*before, *before).size(), 0U);
    const auto lines = differences(*before, *after);
    EXPECT_NE(std::ranges::find(lines, "limits.workers: 8 -> 9"), lines.end());
    EXPECT_NE(std::ranges::find(lines, "ca.device.ca.profiles.device.validity: 31536000s -> 2592000s"),
              lines.end());
    EXPECT_EQ(needs_restart(*before, *after), std::vector<std::string>{"limits.workers: 8 -> 9"});
}

TEST(Config, TlsFilesAreReloadedButTlsItselfIsFixed) {
    const auto before = parsed(kFull);
    const auto other_file = parsed(replaced(kFull, "tls/server.pem", "tls/other.pem"));
    ASSERT_TRUE(before && other_file);
    EXPECT_EQ(differences(*before, *other_file).size(), 1U);
    EXPECT_TRUE(needs_restart(*before, *other_file).empty());
}

TEST(Config, ReadsTheMerchantFamilies) {
    const auto with = [](std::string_view section) {
        return parse(std::string(kMinimal) + std::string(section), "/etc/signet/signetd.yaml");
    };
    EXPECT_FALSE(with("")->momo.has_value());
    const auto momo = with(
        "momo: { target_environment: mtnuganda, issuer: \"https://momo.example\", token_lifetime: 30m,\n"
        "  keys: { token: a.token, mac: a.mac }, balance: { available: \"7.50\", currency: UGX },\n"
        "  failures: { per_caller: 3, per_account: 2 } }\n");
    ASSERT_TRUE(momo) << momo.error().message;
    EXPECT_EQ(momo->momo->target_environment, "mtnuganda");
    EXPECT_EQ(momo->momo->token_key, "a.token");
    EXPECT_EQ(momo->momo->token_lifetime, 30min);
    EXPECT_EQ(momo->momo->failures_per_account, 2U);
    EXPECT_EQ(with("momo: { sandbox: true }\n")->momo->target_environment, "sandbox");
    const auto mypos = with("mypos: { ca: my.ca, longer_keys: true, failures: { per_store: 9 } }\n");
    ASSERT_TRUE(mypos) << mypos.error().message;
    EXPECT_TRUE(mypos->mypos->longer_keys);
    EXPECT_FALSE(mypos->mypos->packs);
    EXPECT_EQ(mypos->mypos->failures_per_store, 9U);
    for (const auto* wrong :
         {"momo: {}", "momo: { sandbox: true, target_environment: mtnuganda }",
          "momo: { target_environment: sandbox }", "momo: { sandbox: true, balance: { currency: euro } }",
          "momo: { sandbox: true, token_lifetime: 1s }", "momo: { sandbox: true, issuer: \"a b\" }",
          "mypos: { bits: 1024 }", "mypos: { failures: { per_caller: 0 } }"})
        EXPECT_FALSE(with(std::string(wrong) + "\n")) << wrong;
    EXPECT_EQ(needs_restart(*with(""), *with("mypos: {}\n")).size(), 1U);
}

}  // namespace
}  // namespace signet::config
