#include "hsm/token/commands.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <optional>

#include "base/encoding.h"
#include "base/file.h"
#include "base/log.h"
#include "base/unique_fd.h"
#include "hsm/frames/exit_codes.h"
#include "hsm/pkcs11/init_token.h"
#include "hsm/pkcs11/module.h"
#include "hsm/token/config.h"
#include "hsm/token/credentials.h"
#include "hsm/token/harden.h"
#include "hsm/token/login_mark.h"
#include "hsm/token/pin_marker.h"
#include "hsm/token/raw_bench.h"
#include "hsm/token/token_object_guard.h"
#include "hsm/token/token_operations.h"

namespace signet::token {
namespace {

int complain(const Error& error) {
    const auto detail = error.detail.empty() ? std::string() : " (" + error.detail + ")";
    std::fprintf(stderr, "signetd-token: %s%s\n", error.message.c_str(), detail.c_str());
    return error.code == ErrorCode::token_pin ? kExitPin : kExitFailed;
}

int complain_about_configuration(const Error& error) {
    (void)complain(error);
    return kExitConfiguration;
}

Result<Secret> read_pin_from_stdin() {
    Secret pin(258);
    std::size_t size = 0;
    while (size < pin.size()) {
        const auto n = ::read(STDIN_FILENO, pin.data() + size, pin.size() - size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0)
            return fail(ErrorCode::invalid_argument, "cannot read the PIN from stdin", std::strerror(errno));
        if (n == 0) break;
        size += static_cast<std::size_t>(n);
    }
    pin.truncate(size);
    if (pin.text().ends_with('\n')) pin.truncate(pin.size() - 1);
    if (pin.empty() || pin.size() > 256)
        return fail(ErrorCode::invalid_argument, "a PIN must have 1 to 256 bytes");
    return pin;
}

// SoftHSM finds its configuration through the environment alone. It is a path, no secret.
Status set_module_environment(const TokenConfig& config) {
    if (config.module_config.empty() || setenv("SOFTHSM2_CONF", config.module_config.c_str(), 1) == 0)
        return {};
    return fail(ErrorCode::internal, "cannot set SOFTHSM2_CONF", std::strerror(errno));
}

Result<std::optional<TokenObjectGuard>> guard_of(const TokenConfig& config) {
    if (config.module_config.empty()) return std::nullopt;
    SIGNET_ASSIGN(const auto directory, softhsm_token_directory(config.module_config));
    return TokenObjectGuard(directory, config.state);
}

Result<pkcs11::InitialisedToken> make_token(const TokenConfig& config, const InitOptions& options) {
    if (config.token_label.empty())
        return fail(ErrorCode::invalid_argument,
                    "a new token needs a label; token.yaml names a serial, which the token chooses itself");
    SIGNET_ASSIGN(const auto so_pin, options.so_pin_file == "-" ? read_pin_from_stdin()
                                                                : read_secret_file(options.so_pin_file, 256));
    SIGNET_ASSIGN(const auto pin, read_pin(config));
    SIGNET_TRY(make_state_directory(config.state));
    SIGNET_TRY(set_module_environment(config));
    SIGNET_ASSIGN(const auto guard, guard_of(config));
    SIGNET_ASSIGN(auto module, pkcs11::Module::load(config.module, config.module_parameters));
    SIGNET_ASSIGN(const auto token, pkcs11::init_token(*module, config.token_label, so_pin, pin));
    module.reset();  // finalised: now the files are whole
    if (guard) SIGNET_TRY(guard->keep());
    // The new PIN was never refused.
    SIGNET_TRY(clear_pin_marker(config.state));
    return token;
}

// "audit/2:ES256"
Result<RawBenchCase> parse_case(const std::string& text) {
    const auto malformed = [&] {
        return fail(ErrorCode::invalid_argument,
                    "'" + text + "' is no case; expected KEY:ALGORITHM, such as document.ec:ES256");
    };
    const auto colon = text.rfind(':');
    if (colon == std::string::npos) return malformed();
    RawBenchCase out;
    auto key = text.substr(0, colon);
    if (const auto slash = key.find('/'); slash != std::string::npos) {
        const auto* const end = key.data() + key.size();
        const auto [rest, error] = std::from_chars(key.data() + slash + 1, end, out.key.version);
        if (error != std::errc{} || rest != end || out.key.version == 0) return malformed();
        key.resize(slash);
    }
    SIGNET_TRY(check_label(key));
    out.key.label = key;
    const auto name = text.substr(colon + 1);
    if (const auto sign = sign_algorithm_from(name))
        out.algorithm = *sign;
    else if (const auto mac = mac_algorithm_from(name))
        out.algorithm = *mac;
    else
        return malformed();
    return out;
}

Result<std::vector<RawBenchResult>> measure(const TokenConfig& config, const BenchOptions& options) {
    std::vector<RawBenchCase> cases;
    for (const auto& text : options.cases) {
        SIGNET_ASSIGN(auto one, parse_case(text));
        cases.push_back(std::move(one));
    }
    // A login as any other: not after a refusal.
    SIGNET_TRY(check_pin_marker(config.state, config.file));
    SIGNET_ASSIGN(const auto pin, read_pin(config));
    SIGNET_TRY(set_module_environment(config));
    LoginMark mark(config.state, config.file);
    auto results = raw_bench({.module = config.module,
                              .reserved = config.module_parameters,
                              .token_label = config.token_label,
                              .token_serial = config.token_serial,
                              .quirks = config.quirks,
                              .session_copies = config.session_copies,
                              .sweep = false,
                              .storage_directory = {},
                              .in_clear = {},
                              .before_login = [&](const PinState& state) { return mark.begin(state); },
                              .after_login = [&] { mark.end(); }},
                             pin, cases, options.threads, options.seconds);
    if (!results && results.error().code == ErrorCode::token_pin)
        SIGNET_TRY(write_pin_marker(config.state, config.file, results.error()));
    mark.end();
    return results;
}

// While a supervisor serves, its worker would sign on from the anchor that it read.
Status check_nobody_serves(const TokenConfig& config) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto& path = config.socket.native();
    if (path.size() >= sizeof address.sun_path) return {};  // nobody could listen there
    std::memcpy(address.sun_path, path.c_str(), path.size());
    const UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd || connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return {};
    return fail(ErrorCode::failed_precondition,
                "signetd-token serves at " + path + "; stop it and signetd first");
}

Result<Anchor> parse_anchor(const ReanchorOptions& options) {
    Anchor anchor{.sequence = options.sequence, .head = {}};
    const auto head = from_hex(options.head);
    if (options.sequence == 0 || !head || head->size() != anchor.head.size())
        return fail(ErrorCode::invalid_argument,
                    "expected --sequence from 1 and --head with 64 hexadecimal digits, as `signetctl audit "
                    "verify` prints them");
    std::ranges::copy(*head, anchor.head.begin());
    return anchor;
}

Result<TokenOperations::Reanchored> set_anchor(const TokenConfig& config, const Anchor& anchor,
                                               const std::string& reason) {
    SIGNET_TRY(check_nobody_serves(config));
    SIGNET_TRY(check_pin_marker(config.state, config.file));
    SIGNET_ASSIGN(const auto pin, read_pin(config));
    SIGNET_TRY(set_module_environment(config));
    LoginMark mark(config.state, config.file);
    std::filesystem::path storage;
    if (!config.module_config.empty()) {
        SIGNET_ASSIGN(storage, softhsm_token_directory(config.module_config));
    }
    const auto operations =
        TokenOperations::open({.module = config.module,
                               .reserved = config.module_parameters,
                               .token_label = config.token_label,
                               .token_serial = config.token_serial,
                               .quirks = config.quirks,
                               .session_copies = false,
                               .sweep = false,
                               .storage_directory = std::move(storage),
                               .in_clear = {},
                               .before_login = [&](const PinState& state) { return mark.begin(state); },
                               .after_login = [&] { mark.end(); }},
                              pin);
    if (!operations && operations.error().code == ErrorCode::token_pin)
        SIGNET_TRY(write_pin_marker(config.state, config.file, operations.error()));
    mark.end();
    if (!operations) return std::unexpected(operations.error());
    return (*operations)->re_anchor(anchor, reason);
}

}  // namespace

