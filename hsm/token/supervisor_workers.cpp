// The supervisor's workers: started, watched, replaced, buried.
#include <unistd.h>

#include <algorithm>

#include "base/log.h"
#include "hsm/token/pin_marker.h"
#include "hsm/token/resident_memory.h"
#include "hsm/token/supervisor.h"
#include "hsm/token/supervisor_parts.h"

namespace signet::token {

void Supervisor::leave(Worker& worker, SteadyTime kill_at) {
    worker.stage = Stage::leaving;
    worker.kill_at = kill_at;
}

void Supervisor::watch_deadlines(SteadyTime now) {
    for (auto& worker : workers_) {
        if (worker.killed_at) {
            if (is_stuck(worker, now) && !worker.process->abandoned()) {
                worker.process->abandon();
                log::error(
                    "token.worker.stuck",
                    "a killed worker does not end: it is stuck in the kernel; another is started beside it",
                    {{"pid", std::to_string(worker.process->pid())}});
            }
            continue;
        }
        if (worker.kill_at && now >= *worker.kill_at) {
            log::warning("token.worker.killed", "a worker that should have ended was killed",
                         {{"pid", std::to_string(worker.process->pid())}});
            kill(worker, now);
            continue;
        }
        const auto overdue = worker.process->page().overdue(now, config_.request_deadline);
        if (!overdue) {
            worker.overdue_since.reset();
            continue;
        }
        // Not at the first look: when this process itself was held up, the worker gets the time to say that it lives.
        if (!worker.overdue_since) worker.overdue_since = now;
        if (now - *worker.overdue_since < kTick) continue;
        const auto what = overdue->what + " did not come back within " + seconds_text(overdue->busy);
        log::error("token.worker.hung", what + "; the worker is killed",
                   {{"pid", std::to_string(worker.process->pid())}});
        if (worker.stage != Stage::leaving &&
            (worker.stage == Stage::serving || find(Stage::serving) == nullptr))
            unavailable({ErrorCode::token_unavailable,
                         "the token's module hangs (" + what + "); another worker is started; try again",
                         {},
                         seconds(1)});
        kill(worker, now);
    }
}

void Supervisor::kill(Worker& worker, SteadyTime now) {
    if (worker.killed_at) return;
    worker.killed_at = now;
    worker.killed_as = worker.stage;
    leave(worker, now);
    worker.process->kill();
}

bool Supervisor::is_stuck(const Worker& worker, SteadyTime now) {
    return worker.killed_at && now - *worker.killed_at >= kLostTime;
}

void Supervisor::watch_memory(SteadyTime now) {
    if (now < next_memory_check_) return;
    next_memory_check_ = now + kMemoryCheck;
    const auto* const worker = find(Stage::serving);
    if (worker == nullptr || swap_wanted_ || now < next_swap_) return;
    const auto resident = resident_memory(worker->process->pid());
    if (!resident || *resident <= config_.memory_limit) return;
    log::info("token.worker.swap", "the worker is over its memory limit; another takes over",
              {{"resident", std::to_string(*resident)}, {"limit", std::to_string(config_.memory_limit)}});
    swap_wanted_ = true;
}

void Supervisor::reap(SteadyTime now) {
    for (auto worker = workers_.begin(); worker != workers_.end();) {
        if (!worker->process->ended()) {
            ++worker;
            continue;
        }
        handle_control(*worker, now);  // its last words
        const auto stage = worker->killed_at ? worker->killed_as : worker->stage;
        const auto served = stage == Stage::serving && now - worker->since >= kSettled;
        const auto how = worker->process->end();  // a copy: the worker goes below
        log::write(stage == Stage::leaving ? log::Level::info : log::Level::error, "token.worker.ended",
                   "a worker " + how, {{"pid", std::to_string(worker->process->pid())}});
        worker = workers_.erase(worker);
        if (stopping_ || find(Stage::serving) != nullptr) {
            if (stage == Stage::starting) next_start_ = now + kBetweenSwaps;  // a swap that failed
            continue;
        }
        if (refusals_.reason().message == not_yet().message)
            unavailable({ErrorCode::token_unavailable,
                         "the token's worker " + how + "; another is started; try again",
                         {},
                         seconds(1)});
        if (served) {
            back_off_ = kFirstBackOff;
            next_start_ = now;
        } else {
            retry_later(now);
        }
    }
}

void Supervisor::retry_later(SteadyTime now) {
    next_start_ = now + back_off_;
    back_off_ = std::min(back_off_ * 2, kLongestBackOff);
}

void Supervisor::start_if_wanted(SteadyTime now) {
    if (stopping_ || now < next_start_ || find(Stage::starting) != nullptr) return;
    if (credentials_.pin() == nullptr || pin_change_) return;
    if (find(Stage::serving) == nullptr) {
        // One that lost the token ends first: two would confuse a token that just comes back. One that cannot end, though
        // it was killed, is not waited for.
        if (!std::ranges::any_of(workers_, [&](const auto& worker) {
                return worker.kill_at <= now + kLostTime && !is_stuck(worker, now);
            }))
            start(now);
    } else if (swap_wanted_) {
        start(now);
    }
}

void Supervisor::start(SteadyTime now) {
    // Looked at before every login, not only at the start: another process may have been refused in between.
    if (const auto marker = check_pin_marker(config_.state, config_.file); !marker) {
        no_more_logins(marker.error());
        return;
    }
    if (const auto noted = credentials_.note_try(); !noted) {
        log::error("token.pin.note", noted.error().message, {{"detail", noted.error().detail}});
        return retry_later(now);
    }
    WorkerSettings settings{config_, workers_.empty(), credentials_.is_last(),
                            static_cast<std::uint64_t>(getpid()), ++workers_started_};
    auto process = WorkerProcess::start(settings, *credentials_.pin(), log_level_);
    if (!process) {
        log::error("token.worker.failed", process.error().message, {{"detail", process.error().detail}});
        unavailable(process.error());
        return retry_later(now);
    }
    workers_.push_back({.process = *std::move(process), .stage = Stage::starting, .since = now});
}

}  // namespace signet::token
