#include "hsm/token/worker.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/file.h"
#include "base/log.h"
#include "hsm/frames/exit_codes.h"
#include "hsm/frames/messages.h"
#include "hsm/token/control.h"
#include "hsm/token/harden.h"
#include "hsm/token/login_mark.h"
#include "hsm/token/pin_marker.h"
#include "hsm/token/request_server.h"
#include "hsm/token/resident_memory.h"
#include "hsm/token/token_object_guard.h"
#include "hsm/token/token_operations.h"
#include "hsm/token/worker_page.h"

namespace signet::token {
namespace {

// Opening a token with many objects takes longer than a request may.
constexpr int kOpeningLimits = 6;
constexpr std::size_t kLongestPin = 256;

Result<Secret> read_pin_from(UniqueFd pipe) {
    Secret pin(kLongestPin + 1);
    std::size_t size = 0;
    while (size < pin.size()) {
        const auto n = ::read(pipe.get(), pin.data() + size, pin.size() - size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0)
            return fail(ErrorCode::internal, "cannot read the PIN from the supervisor", std::strerror(errno));
        if (n == 0) break;
        size += static_cast<std::size_t>(n);
    }
    pin.truncate(size);
    return pin;
}

void report(ControlKind kind, const Error& error) {
    Bytes body;
    frames::encode_error(body, error);
    (void)send_control(kControlFd, kind, body);
}

Result<WorkerSettings> receive_settings() {
    SIGNET_ASSIGN(const auto message, receive_control(kControlFd));
    if (!message || message->kind != ControlKind::settings)
        return fail(ErrorCode::internal, "the supervisor did not send the worker's settings");
    return decode_settings(message->body);
}

std::string joined(const std::vector<std::string>& names) {
    std::string out;
    for (const auto& name : names)
        out += (out.empty() ? "" : ", ") + name;
    return out;
}

// Puts SoftHSM's token.object back where a killed login left it broken. Other modules keep no such file.
Result<std::filesystem::path> guard_storage(const WorkerSettings& settings,
                                            std::optional<TokenObjectGuard>& guard) {
    if (settings.config.module_config.empty()) return std::filesystem::path();
    auto directory = softhsm_token_directory(settings.config.module_config);
    if (!directory) return directory;
    guard.emplace(*directory, settings.config.state);
    SIGNET_ASSIGN(const auto found, guard->start(settings.cold));
    if (!found.restored.empty())
        log::warning("token.object.restored", "token.object was broken; its copy was put back",
                     {{"tokens", joined(found.restored)}});
    if (!found.broken.empty())
        log::error(
            "token.object.broken",
            "token.object is broken and there is no copy of it; restore the token's directory from a backup",
            {{"tokens", joined(found.broken)}});
    return directory;
}

Result<std::unique_ptr<TokenOperations>> open_token(const WorkerSettings& settings, const Secret& pin) {
    const auto& config = settings.config;
    // The supervisor looked already; but between its look and this one the marker may have come.
    SIGNET_TRY(check_pin_marker(config.state, config.file));
    std::optional<TokenObjectGuard> guard;
    SIGNET_ASSIGN(auto storage, guard_storage(settings, guard));
    LoginMark mark(config.state, config.file);
    auto operations =
        TokenOperations::open({.module = config.module,
                               .reserved = config.module_parameters,
                               .token_label = config.token_label,
                               .token_serial = config.token_serial,
                               .quirks = config.quirks,
                               .session_copies = config.session_copies,
                               .reveal_secrets = config.reveal_secrets,
                               .sweep = settings.cold,
                               .storage_directory = std::move(storage),
                               .in_clear = config.in_clear,
                               .before_login = [&](const PinState& state) { return mark.begin(state); },
                               .after_login = [&] { mark.end(); }},
                              pin);
    // Here and not in the supervisor: were both killed now, the next start must know all the same. A marker that cannot be
    // written leaves the mark of the login, which says as much. Where another credential may be the right one, the
    // supervisor keeps the count.
    if (!operations && operations.error().code == ErrorCode::token_pin && settings.last_pin)
        SIGNET_TRY(write_pin_marker(config.state, config.file, operations.error()));
    mark.end();
    if (operations && guard && settings.cold) {
        if (const auto kept = guard->keep(); !kept)
            log::warning("token.object.copy", "cannot keep a copy of token.object: " + kept.error().message,
                         {{"detail", kept.error().detail}});
    }
    return operations;
}

int serve(TokenOperations& operations, const WorkerSettings& settings, const WorkerPage& page) {
    RequestServer server(operations, {.threads = settings.config.threads,
                                      .request_deadline = settings.config.request_deadline,
                                      .page = &page,
                                      .probe = [&] { return operations.probe(); },
                                      .lost = [&] { return operations.needs_restart(); },
                                      .on_lost = [](const Error& why) { report(ControlKind::lost, why); },
                                      .complete_status =
                                          [&](TokenStatus& status) {
                                              status.worker_pid = static_cast<std::uint64_t>(getpid());
                                              status.supervisor_pid = settings.supervisor_pid;
                                              status.workers_started = settings.workers_started;
                                              status.resident_bytes = resident_memory(getpid()).value_or(0);
                                          }});
    fcntl(kControlFd, F_SETFL, O_NONBLOCK);
    server.watch(kControlFd, [&server, &operations] {
        for (;;) {
            auto message = receive_control(kControlFd);
            if (!message) return server.stop();  // no worker without its supervisor
            if (!*message) return;
            if ((*message)->kind == ControlKind::connection && (*message)->fd)
                server.add_connection(std::move((*message)->fd));
            if ((*message)->kind == ControlKind::drain) server.drain();
            if ((*message)->kind == ControlKind::backup_key) {
                const auto key = Secret::copy_of((*message)->body);
                wipe((*message)->body);
                if (const auto taken = operations.set_backup_key(key); !taken)
                    log::error("token.backup.key", taken.error().message, {{"detail", taken.error().detail}});
            }
        }
    });
    (void)send_control(kControlFd, ControlKind::ready);
    const auto end = server.run();
    return end == RequestServer::End::token_lost ? kExitFailed : kExitOk;
}

}  // namespace

int run_worker() {
    harden_process();
    // Ends are for the supervisor to say; a terminal's Ctrl-C and a unit's SIGTERM reach the whole group.
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGPIPE})
        ::signal(number, SIG_IGN);

    const auto settings = receive_settings();
    if (!settings) {
        std::fputs("signetd-token: the worker is started by the supervisor, never by hand\n", stderr);
        return kExitUsage;
    }
    auto pin = read_pin_from(UniqueFd(kPinFd));
    const auto page = WorkerPage::open(UniqueFd(kPageFd));
    if (!pin || !page) return kExitFailed;
    page->beat();

    Result<std::unique_ptr<TokenOperations>> operations;
    {
        const BusyMark mark(&page->slot(WorkerPage::kProcessSlot), 0,
                            settings->config.request_deadline * kOpeningLimits);
        operations = open_token(*settings, *pin);
        page->beat();
    }
    pin->clear();
    if (!operations) {
        report(ControlKind::failed, operations.error());
        return operations.error().code == ErrorCode::token_pin ? kExitPin : kExitFailed;
    }
    return serve(**operations, *settings, *page);
}

}  // namespace signet::token
