#include "daemon/ctl/ceremony/site.h"

#include "base/encoding.h"
#include "base/yaml.h"

namespace signet::ctl::ceremony {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSoftHsm = "/usr/lib/softhsm/libsofthsm2.so";

std::string short_hash(const Plan& plan) {
    return to_hex(ByteView(plan.sha256).first(8));
}

}  // namespace

fs::path Site::journal(const Plan& plan) const {
    return appliance / "state" / ("ceremony-" + short_hash(plan) + ".journal");
}

fs::path Site::transcript(const Plan& plan) const {
    return outputs / ("transcript-" + short_hash(plan) + ".json");
}

Result<Site> read_site(const fs::path& file) {
    SIGNET_ASSIGN(const auto root, yaml::Node::load(file));
    SIGNET_TRY(root.only({"appliance", "module", "module_parameters", "pin_file", "so_pin_file", "outputs"}));
    std::error_code error;
    const auto directory = fs::absolute(file, error).parent_path();
    const auto path = [&](std::string_view key, fs::path otherwise) -> Result<fs::path> {
        const auto node = root.optional(key);
        if (!node) return otherwise;
        SIGNET_ASSIGN(const auto text, node->text());
        if (text.empty()) return node->error("expected a path");
        return (directory / text).lexically_normal();
    };
    Site site;
    SIGNET_TRY(root.required("appliance"));
    SIGNET_ASSIGN(site.appliance, path("appliance", {}));
    // A socket's path has 107 bytes at most (unix(7)).
    if (site.appliance.native().size() > 90)
        return root.required("appliance")
            ->error("expected at most 90 bytes: sockets below it have 107 at most");
    SIGNET_ASSIGN(site.module, path("module", kSoftHsm));
    SIGNET_ASSIGN(site.pin_file, path("pin_file", {}));
    SIGNET_ASSIGN(site.so_pin_file, path("so_pin_file", {}));
    if (site.pin_file.empty() != site.so_pin_file.empty())
        return root.error("pin_file and so_pin_file belong together");
    SIGNET_ASSIGN(site.outputs, path("outputs", site.appliance / "ceremony"));
    if (const auto parameters = root.optional("module_parameters")) {
        SIGNET_ASSIGN(site.module_parameters, parameters->text());
    }
    return site;
}

Site site_of(const fs::path& config) {
    Site site;
    std::error_code ignored;
    site.appliance = fs::absolute(config, ignored).lexically_normal().parent_path();
    site.outputs = site.appliance / "ceremony";
    return site;
}

Site rehearsal_site(const fs::path& directory, const fs::path& outputs) {
    Site site;
    site.appliance = directory;
    site.module = kSoftHsm;
    site.outputs = outputs;
    site.rehearsal = true;
    return site;
}

}  // namespace signet::ctl::ceremony
