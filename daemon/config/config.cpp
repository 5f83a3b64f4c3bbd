#include "daemon/config/config.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "base/file.h"
#include "base/yaml.h"
#include "daemon/config/reader.h"

namespace signet::config {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

// sockaddr_un.sun_path holds 108 bytes with the final zero (unix(7)).
constexpr std::size_t kMaxSocketPath = 107;
// What a listener without TLS on the network may serve: signed documents that anybody may read (RFC 5280, RFC
// 6960).
constexpr std::string_view kPublicPermissions[] = {"ca.crl", "ca.ocsp"};

template <class T>
Status read_number(const yaml::Node& parent, std::string_view key, T& value, std::int64_t low,
                   std::int64_t high) {
    if (const auto node = parent.optional(key)) {
        SIGNET_ASSIGN(const auto number, node->integer(low, high));
        value = static_cast<T>(number);
    }
    return {};
}

Status read_time(const yaml::Node& parent, std::string_view key, milliseconds& value, milliseconds low,
                 milliseconds high) {
    if (const auto node = parent.optional(key)) {
        SIGNET_ASSIGN(value, read_duration(*node, low, high));
    }
    return {};
}

template <class T>
Status read_size(const yaml::Node& parent, std::string_view key, T& value, std::uint64_t low,
                 std::uint64_t high) {
    if (const auto node = parent.optional(key)) {
        SIGNET_ASSIGN(const auto size, node->size());
        if (size < low || size > high)
            return node->error("expected a size from " + std::to_string(low) + " to " + std::to_string(high) +
                               " bytes");
        value = static_cast<T>(size);
    }
    return {};
}

Status read_optional_label(const yaml::Node& parent, std::string_view key, std::string& value) {
    if (const auto node = parent.optional(key)) {
        SIGNET_ASSIGN(value, read_label(*node));
    }
    return {};
}

Result<fs::path> read_socket(const yaml::Node& node, const fs::path& directory) {
    SIGNET_ASSIGN(auto path, read_path(node, directory));
    if (path.string().size() > kMaxSocketPath)
        return node.error("expected a path of at most 107 bytes for a Unix socket, this one has " +
                          std::to_string(path.string().size()));
    return path;
}

Status read_token(const yaml::Node& node, const fs::path& directory, Token& token) {
    SIGNET_TRY(node.only({"socket", "config"}));
    SIGNET_ASSIGN(const auto socket, node.required("socket"));
    SIGNET_ASSIGN(token.socket, read_socket(socket, directory));
    if (const auto config = node.optional("config")) {
        SIGNET_ASSIGN(token.config, read_path(*config, directory));
    }
    return {};
}

Status read_audit(const yaml::Node& node, const fs::path& directory, Audit& audit) {
    SIGNET_TRY(node.only({"key", "checkpoint_every", "checkpoint_interval", "retention", "archive"}));
    SIGNET_TRY(read_optional_label(node, "key", audit.key));
    SIGNET_TRY(read_number(node, "checkpoint_every", audit.checkpoint_every, 1, 1'000'000));
    SIGNET_TRY(read_time(node, "checkpoint_interval", audit.checkpoint_interval, 1s, std::chrono::hours{24}));
    SIGNET_TRY(read_time(node, "retention", audit.retention, std::chrono::days{1}, std::chrono::days{36500}));
    if (const auto archive = node.optional("archive")) {
        SIGNET_ASSIGN(audit.archive, read_path(*archive, directory));
    }
    return {};
}

Status read_keys(const yaml::Node& node, Keys& keys) {
    SIGNET_TRY(node.only({"wrap", "bind", "seal"}));
    SIGNET_TRY(read_optional_label(node, "wrap", keys.wrap));
    SIGNET_TRY(read_optional_label(node, "bind", keys.bind));
    return read_optional_label(node, "seal", keys.seal);
}

Status read_backup(const yaml::Node& node, const fs::path& directory, Backup& backup) {
    SIGNET_TRY(node.only({"directory", "keep"}));
    if (const auto path = node.optional("directory")) {
        SIGNET_ASSIGN(backup.directory, read_path(*path, directory));
    }
    return read_number(node, "keep", backup.keep, 1, 10'000);
}

Status read_limits(const yaml::Node& node, Limits& limits) {
    SIGNET_TRY(node.only({"workers", "queue", "connections", "header", "body", "request_time", "idle_time",
                          "drain_time", "free_disk"}));
    SIGNET_TRY(read_number(node, "workers", limits.workers, 1, 1024));
    SIGNET_TRY(read_number(node, "queue", limits.queue, 1, 65'536));
    SIGNET_TRY(read_number(node, "connections", limits.connections, 1, 65'536));
    SIGNET_TRY(read_size(node, "header", limits.header, 1U << 10, 64U << 10));
    SIGNET_TRY(read_size(node, "body", limits.body, 4U << 10, 64U << 20));
    SIGNET_TRY(read_time(node, "request_time", limits.request_time, 100ms, 10min));
    SIGNET_TRY(read_time(node, "idle_time", limits.idle_time, 1s, 1h));
    SIGNET_TRY(read_time(node, "drain_time", limits.drain_time, 100ms, 10min));
    return read_size(node, "free_disk", limits.free_disk, 1U << 20, std::uint64_t{1} << 40);
}

Status read_tls(const yaml::Node& node, const fs::path& directory, Tls& tls) {
    SIGNET_TRY(node.only({"key", "certificate", "client_ca", "client_certificate", "minimum"}));
    SIGNET_ASSIGN(const auto key, node.required("key"));
    SIGNET_ASSIGN(tls.key, read_label(key));
    SIGNET_ASSIGN(const auto certificate, node.required("certificate"));
    SIGNET_ASSIGN(tls.certificate, read_path(certificate, directory));
    if (const auto client = node.optional("client_certificate")) {
        SIGNET_ASSIGN(const auto word, client->one_of({"required", "optional", "none"}));
        tls.client_certificates = word == "required"   ? ClientCertificates::required
                                  : word == "optional" ? ClientCertificates::optional
                                                       : ClientCertificates::none;
    }
    if (const auto client_ca = node.optional("client_ca")) {
        if (tls.client_certificates == ClientCertificates::none)
            return client_ca->error("not expected where client_certificate is none");
        SIGNET_ASSIGN(tls.client_ca, read_path(*client_ca, directory));
    } else if (tls.client_certificates != ClientCertificates::none) {
        return node.error(
            "the key 'client_ca' is missing: a PEM file of the CAs whose client certificates are accepted");
    }
    if (const auto minimum = node.optional("minimum")) {
        SIGNET_ASSIGN(const auto version, minimum->one_of({"1.2", "1.3"}));
        tls.allow_tls12 = version == "1.2";
    }
    return {};
}

// "127.0.0.1:8443" or "[::1]:8443". Names are not resolved: what a name means can change behind our back.
Status read_address(const yaml::Node& node, Listener& listener) {
    SIGNET_ASSIGN(const auto text, node.text(64));
    const auto refuse = [&] {
        return node.error("expected IPv4:port or [IPv6]:port, such as 127.0.0.1:8443 or [::1]:8443");
    };
    const auto colon = text.rfind(':');
    if (colon == std::string::npos) return refuse();
    auto host = text.substr(0, colon);
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    unsigned char parsed[sizeof(in6_addr)];
    if (inet_pton(bracketed ? AF_INET6 : AF_INET, host.c_str(), parsed) != 1) return refuse();
    const char* const first = text.data() + colon + 1;
    const char* const last = text.data() + text.size();
    const auto [end, failure] = std::from_chars(first, last, listener.port);
    if (failure != std::errc{} || end != last || first == last) return refuse();
    listener.host = host;
    return {};
}

Status read_mode(const yaml::Node& node, mode_t& mode) {
    SIGNET_ASSIGN(const auto text, node.text(8));
    unsigned value = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value, 8);
    if (failure != std::errc{} || end != text.data() + text.size() || text.empty() || value > 0777 ||
        (value & 0600) != 0600)
        return node.error("expected an octal mode in quotes such as \"0600\", \"0660\" or \"0666\"");
    mode = value;
    return {};
}

Status check_listener(const yaml::Node& node, const Listener& listener) {
    const bool network = listener.unix_path.empty();
    if (network && listener.admin) return node.error("surface admin is for Unix sockets only");
    if (!network && listener.tls) return node.error("tls is for listeners with an address");
    if (listener.anonymous && listener.admin)
        return node.error("a listener for administration cannot be anonymous");
    if (!listener.anonymous && !listener.permits.empty())
        return node.error("permits says what anonymous callers may do; it needs anonymous: true");
    if (listener.anonymous && listener.permits.empty())
        return node.error("an anonymous listener needs permits, such as [ca.crl, ca.ocsp]");
    if (network && !listener.tls) {
        const auto is_public = [](const std::string& permission) {
            return std::ranges::find(kPublicPermissions, permission) != std::end(kPublicPermissions);
        };
        if (!listener.anonymous || !std::ranges::all_of(listener.permits, is_public))
            return node.error(
                "without tls an address may only serve anonymous callers, with permits of ca.crl and ca.ocsp "
                "and nothing else");
    }
    return {};
}

Result<Listener> read_listener(const yaml::Node& node, const fs::path& directory) {
    SIGNET_TRY(node.only({"name", "unix", "mode", "address", "surface", "tls", "anonymous", "permits"}));
    Listener listener;
    listener.line = node.line();
    SIGNET_ASSIGN(const auto name, node.required("name"));
    SIGNET_ASSIGN(listener.name, read_label(name));
    const auto unix_path = node.optional("unix");
    const auto address = node.optional("address");
    if (unix_path.has_value() == address.has_value())
        return node.error("expected either unix (a socket's path) or address (an IP address and a port)");
    if (unix_path) {
        SIGNET_ASSIGN(listener.unix_path, read_socket(*unix_path, directory));
    } else {
        SIGNET_TRY(read_address(*address, listener));
    }
    if (const auto surface = node.optional("surface")) {
        SIGNET_ASSIGN(const auto word, surface->one_of({"api", "admin"}));
        listener.admin = word == "admin";
    }
    if (listener.admin) listener.mode = 0600;
    if (const auto mode = node.optional("mode")) {
        if (!unix_path) return mode->error("mode is for Unix sockets only");
        SIGNET_TRY(read_mode(*mode, listener.mode));
    }
    if (const auto tls = node.optional("tls")) {
        listener.tls.emplace();
        SIGNET_TRY(read_tls(*tls, directory, *listener.tls));
    }
    if (const auto anonymous = node.optional("anonymous")) {
        SIGNET_ASSIGN(listener.anonymous, anonymous->boolean());
    }
    if (const auto permits = node.optional("permits")) {
        SIGNET_ASSIGN(listener.permits, permits->texts());
    }
    SIGNET_TRY(check_listener(node, listener));
    return listener;
}

Status read_listeners(const yaml::Node& node, const fs::path& directory, std::vector<Listener>& listeners) {
    SIGNET_ASSIGN(const auto items, node.items());
    if (items.empty()) return node.error("expected at least one listener");
    std::set<std::string> names;
    std::set<std::string> places;
    for (const auto& item : items) {
        SIGNET_ASSIGN(auto listener, read_listener(item, directory));
        if (!names.insert(listener.name).second)
            return item.error("the name '" + listener.name + "' is taken by another listener");
        const auto place = listener.unix_path.empty() ? listener.host + " " + std::to_string(listener.port)
                                                      : listener.unix_path.string();
        if (!places.insert(place).second)
            return item.error("another listener has the same socket or address");
        listeners.push_back(std::move(listener));
    }
    return {};
}

}  // namespace

Result<fs::path> read_path(const yaml::Node& node, const fs::path& directory) {
    SIGNET_ASSIGN(const auto text, node.text());
    if (text.empty() || text.find('\0') != std::string::npos) return node.error("expected a path");
    const fs::path path(text);
    return (path.is_absolute() ? path : directory / path).lexically_normal();
}

Result<std::string> read_label(const yaml::Node& node) {
    SIGNET_ASSIGN(auto text, node.text(64));
    if (const auto valid = check_label(text); !valid) return node.error(valid.error().message);
    return text;
}

Result<std::vector<std::string>> read_words(const yaml::Node& node,
                                            std::initializer_list<std::string_view> known) {
    if (!node.is_list()) return node.error("expected a list");
    SIGNET_ASSIGN(const auto items, node.items());
    std::vector<std::string> out;
    for (const auto& item : items) {
        SIGNET_ASSIGN(auto word, item.one_of(known));
        if (std::ranges::find(out, word) != out.end()) return item.error("'" + word + "' stands twice");
        out.push_back(std::move(word));
    }
    return out;
}

Result<milliseconds> read_duration(const yaml::Node& node, milliseconds low, milliseconds high) {
    SIGNET_ASSIGN(const auto value, node.duration());
    if (value < low || value > high)
        return node.error("expected a duration from " + std::to_string(low.count()) + "ms to " +
                          std::to_string(high.count() / 1000) + "s");
    return value;
}

Result<Config> parse(std::string_view text, const fs::path& file_name) {
    SIGNET_ASSIGN(const auto root, yaml::Node::parse(text, file_name.string()));
    SIGNET_TRY(root.only({"database", "policy", "log", "token", "audit", "keys", "backup", "listeners",
                          "limits", "ca", "outbound", "mpoc", "mosip", "momo", "mypos", "paycontrol"}));
    std::error_code failure;
    Config config;
    config.file = fs::absolute(file_name, failure).lexically_normal();
    if (failure) return fail(ErrorCode::internal, "the current directory cannot be read", failure.message());
    const auto directory = config.file.parent_path();

    SIGNET_ASSIGN(const auto database, root.required("database"));
    SIGNET_ASSIGN(config.database, read_path(database, directory));
    SIGNET_ASSIGN(const auto policy, root.required("policy"));
    SIGNET_ASSIGN(config.policy, read_path(policy, directory));
    if (const auto level = root.optional("log")) {
        SIGNET_ASSIGN(config.log_level, level->one_of({"debug", "info", "warning", "error"}));
    }
    SIGNET_ASSIGN(const auto token, root.required("token"));
    SIGNET_TRY(read_token(token, directory, config.token));
    config.audit.archive = directory / "archive";
    if (const auto audit = root.optional("audit")) SIGNET_TRY(read_audit(*audit, directory, config.audit));
    if (const auto keys = root.optional("keys")) SIGNET_TRY(read_keys(*keys, config.keys));
    config.backup.directory = directory / "backup";
    if (const auto backup = root.optional("backup"))
        SIGNET_TRY(read_backup(*backup, directory, config.backup));
    SIGNET_ASSIGN(const auto listeners, root.required("listeners"));
    SIGNET_TRY(read_listeners(listeners, directory, config.listeners));
    if (const auto limits = root.optional("limits")) SIGNET_TRY(read_limits(*limits, config.limits));
    if (const auto authorities = root.optional("ca")) {
        SIGNET_ASSIGN(config.authorities, read_authorities(*authorities, directory));
    }
    if (const auto outbound = root.optional("outbound")) {
        SIGNET_ASSIGN(config.outbound, read_outbound(*outbound, directory));
    }
    if (const auto mpoc = root.optional("mpoc")) {
        SIGNET_ASSIGN(config.mpoc, read_mpoc(*mpoc));
    }
    if (const auto mosip = root.optional("mosip")) {
        SIGNET_ASSIGN(config.mosip, read_mosip(*mosip, directory));
    }
    if (const auto momo = root.optional("momo")) {
        SIGNET_ASSIGN(config.momo, read_momo(*momo));
    }
    if (const auto mypos = root.optional("mypos")) {
        SIGNET_ASSIGN(config.mypos, read_mypos(*mypos));
    }
    if (const auto paycontrol = root.optional("paycontrol")) {
        SIGNET_ASSIGN(config.paycontrol, read_paycontrol(*paycontrol, directory));
    }
    return config;
}

Result<Config> load(const fs::path& path) {
    auto text = read_file(path, std::size_t{4} << 20);
    if (!text) {
        text.error().message += "; name the configuration with --config FILE, `signetctl init DIR` makes one";
        return std::unexpected(std::move(text).error());
    }
    return parse(*text, path);
}

const Listener* Config::local_listener(bool admin) const {
    const auto found = std::ranges::find_if(listeners, [&](const Listener& listener) {
        return !listener.unix_path.empty() && listener.admin == admin && !listener.anonymous;
    });
    return found == listeners.end() ? nullptr : &*found;
}

}  // namespace signet::config
