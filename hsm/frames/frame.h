// Frames of the token socket: a fixed header, then a message (hsm/frames/messages.h).
//
//   offset size
//        0    4  length of what follows this field, big-endian as all numbers; 16 to 4 MiB - 4
//        4    1  version of the frames that the sender speaks on this connection
//        5    1  kind
//        6    1  operation (requests and their replies, else 0)
//        7    1  zero
//        8    8  request id, chosen by the client; 0 for what concerns the connection
//       16    4  requests: milliseconds until the client stops waiting; else 0
//       20    …  message
//
// The header and the kinds hello, welcome, goaway and error stay as they are in every version: so two
// programs that share no version can still tell each other. The client begins with hello and sends nothing
// before welcome.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "hsm/frames/operation.h"

namespace signet::frames {

inline constexpr std::uint8_t kVersion = 1;        // newest that this program speaks
inline constexpr std::uint8_t kLowestVersion = 1;  // oldest
inline constexpr std::size_t kHeaderSize = 20;
inline constexpr std::size_t kMaxFrame = std::size_t{4} << 20;  // header included
inline constexpr std::size_t kMaxMessage = kMaxFrame - kHeaderSize;
// A longer reply is cut into frames of the kind reply_part and a last one of the kind reply.
inline constexpr std::size_t kMaxReply = std::size_t{64} << 20;

enum class FrameKind : std::uint8_t {
    hello = 1,    // client: the versions it speaks
    welcome = 2,  // server: the version both will use
    goaway = 3,   // server: send new requests over a new connection; those sent already will be answered
    request = 4,
    reply = 5,
    reply_part = 6,
    error = 7,  // instead of a reply; with request id 0 it ends the connection
};

struct FrameHeader {
    std::uint8_t version = kVersion;
    FrameKind kind = FrameKind::request;
    std::optional<Operation> operation{};
    std::uint64_t id = 0;
    std::uint32_t time_ms = 0;
};

struct Frame {
    FrameHeader header;
    ByteView message;
};

// Whether plaintexts travel in such a frame: whoever holds its bytes wipes them.
bool carries_secret(const FrameHeader& header);

// Appends header and message; `message` must not have more than kMaxMessage bytes.
void append_frame(Bytes& out, const FrameHeader& header, ByteView message);
// For messages that are encoded in place: `begin_frame` appends a header without length, `end_frame` fills
// the length in. The frame begins at `start` of `out`.
void begin_frame(Bytes& out, const FrameHeader& header);
void end_frame(Bytes& out, std::size_t start);
// Sets the id and time of a frame that was encoded before they were known.
void set_frame_id(std::span<std::uint8_t> frame, std::uint64_t id, std::uint32_t time_ms);

// Takes a stream apart into frames. Memory that held secrets is wiped once it is used again, and at the end.
class FrameBuffer {
  public:
    FrameBuffer() = default;
    ~FrameBuffer();
    FrameBuffer(const FrameBuffer&) = delete;
    FrameBuffer& operator=(const FrameBuffer&) = delete;

    // Where the next bytes of the stream go (never empty), and how many came. Ends the life of earlier
    // frames.
    std::span<std::uint8_t> space();
    void filled(std::size_t size);

    // The next whole frame, which lives until `space` is called; nullopt when more bytes are needed. An error
    // (a length, kind or operation out of range) is final: the stream cannot be read on.
    Result<std::optional<Frame>> next();

  private:
    void resize(std::size_t size);

    Bytes buffer_;
    std::size_t begin_ = 0;  // of what was not handed out yet
    std::size_t end_ = 0;    // of what was read
    bool secret_ = false;    // the buffer held one since it was last wiped
};

}  // namespace signet::frames