int re_anchor(const std::filesystem::path& config_file, const ReanchorOptions& options) {
    harden_process();
    const auto config = load_token_config(config_file);
    if (!config) return complain_about_configuration(config.error());
    const auto anchor = parse_anchor(options);
    if (!anchor) {
        (void)complain(anchor.error());
        return kExitUsage;
    }
    const auto done = set_anchor(*config, *anchor, options.reason);
    if (!done) return complain(done.error());
    std::printf("before: %s\nnow:    sequence %llu, head %s\ntrace:  %s\n", done->before.c_str(),
                static_cast<unsigned long long>(anchor->sequence), to_hex(anchor->head).c_str(),
                done->trace.c_str());
    log::warning("token.audit.reanchored", "custodians put another anchor of the audit chain into the token",
                 {{"trace", done->trace}});
    return kExitOk;
}

int check_config(const std::filesystem::path& config_file) {
    const auto config = load_token_config(config_file);
    if (!config) return complain_about_configuration(config.error());
    if (access(config->module.c_str(), R_OK) != 0)
        return complain_about_configuration(
            {ErrorCode::not_found,
             "the module " + config->module.string() +
                 " cannot be read; install it, or correct module in token.yaml",
             std::strerror(errno)});
    if (const auto pin = Credentials::load(*config); !pin) return complain_about_configuration(pin.error());
    if (const auto marker = check_pin_marker(config->state, config->file); !marker)
        return complain(marker.error());
    std::printf("%s is good\n", config->file.c_str());
    return kExitOk;
}

