#include "daemon/config/mosip.h"

#include "daemon/config/reader.h"

namespace signet::config {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

Status read_signer(const yaml::Node& node, const fs::path& directory, Signer& signer) {
    SIGNET_TRY(node.only({"key", "certificate"}));
    if (const auto key = node.optional("key")) {
        SIGNET_ASSIGN(signer.key, read_label(*key));
    }
    SIGNET_ASSIGN(const auto certificate, node.required("certificate"));
    SIGNET_ASSIGN(signer.certificate, read_path(certificate, directory));
    return {};
}

Status read_registration(const yaml::Node& node, const fs::path& directory, Mosip& mosip) {
    SIGNET_TRY(node.only({"mode", "provider", "url", "wait"}));
    SIGNET_ASSIGN(const auto mode_node, node.required("mode"));
    SIGNET_ASSIGN(const auto mode, mode_node.one_of({"local", "forward"}));
    mosip.forward = mode == "forward";
    SIGNET_ASSIGN(const auto provider, node.required("provider"));
    SIGNET_TRY(read_signer(provider, directory, mosip.provider));
    const auto url = node.optional("url");
    if (mosip.forward != url.has_value()) return node.error("expected url exactly where mode is forward");
    if (url) {
        SIGNET_ASSIGN(mosip.url, url->text(2048));
        if (!mosip.url.starts_with("https://") && !mosip.url.starts_with("http://"))
            return url->error("expected a URL with https://");
    }
    if (const auto wait = node.optional("wait")) {
        SIGNET_ASSIGN(mosip.wait, read_duration(*wait, 100ms, 60s));
    }
    return {};
}

}  // namespace

Result<Mosip> read_mosip(const yaml::Node& node, const fs::path& directory) {
    SIGNET_TRY(node.only({"env", "mms", "ca", "profile", "clock_window", "registration"}));
    Mosip mosip;
    SIGNET_ASSIGN(const auto env, node.required("env"));
    SIGNET_ASSIGN(mosip.env, env.one_of({"Staging", "Developer", "Pre-Production", "Production"}));
    SIGNET_ASSIGN(const auto mms, node.required("mms"));
    SIGNET_TRY(read_signer(mms, directory, mosip.mms));
    if (const auto ca = node.optional("ca")) {
        SIGNET_ASSIGN(mosip.ca, read_label(*ca));
    }
    if (const auto profile = node.optional("profile")) {
        SIGNET_ASSIGN(mosip.profile, profile->text(64));
    }
    if (const auto window = node.optional("clock_window")) {
        SIGNET_ASSIGN(mosip.clock_window, read_duration(*window, 10s, 24h));
    }
    SIGNET_ASSIGN(const auto registration, node.required("registration"));
    SIGNET_TRY(read_registration(registration, directory, mosip));
    return mosip;
}

}  // namespace signet::config
