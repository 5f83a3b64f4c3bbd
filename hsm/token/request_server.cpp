#include "hsm/token/request_server.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/log.h"
#include "hsm/frames/messages.h"
#include "hsm/token/executor.h"

namespace signet::token {
namespace {

using frames::FrameKind;
using frames::Lane;
using frames::Operation;
using std::chrono::steady_clock;

constexpr std::size_t kMostConnections = 512;
constexpr std::chrono::milliseconds kEndingTick{20};
constexpr std::chrono::milliseconds kLostTime{1000};  // to answer what waits once the token is lost

Error overloaded() {
    return {ErrorCode::overloaded, "the token's queue is full; try again later", {}, std::chrono::seconds(1)};
}

Bytes error_frame(const frames::FrameHeader& request, const Error& error) {
    Bytes frame;
    frames::begin_frame(frame, {.kind = FrameKind::error, .operation = request.operation, .id = request.id});
    frames::encode_error(frame, error);
    frames::end_frame(frame, 0);
    return frame;
}

}  // namespace

RequestServer::RequestServer(TokenInterface& token, ServerOptions options)
    : token_(token),
      options_(std::move(options)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    watch(event_.get(), [this] {
        std::uint64_t count = 0;
        (void)!::read(event_.get(), &count, sizeof(count));
    });
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    std::size_t slot = WorkerPage::kProcessSlot + 1;
    const auto start = [&](Lane lane, unsigned count) {
        for (unsigned i = 0; i < count; ++i, ++slot) {
            auto* const page_slot = options_.page != nullptr ? &options_.page->slot(slot) : nullptr;
            threads_.emplace_back([this, lane, page_slot] { Executor(*this, lane, page_slot).run(); });
        }
    };
    start(Lane::sign, options_.threads);
    start(Lane::heavy, std::max(1U, options_.threads / 2));
    start(Lane::admin, 1);
    start(Lane::kdf, 1);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

RequestServer::~RequestServer() {
    for (auto& queue : lanes_)
        queue.close();
    for (auto& thread : threads_)
        thread.join();
}

std::chrono::milliseconds RequestServer::limit_of(Lane lane) const {
    switch (lane) {
        case Lane::sign:
            return options_.request_deadline;
        case Lane::heavy:
            return options_.request_deadline * 3;
        case Lane::admin:
            return options_.request_deadline * 12;
        case Lane::kdf:
            return options_.request_deadline * 3;
    }
    return options_.request_deadline;
}

void RequestServer::watch(int fd, std::function<void()> readable) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
    watched_[fd] = std::move(readable);
}

void RequestServer::wake() {
    const std::uint64_t one = 1;
    (void)!::write(event_.get(), &one, sizeof(one));
}

void RequestServer::add_connection(UniqueFd socket) {
    {
        const std::lock_guard lock(mutex_);
        new_connections_.push_back(std::move(socket));
    }
    wake();
}

void RequestServer::drain() {
    draining_ = true;
    wake();
}

void RequestServer::stop() {
    stopping_ = true;
    wake();
}

RequestServer::End RequestServer::run() {
    constexpr std::size_t kEvents = 64;
    std::array<epoll_event, kEvents> events{};
    next_probe_ = steady_clock::now() + options_.probe_interval;
    for (;;) {
        const auto wait = end_by_ ? kEndingTick : WorkerPage::kBeat;
        const int count = epoll_wait(epoll_.get(), events.data(), kEvents, static_cast<int>(wait.count()));
        if (options_.page != nullptr) options_.page->beat();
        for (int i = 0; i < count; ++i) {
            const auto& event = events[static_cast<std::size_t>(i)];
            if (const auto watched = watched_.find(event.data.fd); watched != watched_.end()) {
                watched->second();
                continue;
            }
            const auto found = connections_.find(event.data.fd);
            if (found == connections_.end()) continue;
            const auto connection = found->second;
            if ((event.events & EPOLLOUT) != 0) {
                arm(*connection, false);  // before the flush, which may arm it again
                flush(*connection);
            }
            if ((event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read(connection);
        }
        for (std::size_t i = 0; i < kLanes; ++i) {
            if (!admitted_[i].empty()) lanes_[i].push(admitted_[i]);
        }
        take_new_connections();
        const auto now = steady_clock::now();
        probe_if_due(now);
        if (const auto end = ended(now)) return *end;
    }
}

void RequestServer::arm(ServerConnection& connection, bool for_writing) const {
    epoll_event event{};
    event.events = for_writing ? EPOLLIN | EPOLLOUT : EPOLLIN;
    event.data.fd = connection.fd.get();
    epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection.fd.get(), &event);
}

void RequestServer::take_new_connections() {
    std::vector<UniqueFd> sockets;
    {
        const std::lock_guard lock(mutex_);
        sockets.swap(new_connections_);
    }
    for (auto& socket : sockets) {
        const int fd = socket.get();
        if (connections_.size() >= kMostConnections) continue;  // closes it
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = fd;
        const auto connection = std::make_shared<ServerConnection>(std::move(socket));
        if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0) connections_[fd] = connection;
    }
}

void RequestServer::read(const std::shared_ptr<ServerConnection>& connection) {
    const auto space = connection->input.space();
    const auto n = recv(connection->fd.get(), space.data(), space.size(), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) return close(connection);
    connection->input.filled(static_cast<std::size_t>(n));
    const auto now = steady_clock::now();
    for (;;) {
        const auto frame = connection->input.next();
        if (frame && !*frame) return;
        const auto status =
            frame ? take_frame(connection, **frame, now) : Status(std::unexpected(frame.error()));
        if (status) continue;
        log::warning("token.connection.refused", status.error().message);
        connection->output.push(error_frame({}, status.error()), false);
        flush(*connection);
        return close(connection);
    }
}

Status RequestServer::take_frame(const std::shared_ptr<ServerConnection>& connection,
                                 const frames::Frame& frame, SteadyTime now) {
    if (!connection->greeted) return greet(*connection, frame);
    if (frame.header.kind != FrameKind::request || frame.header.id == 0 ||
        frame.header.version != frames::kVersion)
        return fail(ErrorCode::invalid_argument,
                    "a client of the token socket sent a frame that is no request");
    admit(connection, frame, now);
    return {};
}

Status RequestServer::greet(ServerConnection& connection, const frames::Frame& frame) {
    if (frame.header.kind != FrameKind::hello)
        return fail(ErrorCode::invalid_argument, "a client of the token socket did not begin with hello");
    SIGNET_ASSIGN(const auto hello, frames::decode<frames::Hello>(frame.message));
    SIGNET_ASSIGN(const auto version, frames::agree_on_version(hello));
    Bytes welcome;
    frames::begin_frame(welcome, {.kind = FrameKind::welcome});
    SIGNET_TRY(frames::encode(welcome, frames::Welcome{version, frames::program_version("signetd-token"),
                                                       static_cast<std::uint64_t>(getpid())}));
    frames::end_frame(welcome, 0);
    connection.output.push(welcome, false);
    connection.greeted = true;
    flush(connection);
    if (draining_ || lost_) send_goaway(connection);
    return {};
}

void RequestServer::admit(const std::shared_ptr<ServerConnection>& connection, const frames::Frame& frame,
                          SteadyTime now) {
    if (queued_.load(std::memory_order_relaxed) >= options_.queue_limit ||
        queued_bytes_.load(std::memory_order_relaxed) + frame.message.size() > options_.queue_bytes) {
        connection->output.push(error_frame(frame.header, overloaded()), false);
        return flush(*connection);
    }
    queued_.fetch_add(1, std::memory_order_relaxed);
    queued_bytes_.fetch_add(frame.message.size(), std::memory_order_relaxed);
    Job job;
    job.connection = connection;
    job.header = frame.header;
    job.deadline = now + std::chrono::milliseconds(frame.header.time_ms);
    job.message = to_bytes(frame.message);
    admitted_[static_cast<std::size_t>(lane_of(frame))].push_back(std::move(job));
}

Lane RequestServer::lane_of(const frames::Frame& frame) const {
    const auto operation = *frame.header.operation;
    if (operation == Operation::sign || operation == Operation::decrypt) {
        const auto key = frames::peek_key(frame.message);
        if (key && weights_.find(*key) == KeyWeight::heavy) return Lane::heavy;
    }
    return frames::traits(operation).lane;
}

void RequestServer::flush(ServerConnection& connection) {
    // A broken connection shows at its next read.
    if (connection.output.flush() == frames::SendQueue::Sent::blocked) arm(connection, true);
}

void RequestServer::send_goaway(ServerConnection& connection) {
    if (!connection.greeted || std::exchange(connection.told_to_go, true)) return;
    Bytes frame;
    frames::append_frame(frame, {.kind = FrameKind::goaway}, {});
    connection.output.push(frame, false);
    flush(connection);
}

void RequestServer::close(const std::shared_ptr<ServerConnection>& connection) {
    connection->closed = true;
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, connection->fd.get(), nullptr);
    shutdown(connection->fd.get(), SHUT_RDWR);
    connections_.erase(connection->fd.get());
}

