#include "hsm/token/config.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "base/file.h"
#include "base/unique_fd.h"
#include "base/yaml.h"

namespace signet::token {
namespace {

constexpr std::size_t kLongestPin = 256;
constexpr std::int64_t kMostThreads = 64;

std::optional<uid_t> find_user(const std::string& name) {
    uid_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    // (uid_t)-1 means "no user" to the kernel.
    if (error == std::errc{} && end == name.data() + name.size())
        return number == static_cast<uid_t>(-1) ? std::nullopt : std::optional(number);
    std::vector<char> buffer(16384);
    passwd entry{};
    passwd* found = nullptr;
    if (getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
        return std::nullopt;
    return entry.pw_uid;
}

class Reader {
  public:
    Reader(yaml::Node root, TokenConfig& config)
        : root_(std::move(root)), config_(config), directory_(config.file.parent_path()) {}

    Status read() {
        SIGNET_TRY(root_.only(
            {"socket",         "socket_group",   "module",         "module_config",    "module_parameters",
             "token",          "pin_file",       "pin_credential", "allowed_users",    "quirks",
             "session_copies", "reveal_secrets", "threads",        "request_deadline", "memory_limit",
             "in_clear",       "state",          "so_pin_file",    "pin_shares",       "custody_socket",
             "custodians",     "unlock_time"}));
        SIGNET_TRY(read_path("socket", true, config_.socket));
        SIGNET_TRY(read_path("module", true, config_.module));
        SIGNET_TRY(read_path("module_config", false, config_.module_config));
        SIGNET_TRY(read_text("module_parameters", config_.module_parameters));
        SIGNET_TRY(read_token());
        SIGNET_TRY(read_pin_source());
        SIGNET_TRY(read_users());
        SIGNET_TRY(read_text("quirks", config_.quirks));
        SIGNET_TRY(read_bounds());
        SIGNET_TRY(read_clear_cases());
        return read_path("state", true, config_.state);
    }

  private:
    Status read_text(std::string_view key, std::string& into) {
        if (const auto node = root_.optional(key)) {
            SIGNET_ASSIGN(into, node->text());
            if (into.empty())
                return node->error("expected a text that is not empty; leave the key out instead");
        }
        return {};
    }

    Status read_path(std::string_view key, bool required, std::filesystem::path& into) {
        if (!required && !root_.has(key)) return {};
        SIGNET_ASSIGN(const auto node, root_.required(key));
        SIGNET_ASSIGN(const auto text, node.text());
        if (text.empty()) return node.error("expected a path");
        into = (directory_ / text).lexically_normal();
        return {};
    }

    Status read_token() {
        SIGNET_ASSIGN(const auto node, root_.required("token"));
        SIGNET_TRY(node.only({"label", "serial"}));
        if (node.has("label") == node.has("serial")) return node.error("expected either label or serial");
        SIGNET_ASSIGN(const auto value, node.required(node.has("label") ? "label" : "serial"));
        auto& into = node.has("label") ? config_.token_label : config_.token_serial;
        SIGNET_ASSIGN(into, value.text(32));  // CK_TOKEN_INFO has 32 and 16 bytes for them
        if (into.empty()) return value.error("expected a text that is not empty");
        return {};
    }

    Status read_pin_source() {
        SIGNET_TRY(read_path("pin_shares", false, config_.pin_shares));
        SIGNET_TRY(read_path("so_pin_file", false, config_.so_pin_file));
        const bool neither = !root_.has("pin_file") && !root_.has("pin_credential");
        if ((root_.has("pin_file") && root_.has("pin_credential")) || (neither && config_.pin_shares.empty()))
            return root_.error("expected either pin_file or pin_credential, or pin_shares");
        if (neither) return {};
        SIGNET_TRY(read_path("pin_file", false, config_.pin_file));
        SIGNET_TRY(read_text("pin_credential", config_.pin_credential));
        if (config_.pin_credential.find('/') != std::string::npos)
            return root_.required("pin_credential")
                ->error("expected the name of a systemd credential, without a '/'");
        return {};
    }

    Status read_users() {
        if (const auto group = root_.optional("socket_group")) {
            SIGNET_ASSIGN(const auto name, group->text());
            std::vector<char> buffer(65536);
            ::group entry{};
            ::group* found = nullptr;
            if (getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 ||
                found == nullptr)
                return group->error("there is no group '" + name + "' on this machine");
            config_.socket_group = entry.gr_gid;
        }
        SIGNET_TRY(read_user_list("allowed_users", config_.allowed_users));
        return read_custody();
    }

    Status read_user_list(std::string_view key, std::vector<uid_t>& into) {
        const auto node = root_.optional(key);
        if (!node) {
            into = {geteuid()};
            return {};
        }
        SIGNET_ASSIGN(const auto names, node->texts());
        if (names.empty()) return node->error("expected at least one user");
        for (const auto& name : names) {
            const auto user = find_user(name);
            if (!user) return node->error("there is no user '" + name + "' on this machine");
            into.push_back(*user);
        }
        return {};
    }

    Status read_custody() {
        SIGNET_TRY(read_path("custody_socket", false, config_.custody_socket));
        SIGNET_TRY(read_user_list("custodians", config_.custodians));
        if (!config_.pin_shares.empty() && config_.custody_socket.empty())
            return root_.error("pin_shares needs custody_socket: it is where custodians give their shares");
        if (const auto node = root_.optional("unlock_time")) {
            SIGNET_ASSIGN(config_.unlock_time, node->duration());
            if (config_.unlock_time < std::chrono::seconds(1) || config_.unlock_time > std::chrono::hours(24))
                return node->error("expected a duration from 1s to 24h");
        }
        return {};
    }

    Status read_clear_cases() {
        const auto node = root_.optional("in_clear");
        if (!node) return {};
        SIGNET_TRY(node->only({"software_oaep", "merchant_keys"}));
        for (const auto& [key, into] : {std::pair{"software_oaep", &config_.in_clear.software_oaep},
                                        std::pair{"merchant_keys", &config_.in_clear.merchant_keys}}) {
            if (const auto value = node->optional(key)) {
                SIGNET_ASSIGN(*into, value->boolean());
            }
        }
        return {};
    }

    Status read_bounds() {
        config_.threads = static_cast<unsigned>(
            std::clamp<std::int64_t>(std::thread::hardware_concurrency(), 1, kMostThreads));
        if (const auto node = root_.optional("threads")) {
            SIGNET_ASSIGN(const auto threads, node->integer(1, kMostThreads));
            config_.threads = static_cast<unsigned>(threads);
        }
        if (const auto node = root_.optional("reveal_secrets")) {
            SIGNET_ASSIGN(config_.reveal_secrets, node->boolean());
        }
        if (const auto node = root_.optional("session_copies")) {
            SIGNET_ASSIGN(config_.session_copies, node->boolean());
        }
        if (const auto node = root_.optional("request_deadline")) {
            SIGNET_ASSIGN(config_.request_deadline, node->duration());
            if (config_.request_deadline < std::chrono::milliseconds(100) ||
                config_.request_deadline > std::chrono::minutes(10))
                return node->error("expected a duration from 100ms to 10m");
        }
        if (const auto node = root_.optional("memory_limit")) {
            SIGNET_ASSIGN(config_.memory_limit, node->size());
            if (config_.memory_limit < (std::uint64_t{8} << 20)) return node->error("expected at least 8MiB");
        }
        return {};
    }

    yaml::Node root_;
    TokenConfig& config_;
    std::filesystem::path directory_;
};

// systemd makes credentials readable for the unit's user by an access control list, which shows as group
// permission: the check of read_secret_file would refuse them. Their directory is the unit's alone.
Result<Secret> read_credential(const std::string& name) {
    const char* directory = std::getenv("CREDENTIALS_DIRECTORY");
    if (directory == nullptr)
        return fail(ErrorCode::failed_precondition,
                    "pin_credential is set, but systemd passed no credentials; start the unit by systemctl, "
                    "or use pin_file");
    const auto path = std::filesystem::path(directory) / name;
    const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!fd)
        return fail(
            ErrorCode::failed_precondition,
            "systemd passed no credential '" + name +
                "'; if this appliance has no token yet, these two commands come next: `signetctl init "
                "--system`, then `systemctl start signetd`",
            std::strerror(errno));
    Secret pin(kLongestPin + 2);
    std::size_t size = 0;
    while (size < pin.size()) {
        const auto n = ::read(fd.get(), pin.data() + size, pin.size() - size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0)
            return fail(ErrorCode::internal, "cannot read the credential '" + name + "'",
                        std::strerror(errno));
        if (n == 0) break;
        size += static_cast<std::size_t>(n);
    }
    pin.truncate(size);
    if (pin.text().ends_with('\n')) pin.truncate(pin.size() - 1);
    return pin;
}

}  // namespace

Result<TokenConfig> load_token_config(const std::filesystem::path& file) {
    TokenConfig config;
    std::error_code error;
    config.file = std::filesystem::absolute(file, error).lexically_normal();
    if (error)
        return fail(ErrorCode::internal, "cannot tell where " + file.string() + " is", error.message());
    SIGNET_ASSIGN(auto root, yaml::Node::load(file));
    SIGNET_TRY(Reader(std::move(root), config).read());
    return config;
}

Result<Secret> read_pin(const TokenConfig& config) {
    auto pin = config.pin_file.empty() ? read_credential(config.pin_credential)
                                       : read_secret_file(config.pin_file, kLongestPin);
    if (!pin) {
        pin.error().message = "cannot read the PIN: " + pin.error().message;
        return pin;
    }
    if (pin->empty() || pin->size() > kLongestPin)
        return fail(ErrorCode::invalid_argument,
                    "the PIN must have 1 to " + std::to_string(kLongestPin) + " bytes");
    return pin;
}

}  // namespace signet::token
