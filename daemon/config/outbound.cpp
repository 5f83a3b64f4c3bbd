// outbound: how other systems are reached.
#include <algorithm>
#include <charconv>

#include "daemon/config/reader.h"

namespace signet::config {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

// "http://proxy.example:3128". Names are resolved when it is used.
Status read_proxy(const yaml::Node& node, Outbound& outbound) {
    constexpr std::string_view kScheme = "http://";
    const auto refuse = [&] {
        return node.error(
            "expected http://HOST:PORT, such as http://proxy.example:3128, without a user or a path");
    };
    SIGNET_ASSIGN(const auto text, node.text(300));
    if (!text.starts_with(kScheme)) return refuse();
    const auto rest = std::string_view(text).substr(kScheme.size());
    const auto colon = rest.rfind(':');
    if (colon == std::string_view::npos || colon == 0) return refuse();
    const auto host = rest.substr(0, colon);
    const auto digits = rest.substr(colon + 1);
    const bool plain = std::ranges::all_of(host, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
               c == '.';
    });
    const auto* const end = digits.data() + digits.size();
    const auto [last, failure] = std::from_chars(digits.data(), end, outbound.proxy_port);
    if (!plain || failure != std::errc{} || last != end || outbound.proxy_port == 0) return refuse();
    outbound.proxy_host = host;
    return {};
}

Status read_client(const yaml::Node& node, const fs::path& directory, Outbound& outbound) {
    SIGNET_TRY(node.only({"key", "certificate"}));
    SIGNET_ASSIGN(const auto key, node.required("key"));
    SIGNET_ASSIGN(outbound.client_key, read_label(key));
    SIGNET_ASSIGN(const auto certificate, node.required("certificate"));
    SIGNET_ASSIGN(outbound.client_certificate, read_path(certificate, directory));
    return {};
}

Result<Outbound> read_one(const std::string& name, const yaml::Node& node, const fs::path& directory) {
    SIGNET_TRY(node.only({"trust", "system_trust", "client", "proxy", "plain_http", "private_addresses",
                          "connect_time", "request_time"}));
    Outbound outbound;
    outbound.name = name;
    if (const auto trust = node.optional("trust")) {
        if (!trust->is_list()) return trust->error("expected a list of PEM or DER files");
        SIGNET_ASSIGN(const auto files, trust->items());
        for (const auto& file : files) {
            SIGNET_ASSIGN(auto path, read_path(file, directory));
            outbound.trust.push_back(std::move(path));
        }
    }
    if (const auto system = node.optional("system_trust")) {
        SIGNET_ASSIGN(outbound.system_trust, system->boolean());
    }
    if (const auto plain = node.optional("plain_http")) {
        SIGNET_ASSIGN(outbound.plain_http, plain->boolean());
    }
    if (const auto addresses = node.optional("private_addresses")) {
        if (!addresses->is_list()) return addresses->error("expected a list of addresses and prefixes");
        SIGNET_ASSIGN(const auto items, addresses->items());
        for (const auto& item : items) {
            SIGNET_ASSIGN(const auto text, item.text(64));
            const auto prefix = AddressPrefix::parse(text);
            if (!prefix) return item.error("expected an IP address or a prefix such as 10.1.0.0/16");
            outbound.private_addresses.push_back(*prefix);
        }
    }
    if (outbound.trust.empty() && !outbound.system_trust && !outbound.plain_http)
        return node.error(
            "expected trust: a list of CA certificates, system_trust: true, or plain_http: true");
    if (const auto client = node.optional("client")) SIGNET_TRY(read_client(*client, directory, outbound));
    if (const auto proxy = node.optional("proxy")) SIGNET_TRY(read_proxy(*proxy, outbound));
    if (const auto time = node.optional("connect_time")) {
        SIGNET_ASSIGN(outbound.connect_time, read_duration(*time, 100ms, 1min));
    }
    if (const auto time = node.optional("request_time")) {
        SIGNET_ASSIGN(outbound.request_time, read_duration(*time, 100ms, 10min));
    }
    return outbound;
}

}  // namespace

Result<std::map<std::string, Outbound>> read_outbound(const yaml::Node& node, const fs::path& directory) {
    SIGNET_ASSIGN(const auto entries, node.entries());
    std::map<std::string, Outbound> out;
    for (const auto& [name, entry] : entries) {
        if (const auto valid = check_label(name); !valid) return entry.error(valid.error().message);
        SIGNET_ASSIGN(auto one, read_one(name, entry, directory));
        out.emplace(name, std::move(one));
    }
    return out;
}

}  // namespace signet::config
