#include "hsm/token/refusals.h"

#include <sys/socket.h>

#include <cerrno>

#include "hsm/frames/messages.h"

namespace signet::token {
namespace {

using frames::FrameKind;

constexpr std::size_t kMostConnections = 64;
constexpr std::chrono::seconds kGoodbye{5};  // between GOAWAY and the end of the connection

Bytes error_frame(const frames::FrameHeader& header, const Error& error) {
    Bytes frame;
    frames::begin_frame(frame, {.kind = FrameKind::error, .operation = header.operation, .id = header.id});
    frames::encode_error(frame, error);
    frames::end_frame(frame, 0);
    return frame;
}

}  // namespace

void refuse_user(UniqueFd socket, uid_t user) {
    const auto frame =
        error_frame({}, {ErrorCode::permission_denied,
                         "uid " + std::to_string(user) +
                             " may not use the token; whoever may stands in allowed_users of token.yaml",
                         {}});
    (void)::send(socket.get(), frame.data(), frame.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

void Refusals::add(UniqueFd socket) {
    if (connections_.size() >= kMostConnections) return;  // closes it
    connections_.push_back(std::make_unique<ServerConnection>(std::move(socket)));
    close_at_.reset();
}

void Refusals::send_away(SteadyTime now) {
    for (const auto& connection : connections_) {
        Bytes frame;
        frames::append_frame(frame, {.kind = FrameKind::goaway}, {});
        connection->output.push(frame, false);
        (void)connection->output.flush();
    }
    close_at_ = now + kGoodbye;
}

void Refusals::add_to_poll(std::vector<pollfd>& polled) const {
    for (const auto& connection : connections_) {
        const auto events = static_cast<short>(connection->output.empty() ? POLLIN : POLLIN | POLLOUT);
        polled.push_back({connection->fd.get(), events, 0});
    }
}

void Refusals::handle(std::span<const pollfd> polled, SteadyTime now) {
    for (const auto& entry : polled) {
        if (entry.revents == 0) continue;
        std::erase_if(connections_, [&](const auto& connection) {
            return connection->fd.get() == entry.fd && !serve(*connection);
        });
    }
    if (close_at_ && now >= *close_at_) {
        connections_.clear();
        close_at_.reset();
    }
}

// False when the connection is over.
bool Refusals::serve(ServerConnection& connection) const {
    const auto space = connection.input.space();
    const auto n = recv(connection.fd.get(), space.data(), space.size(), MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) return false;
    if (n > 0) connection.input.filled(static_cast<std::size_t>(n));
    bool good = true;
    while (good) {
        const auto frame = connection.input.next();
        if (!frame) return false;
        if (!*frame) break;
        good = answer(connection, **frame);
    }
    return connection.output.flush() != frames::SendQueue::Sent::broken && good;
}

bool Refusals::answer(ServerConnection& connection, const frames::Frame& frame) const {
    if (connection.greeted)
        return frame.header.kind == FrameKind::request &&
               connection.output.push(error_frame(frame.header, reason_), false);
    const auto hello = frame.header.kind == FrameKind::hello ? frames::decode<frames::Hello>(frame.message)
                                                             : fail(ErrorCode::invalid_argument, "no hello");
    if (!hello) return false;
    const auto version = frames::agree_on_version(*hello);
    if (!version) {
        connection.output.push(error_frame({}, version.error()), false);
        (void)connection.output.flush();
        return false;
    }
    Bytes welcome;
    frames::begin_frame(welcome, {.kind = FrameKind::welcome});
    (void)frames::encode(welcome, frames::Welcome{*version, frames::program_version("signetd-token"), 0});
    frames::end_frame(welcome, 0);
    connection.greeted = true;
    return connection.output.push(welcome, false);
}

}  // namespace signet::token
