#include "daemon/ctl/ceremony/workplace.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/encoding.h"
#include "base/file.h"
#include "daemon/ctl/appliance_files.h"
#include "daemon/ctl/appliance_text.h"
#include "daemon/ctl/ceremony/certificates.h"
#include "daemon/ctl/ceremony/check.h"
#include "daemon/ctl/custody/dialogue.h"
#include "policy/policy.h"

namespace signet::ctl::ceremony {
namespace {

namespace fs = std::filesystem;

bool is_softhsm(const fs::path& module) {
    return module.filename().string().starts_with("libsofthsm");
}

ApplianceSettings settings_of(const Site& site, const Plan& plan) {
    ApplianceSettings settings;
    settings.directory = site.appliance.string();
    settings.module = site.module.string();
    settings.module_parameters = site.module_parameters;
    settings.softhsm = is_softhsm(site.module);
    settings.token_label = plan.token_label.empty() ? "rehearsal" : plan.token_label;
    settings.service_user = std::to_string(geteuid());
    settings.users = {settings.service_user};
    settings.own_authority = false;
    const auto audit =
        std::ranges::find_if(plan.keys, [](const auto& key) { return key.usages.has(KeyUsage::audit); });
    if (audit != plan.keys.end()) settings.audit_key = audit->label;
    return settings;
}

Status place_pins(const Site& site) {
    for (const auto& [given, name] :
         {std::pair{&site.pin_file, "pin"}, std::pair{&site.so_pin_file, "so-pin"}}) {
        const auto path = site.appliance / "secrets" / name;
        std::error_code ignored;
        if (fs::exists(path, ignored)) continue;
        if (given->empty()) {
            SIGNET_TRY(write_pin(path));
        } else {
            SIGNET_ASSIGN(const auto pin, read_secret_file(*given, 256));
            SIGNET_TRY(write_file_atomic(path, pin.view(), 0600));
        }
    }
    return {};
}

}  // namespace

std::string request_id_of(const Plan& plan) {
    return "ceremony-" + to_hex(ByteView(plan.sha256).first(8));
}

Status make_places(const Site& site, const Plan& plan) {
    std::error_code error;
    if (plan.initialise || site.rehearsal) {
        fs::create_directories(site.appliance.parent_path(), error);
        if (::mkdir(site.appliance.c_str(), 0750) != 0 && errno != EEXIST)
            return fail(ErrorCode::permission_denied,
                        "cannot make " + site.appliance.string() + ": " + std::strerror(errno));
        SIGNET_TRY(make_directories(site.appliance));
    }
    fs::create_directories(site.outputs, error);
    if (error)
        return fail(ErrorCode::permission_denied,
                    "cannot make " + site.outputs.string() + ": " + error.message());
    return {};
}

Status make_token(const Site& site, const Plan& plan, bool resumed) {
    const auto settings = settings_of(site, plan);
    std::error_code ignored;
    if (resumed && fs::exists(site.config(), ignored)) {
        // One without a PIN was never used: before the first key it is worth nothing.
        SIGNET_ASSIGN(const bool whole, token_has_pin(site.token_config()));
        if (whole) return {};
        if (!settings.softhsm)
            return fail(
                ErrorCode::failed_precondition,
                "the token was being initialised when the ceremony was interrupted, and it has no PIN; "
                "reset it by its maker's tool, then run the same command again");
        for (const auto& entry : fs::directory_iterator(site.appliance / "tokens", ignored))
            fs::remove_all(entry.path(), ignored);
        fs::remove(site.appliance / "state" / "pin-refused", ignored);
    }
    SIGNET_TRY(place_pins(site));
    if (settings.softhsm)
        SIGNET_TRY(write_text(site.appliance / "softhsm2.conf", softhsm_text(settings), 0600));
    SIGNET_TRY(write_text(site.token_config(), token_text(settings), 0640));
    SIGNET_TRY(write_text(site.appliance / "policy.yaml", policy_text(settings), 0640));
    SIGNET_TRY(policy::Policy::load(site.appliance / "policy.yaml"));
    const auto text = daemon_text(settings);
    SIGNET_TRY(config::parse(text, site.config()));
    SIGNET_TRY(write_text(site.config(), text, 0640));
    return init_token(site.appliance);
}

Result<std::unique_ptr<Offline>> open_workplace(const Site& site, const Plan& plan, Output& out) {
    SIGNET_ASSIGN(auto config, config::load(site.config()));
    SIGNET_ASSIGN(auto place, Offline::open(std::move(config), {.holder = "signetctl ceremony",
                                                                .principal = kPrincipal,
                                                                .request_id = request_id_of(plan),
                                                                .create = plan.initialise || site.rehearsal,
                                                                .unlock = unlock_at_terminal(out)}));
    SIGNET_ASSIGN(const auto status, place->token().status(Deadline::in(std::chrono::seconds(30))));
    // A rehearsal's token has a serial of its own.
    const bool same =
        plan.token_serial.empty() ? status.label == plan.token_label : status.serial == plan.token_serial;
    if (!same && !site.rehearsal)
        return fail(ErrorCode::failed_precondition, "the appliance's token is '" + status.label +
                                                        "', serial " + status.serial +
                                                        ", and not the one that the ceremony's file names");
    return place;
}

Status make_stand_ins(Offline& place, const Plan& plan) {
    const auto make = [&](const std::string& label, KeyAlgorithm algorithm, KeyUsages usages) -> Status {
        if (place.keys().find(label)) return {};
        SIGNET_TRY(
            place.keys().create(place.caller(), {.label = label, .algorithm = algorithm, .usages = usages}));
        return {};
    };
    for (const auto& key : plan.existing) {
        SIGNET_TRY(make(key.label, key.algorithm, key.usages));
    }
    for (const auto& destruction : plan.destroy) {
        SIGNET_TRY(make(destruction.key.label, KeyAlgorithm::ec_p256, KeyUsage::sign));
        for (;;) {
            SIGNET_ASSIGN(const auto key, place.keys().find(destruction.key.label));
            if (key->versions.back().id.version >= destruction.key.version) break;
            SIGNET_TRY(place.keys().rotate(place.caller(), destruction.key.label, true));
        }
    }
    const auto audit = place.config().audit.key;
    if (plan.key(audit) != nullptr) return {};
    return make(audit, KeyAlgorithm::ec_p256, KeyUsage::audit);
}

}  // namespace signet::ctl::ceremony
