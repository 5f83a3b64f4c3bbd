#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/encoding.h"
#include "base/file.h"
#include "base/random.h"
#include "daemon/ctl/backup/make_backup.h"
#include "daemon/ctl/ceremony/commands.h"
#include "daemon/ctl/context.h"
#include "daemon/ctl/custody/dialogue.h"
#include "daemon/ctl/token_process.h"

namespace signet::ctl {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

Result<std::optional<pki::PublicKey>> known_key(const Arguments& arguments) {
    if (!arguments.has("--key")) return std::nullopt;
    SIGNET_ASSIGN(const auto pem, read_file(arguments.text("--key"), std::size_t{64} << 10));
    SIGNET_ASSIGN(auto key, pki::PublicKey::from_pem(pem));
    return std::optional(std::move(key));
}

Status collect_backup_key(Context& context, const fs::path& token_config, const std::string& header) {
    Terminal terminal(context.out());
    SIGNET_ASSIGN(const auto socket, custody_socket_of(token_config));
    SIGNET_ASSIGN(const auto client, CustodyClient::connect(socket));
    return collect_shares(terminal, context.out(), client, custody::Purpose::backup, header);
}

Outcome make(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto* config, context.config());
    SIGNET_ASSIGN(auto place, Offline::open(*config, {.holder = "signetctl backup",
                                                      .principal = "operator",
                                                      .request_id = "backup-" + random_id(),
                                                      .unlock = unlock_at_terminal(context.out())}));
    SIGNET_TRY(collect_backup_key(context, config->file.parent_path() / "token.yaml", {}));
    SIGNET_ASSIGN(const auto manifest, make_backup(*place, arguments.text("DIR"), context.out()));
    auto& out = context.out();
    out.line("backed up " + std::to_string(manifest.keys.size()) +
             " keys, the database and the configuration into " + arguments.text("DIR"));
    for (const auto& name : manifest.left_out)
        out.line("  not in it: " + name + ", which was made never to leave the token");
    out.line("prove it on a machine that is not this one: signetctl backup prove " + arguments.text("DIR"));
    out.document(json::object{{"directory", arguments.text("DIR")},
                              {"keys", manifest.keys.size()},
                              {"left_out", manifest.left_out.size()}});
    return ExitCode::ok;
}

// Files, a fresh token, the custodians' shares, the keys. The token process ends with the return value.
Result<TokenProcess> restore_into(Context& context, const fs::path& backup, const BackupManifest& manifest,
                                  const fs::path& appliance, const std::string& module) {
    SIGNET_TRY(restore_files(backup, manifest, appliance, module));
    SIGNET_ASSIGN(const auto config, config::load(appliance / "signetd.yaml"));
    SIGNET_ASSIGN(auto process,
                  TokenProcess::start(appliance / "token.yaml", config.token.socket,
                                      appliance / "state" / "restore.log", std::chrono::seconds(60)));
    SIGNET_TRY(collect_backup_key(context, appliance / "token.yaml", manifest.share_set));
    SIGNET_TRY(restore_keys(process.token(), manifest, context.out()));
    return process;
}

Outcome report(Context& context, const BackupManifest& manifest, const std::vector<Proved>& proved) {
    std::vector<std::vector<std::string>> rows;
    json::array list;
    bool good = true;
    for (const auto& one : proved) {
        good = good && one.fault.empty();
        rows.push_back({one.key, one.fault.empty() ? one.how : "NOT GOOD: " + one.fault});
        list.push_back(json::object{
            {"key", one.key}, {"ok", one.fault.empty()}, {"what", one.fault.empty() ? one.how : one.fault}});
    }
    context.out().table({"KEY", "PROOF"}, rows);
    for (const auto& name : manifest.left_out)
        context.out().line("not in the backup: " + name);
    context.out().document(json::object{{"ok", good}, {"keys", std::move(list)}});
    return good ? ExitCode::ok : ExitCode::unsound;
}

