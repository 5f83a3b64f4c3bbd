// The token's part of a check: what the module says without a login, and what the appliance's own registry says of its keys.
#include <unistd.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cstring>
#include <set>

#include "base/file.h"
#include "base/random.h"
#include "base/yaml.h"
#include "daemon/config/config.h"
#include "daemon/ctl/ceremony/check.h"
#include "daemon/ctl/context.h"
#include "daemon/ctl/programs.h"
#include "sqlite/connection.h"
#include "sqlite/key_store.h"

namespace signet::ctl::ceremony {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

struct ModuleSettings {
    fs::path module;
    fs::path config;  // of SoftHSM
    std::string parameters;
    std::string label;
    std::string serial;
};

Result<ModuleSettings> from_token_yaml(const fs::path& file) {
    SIGNET_ASSIGN(const auto root, yaml::Node::load(file));
    ModuleSettings out;
    const auto text = [&](const yaml::Node& node, std::string_view key) {
        const auto found = node.optional(key);
        return found ? found->text().value_or("") : std::string();
    };
    out.module = (file.parent_path() / text(root, "module")).lexically_normal();
    if (root.has("module_config"))
        out.config = (file.parent_path() / text(root, "module_config")).lexically_normal();
    out.parameters = text(root, "module_parameters");
    if (const auto token = root.optional("token")) {
        out.label = text(*token, "label");
        out.serial = text(*token, "serial");
    }
    return out;
}

Result<json::value> inspect(const ModuleSettings& settings) {
    SIGNET_ASSIGN(const auto program, find_program("signetd-token"));
    std::vector<std::string> arguments{"inspect", "--module", settings.module.string()};
    if (!settings.config.empty()) {
        arguments.emplace_back("--module-config");
        arguments.push_back(settings.config.string());
    }
    if (!settings.parameters.empty()) {
        arguments.emplace_back("--module-parameters");
        arguments.push_back(settings.parameters);
    }
    SIGNET_ASSIGN(const auto finished, run_program(program, arguments, std::chrono::seconds(60)));
    if (finished.code != 0)
        return fail(ErrorCode::token_unavailable, finished.errors.substr(0, finished.errors.find('\n')));
    boost::system::error_code malformed;
    auto value = json::parse(finished.output, malformed);
    if (malformed) return fail(ErrorCode::internal, "signetd-token inspect did not answer in JSON");
    return value;
}

// An empty SoftHSM answers for what a new one can do; it is gone with this object.
class EmptySoftHsm {
  public:
    EmptySoftHsm() {
        std::error_code ignored;
        directory_ = fs::temp_directory_path(ignored) / ("signet-check-" + random_id());
        fs::create_directories(directory_ / "tokens", ignored);
        const auto text = "directories.tokendir = " + (directory_ / "tokens").string() +
                          "\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n";
        (void)write_file_atomic(conf(), as_bytes(text), 0600);
    }
    ~EmptySoftHsm() {
        std::error_code ignored;
        fs::remove_all(directory_, ignored);
    }
    EmptySoftHsm(const EmptySoftHsm&) = delete;
    EmptySoftHsm& operator=(const EmptySoftHsm&) = delete;
    fs::path conf() const { return directory_ / "softhsm2.conf"; }

