// The supervisor's side of custody: a PIN that shares open, and PIN changes beside the worker that serves.
#include <unistd.h>

#include "base/encoding.h"
#include "base/file.h"
#include "base/log.h"
#include "base/random.h"
#include "hsm/frames/messages.h"
#include "hsm/token/pin_change.h"
#include "hsm/token/supervisor.h"
#include "hsm/token/supervisor_parts.h"

namespace signet::token {
namespace {

// 192 random bits, in letters that every module takes.
Secret random_pin() {
    auto bytes = random_bytes(24);
    auto text = to_base64url(bytes);
    auto pin = Secret::copy_of(text);
    wipe(bytes);
    wipe(text);
    return pin;
}

}  // namespace

Error Supervisor::awaiting_custodians() const {
    std::string who;
    for (const auto& set : credentials_.sets())
        who += (who.empty() ? "" : " or ") + std::to_string(set.threshold) + " shares of the set " +
               to_hex(set.id);
    return {ErrorCode::token_unavailable,
            "the token waits for its custodians (" + who + "): signetctl unlock",
            {},
            seconds(5)};
}

custody::DeskStatus Supervisor::desk_status() const {
    custody::DeskStatus out;
    out.locked = credentials_.pin() == nullptr;
    out.changing = pin_change_ != nullptr;
    out.last = last_change_;
    return out;
}

Status Supervisor::open_pin(const custody::ShareSet& set, const Secret& key) {
    const bool locked = credentials_.pin() == nullptr;
    SIGNET_TRY(credentials_.open(set, key));
    if (!locked) return {};
    log::info("token.custody.open", "the custodians' shares opened the PIN", {{"set", to_hex(set.id)}});
    unavailable(not_yet());
    next_start_ = {};
    return {};
}

Status Supervisor::share_pin(const custody::ShareSet& set, const Secret& key) {
    SIGNET_ASSIGN(const auto now, credentials_.in_force());
    return begin_pin_change({random_pin(), now.so_pin.empty() ? Secret() : random_pin()}, &set, &key);
}

Status Supervisor::change_pin() {
    return begin_pin_change({random_pin(), Secret()}, nullptr, nullptr);
}

Status Supervisor::begin_pin_change(custody::Pins next, const custody::ShareSet* set, const Secret* key) {
    if (pin_change_) return fail(ErrorCode::conflict, "a PIN change is under way");
    if (find(Stage::starting) != nullptr || find(Stage::serving) == nullptr)
        return fail(ErrorCode::failed_precondition,
                    "a PIN is changed only while a worker serves the token; try again");
    SIGNET_ASSIGN(const auto now, credentials_.in_force());
    SIGNET_TRY(credentials_.write_next(next, set, key));
    WorkerSettings settings{config_, false, true, static_cast<std::uint64_t>(getpid()), workers_started_};
    auto process =
        WorkerProcess::start(settings, encode_pins({now.clone(), next.clone()}), log_level_, "--change-pin");
    if (!process) {
        credentials_.drop_next();
        return std::unexpected(std::move(process).error());
    }
    pin_change_ = *std::move(process);
    pin_change_until_ = steady_clock::now() + kPinChange;
    pin_change_end_.reset();
    last_change_.clear();
    log::info("token.pin.change", "the PIN is being changed");
    return {};
}

void Supervisor::watch_pin_change(SteadyTime now) {
    if (!pin_change_) return;
    // Asked before its last words are read: what ended has said all.
    const bool ended = pin_change_->ended();
    for (;;) {
        const auto message = receive_control(pin_change_->control());
        if (!message || !*message) break;
        if ((*message)->kind == ControlKind::ready) pin_change_end_ = true;
        // Said only where the token certainly kept the old PIN.
        if ((*message)->kind == ControlKind::failed)
            pin_change_end_ = std::unexpected(frames::decode_error((*message)->body));
    }
    if (ended) {
        end_pin_change(pin_change_end_.value_or(false));
    } else if (now >= pin_change_until_) {
        pin_change_->kill();
        end_pin_change(false);
    }
}

void Supervisor::end_pin_change(Result<bool> taken) {
    pin_change_.reset();
    pin_change_until_.reset();
    if (!taken) {
        credentials_.drop_next();
        last_change_ = taken.error().message;
        log::error("token.pin.change.failed", last_change_, {{"detail", taken.error().detail}});
        return;
    }
    if (!*taken) {
        credentials_.keep_both();
        last_change_ = "it is not known whether the token took the new PIN; the next login tries each once";
        log::error("token.pin.change.unknown", last_change_);
        return;
    }
    if (const auto promoted = credentials_.promote_next(); !promoted) {
        last_change_ = promoted.error().message;
        log::error("token.pin.promote", last_change_, {{"detail", promoted.error().detail}});
        return;
    }
    last_change_ = "ok";
    log::info("token.pin.changed", "the token has a new PIN; a new worker takes over");
    // The one that serves goes on until another has logged in with the new PIN.
    swap_wanted_ = true;
    next_start_ = {};
}

void Supervisor::use_backup_key(const Secret& key) {
    backup_key_ = key.clone();
    if (const auto* const worker = find(Stage::serving))
        (void)send_control(worker->process->control(), ControlKind::backup_key, backup_key_.view());
    log::info("token.backup.key",
              key.empty() ? "the backup key is forgotten" : "the worker has the backup key");
}

std::optional<custody::ShareSet> Supervisor::backup_set() const {
    const auto text = read_file(config_.state / "backup-shares.yaml", std::size_t{64} << 10);
    if (!text) return std::nullopt;
    auto set = custody::parse_share_set(*text, "backup-shares.yaml");
    return set ? std::optional(*std::move(set)) : std::nullopt;
}

Status Supervisor::keep_backup_set(const custody::ShareSet& set) {
    return write_file_atomic(config_.state / "backup-shares.yaml", as_bytes(custody::to_text(set)), 0640);
}

}  // namespace signet::token
