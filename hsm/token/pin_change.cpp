#include "hsm/token/pin_change.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/log.h"
#include "hsm/frames/exit_codes.h"
#include "hsm/frames/messages.h"
#include "hsm/pkcs11/init_token.h"
#include "hsm/pkcs11/module.h"
#include "hsm/token/control.h"
#include "hsm/token/harden.h"
#include "hsm/token/token_object_guard.h"
#include "hsm/token/worker.h"

namespace signet::token {
namespace {

constexpr std::size_t kLongestPin = 256;
constexpr std::size_t kMost = 4 * (2 + kLongestPin);

Result<Secret> read_all(UniqueFd pipe) {
    Secret out(kMost);
    std::size_t size = 0;
    while (size < out.size()) {
        const auto n = ::read(pipe.get(), out.data() + size, out.size() - size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail(ErrorCode::internal, "cannot read the PINs from the supervisor");
        if (n == 0) break;
        size += static_cast<std::size_t>(n);
    }
    out.truncate(size);
    return out;
}

Status change(const WorkerSettings& settings, const PinChange& pins) {
    const auto& config = settings.config;
    std::optional<TokenObjectGuard> guard;
    if (!config.module_config.empty()) {
        SIGNET_ASSIGN(const auto directory, softhsm_token_directory(config.module_config));
        guard.emplace(directory, config.state);
    }
    std::optional<WritableTokenObject> writable;
    if (guard) {
        SIGNET_ASSIGN(auto begun, WritableTokenObject::begin(*guard));
        writable.emplace(std::move(begun));
    }
    SIGNET_ASSIGN(auto module, pkcs11::Module::load(config.module, config.module_parameters));
    if (!pins.next.so_pin.empty())
        SIGNET_TRY(pkcs11::change_so_pin(*module, config.token_label, config.token_serial, pins.now.so_pin,
                                         pins.next.so_pin));
    SIGNET_TRY(
        pkcs11::change_pin(*module, config.token_label, config.token_serial, pins.now.pin, pins.next.pin));
    module.reset();  // finalised: now the files are whole
    return writable ? writable->finish() : Status{};
}

}  // namespace

Secret encode_pins(const PinChange& change) {
    Secret out(kMost);
    std::size_t size = 0;
    for (const auto* pin : {&change.now.pin, &change.now.so_pin, &change.next.pin, &change.next.so_pin}) {
        out.data()[size++] = static_cast<std::uint8_t>(pin->size() >> 8);
        out.data()[size++] = static_cast<std::uint8_t>(pin->size());
        if (!pin->empty()) std::copy(pin->data(), pin->data() + pin->size(), out.data() + size);
        size += pin->size();
    }
    out.truncate(size);
    return out;
}

Result<PinChange> decode_pins(ByteView bytes) {
    PinChange out;
    for (auto* pin : {&out.now.pin, &out.now.so_pin, &out.next.pin, &out.next.so_pin}) {
        if (bytes.size() < 2) return fail(ErrorCode::internal, "the PINs from the supervisor are malformed");
        const auto size = static_cast<std::size_t>(bytes[0] << 8 | bytes[1]);
        if (size > kLongestPin || bytes.size() < 2 + size)
            return fail(ErrorCode::internal, "the PINs from the supervisor are malformed");
        *pin = Secret::copy_of(bytes.subspan(2, size));
        bytes = bytes.subspan(2 + size);
    }
    return out;
}

int run_pin_change() {
    harden_process();
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGPIPE})
        ::signal(number, SIG_IGN);
    const auto message = receive_control(kControlFd);
    if (!message || !*message || (*message)->kind != ControlKind::settings) return kExitUsage;
    const auto settings = decode_settings((*message)->body);
    const auto bytes = read_all(UniqueFd(kPinFd));
    if (!settings || !bytes) return kExitFailed;
    const auto pins = decode_pins(bytes->view());
    const auto done = pins ? change(*settings, *pins) : Status(std::unexpected(pins.error()));
    if (done) {
        (void)send_control(kControlFd, ControlKind::ready);
        return kExitOk;
    }
    // The user's PIN is set last: an error before or at it leaves the old one, unless the token did not say.
    const auto code = done.error().code;
    if (code == ErrorCode::token_unavailable || code == ErrorCode::internal) {
        log::error("token.pin.change", done.error().message, {{"detail", done.error().detail}});
        return kExitFailed;
    }
    Bytes body;
    frames::encode_error(body, done.error());
    (void)send_control(kControlFd, ControlKind::failed, body);
    return kExitFailed;
}

}  // namespace signet::token
