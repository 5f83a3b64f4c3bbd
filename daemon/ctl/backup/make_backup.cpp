#include "daemon/ctl/backup/make_backup.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cerrno>
#include <cstring>

#include "base/encoding.h"
#include "base/file.h"
#include "daemon/ctl/appliance_files.h"
#include "daemon/ctl/appliance_text.h"
#include "daemon/ctl/ceremony/transcript.h"
#include "daemon/ctl/progress.h"
#include "sqlite/backup.h"
#include "sqlite/connection.h"
#include "sqlite/output_file.h"

namespace signet::ctl {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::chrono::seconds kTime{120};
constexpr std::string_view kSoftHsm = "/usr/lib/softhsm/libsofthsm2.so";
constexpr std::string_view kDatabase = "signet.db";

Status make_directory(const fs::path& path) {
    if (::mkdir(path.c_str(), 0700) == 0) return {};
    if (errno == EEXIST)
        return fail(ErrorCode::already_exists, path.string() + " is there already; name a new directory");
    return fail(ErrorCode::permission_denied, "cannot make " + path.string() + ": " + std::strerror(errno));
}

Status copy(const fs::path& from, const fs::path& to, mode_t mode) {
    SIGNET_ASSIGN(const auto content, read_file(from, std::size_t{16} << 20));
    std::error_code ignored;
    fs::create_directories(to.parent_path(), ignored);
    return write_file_atomic(to, as_bytes(content), mode);
}

// The files of an appliance that hold no secret.
std::vector<std::string> plain_files(const config::Config& config) {
    const auto root = config.file.parent_path();
    std::vector<std::string> out{"token.yaml"};
    std::error_code ignored;
    for (const auto* directory : {"ca", "tls"}) {
        for (const auto& entry : fs::directory_iterator(root / directory, ignored)) {
            if (entry.is_regular_file(ignored))
                out.push_back(std::string(directory) + "/" + entry.path().filename().string());
        }
    }
    if (fs::exists(root / "state" / "backup-shares.yaml", ignored))
        out.emplace_back("state/backup-shares.yaml");
    std::ranges::sort(out);
    return out;
}

Status add_file(const fs::path& directory, const std::string& name, BackupManifest& manifest) {
    BackupFile file{name, {}, 0};
    SIGNET_ASSIGN(file.sha256, sqlite::digest_file(directory / name, &file.size));
    manifest.files.push_back(std::move(file));
    return {};
}

Status wrap_keys(Offline& place, BackupManifest& manifest, Output& out) {
    SIGNET_ASSIGN(const auto keys, place.token().list_keys(Deadline::in(kTime)));
    Progress progress(out, "wrapping the keys", keys.size());
    std::uint64_t done = 0;
    for (const auto& key : keys) {
        if (key.attributes.extractable) {
            SIGNET_ASSIGN(auto wrapped, place.token().wrap_for_backup(key.id, Deadline::in(kTime)));
            manifest.keys.push_back(std::move(wrapped));
        } else {
            manifest.left_out.push_back(to_string(key.id));
        }
        progress.at(++done);
    }
    if (manifest.keys.empty())
        return fail(ErrorCode::failed_precondition,
                    "no key of the token was made to be backed up (extractable); a backup would hold none");
    SIGNET_ASSIGN(manifest.challenge, make_challenge(place.token(), manifest.keys));
    return {};
}

}  // namespace

