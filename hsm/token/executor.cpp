#include "hsm/token/executor.h"

#include <sys/socket.h>

#include <algorithm>

#include "base/secret.h"
#include "hsm/frames/messages.h"

namespace signet::token {
namespace {

using frames::FrameKind;
using frames::Operation;
using std::chrono::steady_clock;

// A reply waits for others while more work stands in the queue, but neither long nor behind slow work. Behind a deep queue
// it may wait longer: whoever asked last waits for the whole queue anyhow, and each reply that leaves alone costs a write,
// a wake-up of the daemon's reader and, there, a commit of the audit chain with a single record.
struct Patience {
    std::size_t replies;
    std::chrono::microseconds time;
};
constexpr Patience kShallow{8, std::chrono::microseconds(150)};
constexpr Patience kDeep{16, std::chrono::microseconds(2000)};
constexpr std::size_t kDeepQueue = 8;
constexpr std::size_t kPart = std::size_t{1} << 20;

}  // namespace

void RequestServer::Executor::run() {
    auto& queue = server_.lane(lane_);
    Job job;
    std::size_t behind = 0;
    for (;;) {
        if (!unflushed_.empty()) {
            if (!queue.try_pop(job, behind)) {
                flush_all();
                continue;
            }
        } else if (!queue.pop(job, behind)) {
            return;
        }
        handle(job);
        const auto& patience = behind >= kDeepQueue ? kDeep : kShallow;
        if (unflushed_replies_ >= patience.replies || behind == 0 || lane_ != frames::Lane::sign ||
            (!unflushed_.empty() && steady_clock::now() - unflushed_since_ >= patience.time))
            flush_all();
        job = Job();
    }
}

void RequestServer::Executor::handle(Job& job) {
    if (!job.connection) return probe();
    reply_.clear();
    frames::begin_frame(reply_,
                        {.kind = FrameKind::reply, .operation = job.header.operation, .id = job.header.id});
    Status status;
    if (job.connection->closed.load(std::memory_order_relaxed)) {
        status = fail(ErrorCode::cancelled, "the client is gone");
    } else if (steady_clock::now() >= job.deadline) {
        status =
            std::unexpected(Error{ErrorCode::deadline_exceeded,
                                  "the request waited for the token until its deadline; nothing was done",
                                  {},
                                  std::chrono::seconds(1)});
    } else {
        status = execute(job);
        note_token(status);
    }
    send(job, std::move(status));
    server_.queued_bytes_.fetch_sub(job.message.size(), std::memory_order_relaxed);
    server_.queued_.fetch_sub(1, std::memory_order_release);
}

void RequestServer::Executor::probe() {
    {
        const BusyMark mark(slot_, static_cast<std::uint32_t>(Operation::status),
                            server_.options_.request_deadline);
        note_token(server_.options_.probe());
    }
    server_.probing_.store(false, std::memory_order_release);
}

Status RequestServer::Executor::execute(const Job& job) {
    const auto operation = *job.header.operation;
    const BusyMark mark(slot_, static_cast<std::uint32_t>(operation), server_.limit_of(lane_));
    const Deadline deadline{job.deadline};
    if (operation == Operation::sign || operation == Operation::decrypt) learn_weight(job);
    if (operation != Operation::status)
        return frames::execute(operation, job.message, server_.token_, deadline, reply_);
    SIGNET_ASSIGN(auto status, server_.token_.status(deadline));
    if (server_.options_.complete_status) server_.options_.complete_status(status);
    // Without the one that asks.
    status.queue_depth = static_cast<std::uint32_t>(server_.queued_.load(std::memory_order_relaxed) - 1);
    return frames::encode(reply_, status);
}

void RequestServer::Executor::learn_weight(const Job& job) {
    const auto key = frames::peek_key(job.message);
    if (!key || server_.weights_.find(*key) != KeyWeight::unknown) return;
    const auto info = server_.token_.find_key({std::string(key->label), key->version}, {job.deadline});
    if (info) server_.weights_.learn(*key, info->algorithm);
}

void RequestServer::Executor::send(const Job& job, Status status) {
    const bool secret = frames::traits(*job.header.operation).secret_reply;
    if (status && reply_.size() > frames::kMaxReply)
        status = fail(ErrorCode::too_large, "the token's answer has more than 64 MiB");
    if (!status) {
        if (secret) wipe(reply_);
        reply_.clear();
        frames::begin_frame(
            reply_, {.kind = FrameKind::error, .operation = job.header.operation, .id = job.header.id});
        frames::encode_error(reply_, status.error());
    }
    bool taken = true;
    if (reply_.size() <= kPart) {
        frames::end_frame(reply_, 0);
        taken = job.connection->output.push(reply_, secret);
    } else {
        send_parts(job);
    }
    if (secret) wipe(reply_);
    if (reply_.capacity() > kPart) reply_ = Bytes();
    // A client that lets so much lie is not served any further.
    if (!taken) shutdown(job.connection->fd.get(), SHUT_RDWR);

    if (unflushed_.empty()) unflushed_since_ = steady_clock::now();
    ++unflushed_replies_;
    if (std::ranges::find(unflushed_, job.connection) == unflushed_.end())
        unflushed_.push_back(job.connection);
}

void RequestServer::Executor::send_parts(const Job& job) {
    const bool secret = frames::traits(*job.header.operation).secret_reply;
    auto rest = ByteView(reply_).subspan(frames::kHeaderSize);
    while (!rest.empty()) {
        const auto part = rest.first(std::min(rest.size(), kPart));
        rest = rest.subspan(part.size());
        Bytes frame;
        frame.reserve(part.size() + frames::kHeaderSize);
        frames::append_frame(frame,
                             {.kind = rest.empty() ? FrameKind::reply : FrameKind::reply_part,
                              .operation = job.header.operation,
                              .id = job.header.id},
                             part);
        const bool taken = job.connection->output.push(frame, secret);
        if (secret) wipe(frame);
        if (!taken) {
            shutdown(job.connection->fd.get(), SHUT_RDWR);
            return;
        }
    }
}

void RequestServer::Executor::note_token(const Status& status) {
    if (!server_.options_.lost || !server_.options_.lost()) return;
    {
        const std::lock_guard lock(server_.mutex_);
        if (!server_.lost_error_ && !status) server_.lost_error_ = status.error();
    }
    if (!server_.lost_.exchange(true)) server_.wake();
}

void RequestServer::Executor::flush_all() {
    for (const auto& connection : unflushed_)
        server_.flush(*connection);
    unflushed_.clear();
    unflushed_replies_ = 0;
}

}  // namespace signet::token