void RequestServer::probe_if_due(SteadyTime now) {
    if (!options_.probe || now < next_probe_ || lost_ || probing_.exchange(true)) return;
    next_probe_ = now + options_.probe_interval;
    std::vector<Job> jobs(1);
    lane(Lane::admin).push(jobs);
}

std::optional<RequestServer::End> RequestServer::ended(SteadyTime now) {
    if (stopping_) return End::stopped;
    if (!draining_ && !lost_) return std::nullopt;
    if (!end_by_) {
        if (lost_) {
            Error why{ErrorCode::token_unavailable, "the token is gone", {}, std::chrono::seconds(1)};
            {
                const std::lock_guard lock(mutex_);
                if (lost_error_) why = *lost_error_;
            }
            if (options_.on_lost) options_.on_lost(why);
        }
        end_by_ = now + (lost_ ? kLostTime : options_.drain_time);
        for (const auto& [fd, connection] : connections_)
            send_goaway(*connection);
    }
    const auto end = lost_ ? End::token_lost : End::drained;
    const bool answered = queued_.load(std::memory_order_acquire) == 0;
    const bool all_sent =
        std::ranges::all_of(connections_, [](const auto& entry) { return entry.second->output.empty(); });
    if ((connections_.empty() || lost_) && answered && all_sent) return end;
    if (now >= *end_by_) return end;
    return std::nullopt;
}

}  // namespace signet::token