int clear_marker(const std::filesystem::path& config_file) {
    const auto config = load_token_config(config_file);
    if (!config) return complain_about_configuration(config.error());
    std::error_code ignored;
    std::filesystem::remove(config->state / "pin-tried", ignored);
    const auto cleared = clear_pin_marker(config->state);
    if (!cleared) return complain(cleared.error());
    std::puts(*cleared ? "the marker is gone; the next start logs in again, once"
                       : "there is no marker; nothing to do");
    return kExitOk;
}

int init_token(const std::filesystem::path& config_file, const InitOptions& options) {
    harden_process();
    const auto config = load_token_config(config_file);
    if (!config) return complain_about_configuration(config.error());
    const auto token = make_token(*config, options);
    if (!token) return complain(token.error());
    std::printf("token %s is ready, serial %s\n", token->label.c_str(), token->serial.c_str());
    return kExitOk;
}

int inspect(const InspectOptions& options) {
    harden_process();
    const auto description = describe_tokens(options);
    if (!description) return complain(description.error());
    std::puts(description->c_str());
    return kExitOk;
}

int bench_raw(const std::filesystem::path& config_file, const BenchOptions& options) {
    harden_process();
    const auto config = load_token_config(config_file);
    if (!config) return complain_about_configuration(config.error());
    const auto results = measure(*config, options);
    if (!results) return complain(results.error());
    std::string out;
    for (const auto& result : *results) {
        char text[160];
        std::snprintf(text, sizeof(text), R"(%s{"algorithm":"%s","ops_per_s":%.1f,"cpu_us":%.3f})",
                      out.empty() ? "" : ",", result.algorithm.c_str(), result.operations_per_second,
                      result.cpu_us);
        out += text;
    }
    std::printf("{\"runs\":[%s]}\n", out.c_str());
    return kExitOk;
}

}  // namespace signet::token