  private:
    fs::path directory_;
};

// Each inner list: any one of these will do.
std::vector<std::vector<std::string>> wanted_mechanisms(KeyAlgorithm algorithm, KeyUsages usages,
                                                        bool generated) {
    std::vector<std::vector<std::string>> out;
    const bool signs = usages.has(KeyUsage::sign) || usages.has(KeyUsage::certify) ||
                       usages.has(KeyUsage::tls) || usages.has(KeyUsage::audit);
    if (is_rsa(algorithm)) {
        if (generated) out.push_back({"CKM_RSA_PKCS_KEY_PAIR_GEN"});
        if (signs) out.push_back({"CKM_RSA_PKCS"});
        if (usages.has(KeyUsage::decrypt)) out.push_back({"CKM_RSA_PKCS_OAEP", "CKM_RSA_X_509"});
    } else if (algorithm == KeyAlgorithm::ed25519) {
        if (generated) out.push_back({"CKM_EC_EDWARDS_KEY_PAIR_GEN"});
        out.push_back({"CKM_EDDSA"});
    } else if (is_asymmetric(algorithm)) {
        if (generated) out.push_back({"CKM_EC_KEY_PAIR_GEN"});
        out.push_back({"CKM_ECDSA"});
    } else if (algorithm == KeyAlgorithm::aes_256) {
        if (generated) out.push_back({"CKM_AES_KEY_GEN"});
        out.push_back({usages.has(KeyUsage::wrap) ? "CKM_AES_KEY_WRAP_PAD" : "CKM_AES_GCM"});
    } else {
        if (generated) out.push_back({"CKM_GENERIC_SECRET_KEY_GEN"});
        out.push_back({"CKM_SHA256_HMAC"});
    }
    return out;
}

void check_mechanisms(const Plan& plan, const json::value& token, std::vector<Finding>& findings) {
    std::set<std::string> offered;
    if (const auto* list = token.get_object().if_contains("mechanisms");
        list != nullptr && list->is_array()) {
        for (const auto& one : list->get_array()) {
            if (one.is_string()) offered.emplace(one.get_string());
        }
    }
    const auto look = [&](const std::string& label, const std::vector<std::vector<std::string>>& wanted) {
        for (const auto& choice : wanted) {
            if (std::ranges::any_of(choice, [&](const auto& name) { return offered.contains(name); }))
                continue;
            findings.push_back({true, "key " + label, "the token lacks the mechanism " + choice.front()});
        }
    };
    for (const auto& key : plan.keys)
        look(key.label, wanted_mechanisms(key.algorithm, key.usages, true));
    for (const auto& key : plan.existing)
        look(key.label, wanted_mechanisms(key.algorithm, key.usages, false));
    if (plan.backup && !offered.contains("CKM_AES_KEY_WRAP_PAD") && !offered.contains("CKM_AES_KEY_WRAP_KWP"))
        findings.push_back({true, "backup", "the token lacks the mechanism CKM_AES_KEY_WRAP_PAD"});
}

void check_state(const json::value& token, std::vector<Finding>& findings) {
    if (flag_of(token, "pin_locked"))
        findings.push_back({true, "token", "its PIN is locked; its security officer must set a new one"});
    else if (flag_of(token, "pin_final_try"))
        findings.push_back({true, "token", "it allows one last try of its PIN; log in by hand first"});
    else if (!flag_of(token, "pin_set"))
        findings.push_back({true, "token", "it has no user PIN"});
    else if (flag_of(token, "write_protected"))
        findings.push_back({true, "token", "it is write-protected"});
    else
        findings.push_back(
            {false, "token", "'" + text_of(token, "label") + "', serial " + text_of(token, "serial")});
}

// By the registry: the token itself is asked when it is open.
Status check_labels(const Plan& plan, const Site& site, std::vector<Finding>& findings) {
    SIGNET_ASSIGN(const auto config, config::load(site.config()));
    SIGNET_ASSIGN(auto db, sqlite::Connection::open(config.database, sqlite::Connection::Mode::read_only));
    SIGNET_ASSIGN(const auto rows, sqlite::key_store::list(db));
    const auto find = [&](std::string_view label, std::uint32_t version) -> const sqlite::StoredKey* {
        const auto found = std::ranges::find_if(rows, [&](const auto& row) {
            return row.label == label && (version == 0 || row.version == version);
        });
        return found == rows.end() ? nullptr : &*found;
    };
    for (const auto& key : plan.keys) {
        if (find(key.label, 0) != nullptr)
            findings.push_back({true, "key " + key.label, "the appliance has a key of that label already"});
    }
    for (const auto& key : plan.existing) {
        const auto* row = find(key.label, 0);
        if (row == nullptr)
            findings.push_back({true, "key " + key.label, "the appliance has no key of that label"});
        else if (row->algorithm != to_string(key.algorithm) || row->usages != key.usages.bits())
            findings.push_back({true, "key " + key.label,
                                "it is " + row->algorithm + " for " +
                                    to_string(KeyUsages::from_bits(row->usages)) +
                                    ", not what the file says"});
    }
    for (const auto& destruction : plan.destroy) {
        const auto* row = find(destruction.key.label, destruction.key.version);
        if (row == nullptr)
            findings.push_back({true, "destroy " + to_string(destruction.key), "there is no such key"});
        else if (row->state == sqlite::KeyState::destroyed)
            findings.push_back({true, "destroy " + to_string(destruction.key), "it is destroyed already"});
    }
    return {};
}

const json::value* find_token(const json::value& tokens, std::string_view label, std::string_view serial) {
    for (const auto& token : tokens.get_object().at("tokens").get_array()) {
        if (!flag_of(token, "initialised")) continue;
        if (serial.empty() ? text_of(token, "label") == label : text_of(token, "serial") == serial)
            return &token;
    }
    return nullptr;
}

void check_new_token(const Plan& plan, const Site& site, std::vector<Finding>& findings) {
    const bool softhsm = site.module.filename().string().starts_with("libsofthsm");
    std::optional<EmptySoftHsm> empty;
    ModuleSettings settings{site.module, {}, site.module_parameters, {}, {}};
    if (softhsm) settings.config = empty.emplace().conf();
    const auto tokens = inspect(settings);
    if (!tokens) {
        findings.push_back({true, "token", tokens.error().message});
        return;
    }
    if (plan.initialise && !softhsm && find_token(*tokens, plan.token_label, {}) != nullptr)
        findings.push_back({true, "token", "a token '" + plan.token_label + "' exists already"});
    const auto& list = tokens->get_object().at("tokens").get_array();
    const auto free =
        std::ranges::find_if(list, [](const auto& token) { return !flag_of(token, "initialised"); });
    if (free == list.end()) {
        findings.push_back(
            {true, "token", "no slot of " + site.module.string() + " is free for a new token"});
        return;
    }
    findings.push_back({false, "token", "a free slot in " + site.module.string()});
    check_mechanisms(plan, *free, findings);
}

}  // namespace

