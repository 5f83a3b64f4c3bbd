#include "daemon/ctl/device_client.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <chrono>

#include "base/encoding.h"
#include "base/file.h"
#include "base/key_wrap.h"
#include "daemon/http/client.h"
#include "daemon/paycontrol/key_export.h"

namespace signet::ctl {
namespace {

namespace json = boost::json;
namespace shared = signet::paycontrol;

constexpr std::string_view kSocketRoot = "/pc-api/ext";
constexpr std::string_view kTlsRoot = "jsonrequest_v3";

struct ExternalUrl {
    std::string host;
    std::uint16_t port = 443;
    std::string path;  // with a slash at its end
};

Result<ExternalUrl> parse_external(std::string_view url) {
    constexpr std::string_view kScheme = "https://";
    const auto refuse = [&] {
        return fail(ErrorCode::invalid_argument,
                    "the server's address in the key is not https://HOST[:PORT]/PATH: " + std::string(url));
    };
    if (!url.starts_with(kScheme)) return refuse();
    auto rest = url.substr(kScheme.size());
    const auto slash = rest.find('/');
    ExternalUrl out;
    out.path = slash == std::string_view::npos ? "/" : std::string(rest.substr(slash));
    if (!out.path.ends_with('/')) out.path += '/';
    auto host = rest.substr(0, slash);
    if (const auto colon = host.rfind(':'); colon != std::string_view::npos && !host.ends_with(']')) {
        const auto digits = host.substr(colon + 1);
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out.port);
        if (error != std::errc{} || end != digits.data() + digits.size() || out.port == 0) return refuse();
        host = host.substr(0, colon);
    }
    if (host.empty()) return refuse();
    out.host = host;
    return out;
}

std::uint64_t step_now(const Device& device) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(now).count()) /
           device.auth_interval;
}

}  // namespace

struct DeviceClient::Impl {
    http::Client client;
    std::string root;
};

DeviceClient::DeviceClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DeviceClient::DeviceClient(DeviceClient&&) noexcept = default;
DeviceClient::~DeviceClient() = default;

Result<DeviceClient> DeviceClient::connect(Context& context, const Device& device,
                                           const std::filesystem::path& trust) {
    if (device.external_url.empty() || context.options().socket) {
        SIGNET_ASSIGN(auto socket, context.socket(Surface::api));
        return DeviceClient(std::make_unique<Impl>(
            http::Client(http::Endpoint::unix_socket(std::move(socket))), std::string(kSocketRoot)));
    }
    SIGNET_ASSIGN(const auto url, parse_external(device.external_url));
    std::string anchors;
    if (!trust.empty()) {
        SIGNET_ASSIGN(anchors, read_file(trust));
    }
    auto endpoint = http::Endpoint::tls(url.host, url.port, anchors);
    endpoint.system_trust = trust.empty();
    return DeviceClient(
        std::make_unique<Impl>(http::Client(std::move(endpoint)), url.path + std::string(kTlsRoot)));
}

Result<std::string> DeviceClient::exchange(const Device& device, http::Verb verb, std::string_view target,
                                           std::string_view body, bool proven) {
    const auto below =
        "/" + path_segment(device.system_id) + "/users/" + path_segment(device.user_id) + std::string(target);
    http::ClientHeaders headers;
    if (proven) {
        const auto step = step_now(device);
        const auto mac =
            hmac_sha256(device.k2(), shared::device_request_bytes({.verb = http::to_string(verb),
                                                                   .target = below,
                                                                   .step = step,
                                                                   .key_index = device.key_index,
                                                                   .fingerprint = device.fingerprint,
                                                                   .body = body}));
        headers.emplace_back(shared::kDeviceHeader, "1;" + std::to_string(device.key_index) + ";" +
                                                        std::to_string(step) + ";" + device.fingerprint +
                                                        ";" + to_hex(mac));
    }
    SIGNET_ASSIGN(auto answer,
                  impl_->client.send(verb, impl_->root + below, body, "application/json", headers));
    return std::move(answer.body);
}

Result<json::value> DeviceClient::send(const Device& device, http::Verb verb, std::string_view target,
                                       const json::value* body, bool proven) {
    const auto text = body == nullptr ? std::string() : json::serialize(*body);
    SIGNET_ASSIGN(const auto answer, exchange(device, verb, target, text, proven));
    return opened(answer, last_code_);
}

Result<std::string> DeviceClient::fetch(const Device& device, std::string_view target) {
    return exchange(device, http::Verb::get, target, {}, true);
}

Result<json::value> opened(std::string_view envelope, std::uint64_t& code) {
    std::error_code error;
    const auto value = json::parse(envelope, error);
    const auto* object = error ? nullptr : value.if_object();
    const auto* answer = object == nullptr ? nullptr : object->if_contains("answer");
    const auto* members = answer == nullptr ? nullptr : answer->if_object();
    const auto* result = members == nullptr ? nullptr : members->if_contains("result");
    if (result == nullptr) return fail(ErrorCode::internal, "the server's answer is none of PayControl's");
    code = number_of(*result, "error_code");
    if (code != 0)
        return fail(ErrorCode::unprocessable,
                    "the server answers " + std::to_string(code) + ": " + text_of(*result, "error_message"));
    const auto* payload = members->if_contains(text_of(value, "answer_type"));
    return payload == nullptr ? json::value() : *payload;
}

}  // namespace signet::ctl