Result<BackupManifest> make_backup(Offline& place, const fs::path& directory, Output& out) {
    const auto& config = place.config();
    const auto root = config.file.parent_path();
    SIGNET_TRY(make_directory(directory));
    BackupManifest manifest;
    manifest.created = to_rfc3339(place.clock().now());
    manifest.audit_key = config.audit.key;
    SIGNET_ASSIGN(const auto status, place.token().status(Deadline::in(kTime)));
    manifest.token_label = status.label;
    manifest.token_serial = status.serial;
    SIGNET_TRY(wrap_keys(place, manifest, out));
    {
        SIGNET_ASSIGN(auto db,
                      sqlite::Connection::open(config.database, sqlite::Connection::Mode::read_only));
        SIGNET_TRY(sqlite::backup_database(db, directory / kDatabase));
    }
    SIGNET_TRY(add_file(directory, std::string(kDatabase), manifest));
    SIGNET_TRY(copy(config.file, directory / "signetd.yaml", 0600));
    SIGNET_TRY(add_file(directory, "signetd.yaml", manifest));
    SIGNET_TRY(copy(config.policy, directory / "policy.yaml", 0600));
    SIGNET_TRY(add_file(directory, "policy.yaml", manifest));
    for (const auto& name : plain_files(config)) {
        SIGNET_TRY(copy(root / name, directory / name, 0600));
        SIGNET_TRY(add_file(directory, name, manifest));
    }
    manifest.share_set = read_file(root / "state" / "backup-shares.yaml").value_or("");

    const auto text = to_json_text(manifest);
    const auto digest = to_hex(sha256(as_bytes(text)));
    SIGNET_ASSIGN(auto proof, ceremony::make_proof(place, "backup.make",
                                                   fs::absolute(directory).filename().string(), digest));
    boost::system::error_code malformed;
    const json::object file{
        {"manifest", json::parse(text, malformed)}, {"sha256", digest}, {"proof", std::move(proof)}};
    SIGNET_TRY(write_file_atomic(directory / "manifest.json", as_bytes(json::serialize(file) + "\n"), 0600));
    return manifest;
}

Status restore_files(const fs::path& backup, const BackupManifest& manifest, const fs::path& appliance,
                     const std::string& module) {
    SIGNET_TRY(make_directory(appliance));
    SIGNET_TRY(make_directories(appliance));
    for (const auto& file : manifest.files) {
        if (file.name != kDatabase && file.name != "token.yaml")
            SIGNET_TRY(copy(backup / file.name, appliance / file.name, 0640));
    }
    SIGNET_ASSIGN(const auto config, config::load(appliance / "signetd.yaml"));
    const auto inside = [&](const fs::path& path) {
        return path.native().starts_with(appliance.lexically_normal().native() + "/");
    };
    if (!inside(config.database) || !inside(config.policy) || !inside(config.token.socket))
        return fail(
            ErrorCode::failed_precondition,
            "the backup's signetd.yaml places files outside the appliance; restore them there by hand, as "
            "docs/ceremonies.md says");
    SIGNET_ASSIGN(const auto database, read_file(backup / kDatabase, std::size_t{1} << 40));
    SIGNET_TRY(write_file_atomic(config.database, as_bytes(database), 0600));

    ApplianceSettings settings;
    settings.directory = appliance.string();
    settings.module = module.empty() ? std::string(kSoftHsm) : module;
    settings.softhsm = fs::path(settings.module).filename().string().starts_with("libsofthsm");
    settings.token_label = manifest.token_label;
    settings.service_user = std::to_string(geteuid());
    SIGNET_TRY(write_pin(appliance / "secrets" / "pin"));
    SIGNET_TRY(write_pin(appliance / "secrets" / "so-pin"));
    if (settings.softhsm) SIGNET_TRY(write_text(appliance / "softhsm2.conf", softhsm_text(settings), 0600));
    SIGNET_TRY(write_text(appliance / "token.yaml", token_text(settings), 0640));
    return init_token(appliance);
}

Status restore_keys(BackupInterface& token, const BackupManifest& manifest, Output& out) {
    Progress progress(out, "restoring the keys", manifest.keys.size());
    std::uint64_t done = 0;
    for (const auto& key : manifest.keys) {
        const auto restored = token.restore_key(key, Deadline::in(kTime));
        // There already: an earlier, interrupted restore.
        if (!restored && restored.error().code != ErrorCode::already_exists)
            return std::unexpected(restored.error());
        progress.at(++done);
    }
    return {};
}

}  // namespace signet::ctl