Result<bool> token_has_pin(const fs::path& token_config) {
    SIGNET_ASSIGN(const auto settings, from_token_yaml(token_config));
    SIGNET_ASSIGN(const auto tokens, inspect(settings));
    const auto* token = find_token(tokens, settings.label, settings.serial);
    return token != nullptr && flag_of(*token, "pin_set");
}

void check_token(const Plan& plan, const Site& site, bool resuming, std::vector<Finding>& findings) {
    const bool made = plan.initialise || site.rehearsal;
    if (made && !site.module.empty() && access(site.module.c_str(), R_OK) != 0) {
        findings.push_back(
            {true, "module", "cannot read " + site.module.string() + ": " + std::strerror(errno)});
        return;
    }
    if (made) {
        if (!resuming) check_new_token(plan, site, findings);
        return;
    }
    const auto settings = from_token_yaml(site.token_config());
    if (!settings) {
        findings.push_back({true, "token", settings.error().message});
        return;
    }
    const auto tokens = inspect(*settings);
    if (!tokens) {
        findings.push_back({true, "token", tokens.error().message});
        return;
    }
    const auto* token = find_token(*tokens, plan.token_label, plan.token_serial);
    if (token == nullptr) {
        findings.push_back({true, "token", "the token that the file names is not there"});
        return;
    }
    if ((!settings->label.empty() && settings->label != text_of(*token, "label")) ||
        (!settings->serial.empty() && settings->serial != text_of(*token, "serial")))
        findings.push_back({true, "token", "the appliance's token.yaml names another token than the file"});
    check_state(*token, findings);
    check_mechanisms(plan, *token, findings);
    if (resuming) return;
    if (const auto labels = check_labels(plan, site, findings); !labels)
        findings.push_back({true, "keys", labels.error().message});
}

}  // namespace signet::ctl::ceremony