// The new token has no anchor, and takes up the chain where the backup and the record of its restore left it.
Status anchor_chain(Offline& place) {
    SIGNET_ASSIGN(const auto key, place.keys().active(place.config().audit.key, KeyUsage::audit));
    const auto algorithm = default_sign_algorithm(key->algorithm);
    if (!algorithm) return fail(ErrorCode::internal, "the audit key does not sign");
    const auto head = place.writer().head();
    CheckpointRequest request{};
    request.key = key->id;
    request.sequence = head.sequence;
    request.head = head.hash;
    SIGNET_ASSIGN(auto signature,
                  place.token().sign_checkpoint(request, Deadline::in(std::chrono::seconds(60))));
    const sqlite::Checkpoint checkpoint{head,
                                        to_unix_ms(place.clock().now()),
                                        key->id.label,
                                        key->id.version,
                                        std::string(to_string(*algorithm)),
                                        std::move(signature)};
    return place.writer().run([&](sqlite::Transaction& transaction) {
        return sqlite::audit_log::add_checkpoint(transaction, checkpoint);
    });
}

Outcome restore(Context& context, const Arguments& arguments) {
    const fs::path backup = arguments.text("BACKUP");
    std::error_code failure;
    const auto appliance = fs::absolute(arguments.text("DIR"), failure).lexically_normal();
    SIGNET_ASSIGN(const auto known, known_key(arguments));
    SIGNET_ASSIGN(const auto manifest, read_backup(backup, known));
    {
        SIGNET_ASSIGN(auto process,
                      restore_into(context, backup, manifest, appliance, arguments.text("--module")));
        static_cast<void>(process);
    }
    SIGNET_ASSIGN(auto config, config::load(appliance / "signetd.yaml"));
    SIGNET_ASSIGN(auto place, Offline::open(std::move(config), {.holder = "signetctl backup",
                                                                .principal = "operator",
                                                                .request_id = "restore-" + random_id()}));
    SIGNET_TRY(place->note(
        "backup.restore", backup.filename().string(), "ok",
        R"({"keys":)" + std::to_string(manifest.keys.size()) + R"(,"from":")" + manifest.created + "\"}"));
    SIGNET_TRY(anchor_chain(*place));
    context.out().line("restored into " + appliance.string() + "; it has a new token and new PINs");
    context.out().line(
        "the backup key is still in its custodians' shares, and the PIN in secrets/pin: put it into shares "
        "where it was (signetctl custody share)");
    context.out().document(json::object{{"directory", appliance.string()}, {"keys", manifest.keys.size()}});
    return ExitCode::ok;
}

class ProvingPlace {
  public:
    ProvingPlace() {
        std::error_code ignored;
        path_ = fs::temp_directory_path(ignored) / ("signet-prove-" + to_hex(random_bytes(6)));
    }
    ~ProvingPlace() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    ProvingPlace(const ProvingPlace&) = delete;
    ProvingPlace& operator=(const ProvingPlace&) = delete;
    const fs::path& path() const { return path_; }

  private:
    fs::path path_;
};

Outcome prove_backup(Context& context, const Arguments& arguments) {
    const fs::path backup = arguments.text("BACKUP");
    SIGNET_ASSIGN(const auto known, known_key(arguments));
    auto manifest = read_backup(backup, known);
    if (!manifest && manifest.error().code == ErrorCode::unprocessable) {
        context.out().line("NOT GOOD: " + manifest.error().message);
        context.out().document(json::object{{"ok", false}, {"why", manifest.error().message}});
        return ExitCode::unsound;
    }
    SIGNET_TRY(manifest);
    context.out().line("the manifest is whole and signed, and every file is the one it names");
    const ProvingPlace place;
    SIGNET_ASSIGN(auto process,
                  restore_into(context, backup, *manifest, place.path(), arguments.text("--module")));
    return report(context, *manifest, prove(process.token(), manifest->keys, manifest->challenge));
}

}  // namespace

std::vector<Command> key_backup_commands() {
    const Positional backup{"BACKUP", Value::directory, "the backup's directory"};
    const Option key{"--key", "FILE", "public key of the audit key, PEM, from elsewhere", Value::file};
    const Option module{"--module", "FILE", "PKCS#11 module of the new token (default: SoftHSM)",
                        Value::file};
    return {
        {"backup",
         "make",
         "keys, database, policy and configuration, with a signed manifest; the daemon is stopped",
         {{"DIR", Value::directory, "a new directory"}},
         {},
         make},
        {"backup",
         "restore",
         "a new appliance with a new token, out of a backup",
         {backup, {"DIR", Value::directory, "a new directory"}},
         {key, module},
         restore},
        {"backup",
         "prove",
         "restore into a disposable token and have every key answer; exit code 8 when one does not",
         {backup},
         {key, module},
         prove_backup},
    };
}

}  // namespace signet::ctl
