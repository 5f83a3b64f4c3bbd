#include "hsm/token/control.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/secret.h"
#include "base/wire.h"

namespace signet::token {
namespace {

constexpr std::size_t kMaxMessage = std::size_t{32} << 10;
constexpr std::size_t kMaxPath = 4096;

std::unexpected<Error> gone(const char* detail) {
    return fail(ErrorCode::cancelled, "the process at the other end is gone", detail);
}

}  // namespace

Bytes encode_settings(const WorkerSettings& settings) {
    const auto& config = settings.config;
    WireWriter writer;
    for (const auto* path : {&config.file, &config.module, &config.module_config, &config.state})
        writer.text(path->native());
    for (const auto* text :
         {&config.module_parameters, &config.token_label, &config.token_serial, &config.quirks})
        writer.text(*text);
    writer.flag(config.session_copies.has_value());
    writer.flag(config.session_copies.value_or(false));
    writer.flag(config.in_clear.software_oaep);
    writer.flag(config.in_clear.merchant_keys);
    writer.flag(config.reveal_secrets);
    writer.number(std::uint32_t{config.threads});
    writer.number(static_cast<std::uint64_t>(config.request_deadline.count()));
    writer.flag(settings.cold);
    writer.flag(settings.last_pin);
    writer.number(settings.supervisor_pid);
    writer.number(settings.workers_started);
    return writer.take();
}

Result<WorkerSettings> decode_settings(ByteView body) {
    WireReader reader(body);
    WorkerSettings settings;
    auto& config = settings.config;
    for (auto* path : {&config.file, &config.module, &config.module_config, &config.state})
        *path = reader.text(kMaxPath);
    for (auto* text : {&config.module_parameters, &config.token_label, &config.token_serial, &config.quirks})
        *text = reader.text(kMaxPath);
    const bool has_copies = reader.flag();
    const bool copies = reader.flag();
    if (has_copies) config.session_copies = copies;
    config.in_clear.software_oaep = reader.flag();
    config.in_clear.merchant_keys = reader.flag();
    config.reveal_secrets = reader.flag();
    config.threads = reader.number<std::uint32_t>();
    config.request_deadline =
        std::chrono::milliseconds(static_cast<std::int64_t>(reader.number<std::uint64_t>()));
    settings.cold = reader.flag();
    settings.last_pin = reader.flag();
    settings.supervisor_pid = reader.number<std::uint64_t>();
    settings.workers_started = reader.number<std::uint64_t>();
    if (!reader.finished()) return fail(ErrorCode::internal, "the worker's settings are malformed");
    return settings;
}

Status send_control(int socket, ControlKind kind, ByteView body, int fd) {
    auto kind_byte = static_cast<std::uint8_t>(kind);
    std::array<iovec, 2> parts{iovec{&kind_byte, 1},
                               iovec{const_cast<std::uint8_t*>(body.data()), body.size()}};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> space{};
    if (fd >= 0) {
        message.msg_control = space.data();
        message.msg_controllen = space.size();
        auto* const header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(header), &fd, sizeof(fd));
    }
    for (;;) {
        if (sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return {};
        if (errno != EINTR) return gone(std::strerror(errno));
    }
}

Result<std::optional<ControlMessage>> receive_control(int socket) {
    Bytes buffer(kMaxMessage);
    iovec part{buffer.data(), buffer.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> space{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = space.data();
    message.msg_controllen = space.size();
    const auto size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
    if (size <= 0) return gone(size < 0 ? std::strerror(errno) : "closed");

    ControlMessage out;
    for (auto* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(header), sizeof(fd));
        out.fd = UniqueFd(fd);
    }
    if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return gone("a message that was cut");
    out.kind = static_cast<ControlKind>(buffer[0]);
    out.body.assign(buffer.begin() + 1, buffer.begin() + size);
    if (out.kind == ControlKind::backup_key) wipe(buffer);
    return out;
}

}  // namespace signet::token
