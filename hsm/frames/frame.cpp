#include "hsm/frames/frame.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "base/secret.h"
#include "base/wire.h"

namespace signet::frames {
namespace {

constexpr std::size_t kLengthSize = 4;
constexpr std::size_t kIdOffset = 8;
constexpr std::size_t kSmallBuffer = std::size_t{64} << 10;

void store(std::span<std::uint8_t> out, std::uint64_t value) {
    for (auto byte = out.rbegin(); byte != out.rend(); ++byte, value >>= 8)
        *byte = static_cast<std::uint8_t>(value);
}

std::size_t load_length(const std::uint8_t* bytes) {
    return static_cast<std::size_t>(WireReader(ByteView(bytes, kLengthSize)).number<std::uint32_t>());
}

std::unexpected<Error> broken(std::string what) {
    return fail(ErrorCode::invalid_argument,
                "the token socket carries something that is no frame: " + std::move(what));
}

Result<FrameHeader> parse_header(ByteView bytes) {
    WireReader reader(bytes);
    FrameHeader header;
    header.version = reader.number<std::uint8_t>();
    const auto kind = reader.number<std::uint8_t>();
    const auto operation = reader.number<std::uint8_t>();
    const auto zero = reader.number<std::uint8_t>();
    header.id = reader.number<std::uint64_t>();
    header.time_ms = reader.number<std::uint32_t>();
    if (kind < static_cast<std::uint8_t>(FrameKind::hello) ||
        kind > static_cast<std::uint8_t>(FrameKind::error))
        return broken("kind " + std::to_string(kind));
    header.kind = static_cast<FrameKind>(kind);
    header.operation = operation_from(operation);
    if (!header.operation && (operation != 0 || header.kind == FrameKind::request ||
                              header.kind == FrameKind::reply || header.kind == FrameKind::reply_part))
        return broken("operation " + std::to_string(operation));
    if (zero != 0) return broken("reserved field " + std::to_string(zero));
    return header;
}

}  // namespace

bool carries_secret(const FrameHeader& header) {
    if (!header.operation) return false;
    const auto& properties = traits(*header.operation);
    return header.kind == FrameKind::request ? properties.secret_request : properties.secret_reply;
}

void begin_frame(Bytes& out, const FrameHeader& header) {
    const auto start = out.size();
    out.resize(start + kHeaderSize);
    const auto bytes = std::span(out).subspan(start);
    bytes[4] = header.version;
    bytes[5] = static_cast<std::uint8_t>(header.kind);
    bytes[6] = header.operation ? static_cast<std::uint8_t>(*header.operation) : std::uint8_t{0};
    set_frame_id(bytes, header.id, header.time_ms);
}

void end_frame(Bytes& out, std::size_t start) {
    store(std::span(out).subspan(start, kLengthSize), out.size() - start - kLengthSize);
}

void append_frame(Bytes& out, const FrameHeader& header, ByteView message) {
    const auto start = out.size();
    begin_frame(out, header);
    out.insert(out.end(), message.begin(), message.end());
    end_frame(out, start);
}

void set_frame_id(std::span<std::uint8_t> frame, std::uint64_t id, std::uint32_t time_ms) {
    store(frame.subspan(kIdOffset, 8), id);
    store(frame.subspan(kIdOffset + 8, 4), time_ms);
}

FrameBuffer::~FrameBuffer() {
    if (secret_) wipe(buffer_);
}

// A vector that grows leaves its old memory behind unwiped: the move is made by hand.
void FrameBuffer::resize(std::size_t size) {
    Bytes larger(size);
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(end_), larger.begin());
    wipe(buffer_);
    buffer_ = std::move(larger);
    end_ -= begin_;
    begin_ = 0;
}

std::span<std::uint8_t> FrameBuffer::space() {
    const auto kept = end_ - begin_;
    std::size_t needed = std::max(kSmallBuffer, kept + 1);
    if (kept >= kLengthSize)
        needed = std::max(needed, std::min(kLengthSize + load_length(buffer_.data() + begin_), kMaxFrame));
    if (needed > buffer_.size() || (needed == kSmallBuffer && buffer_.size() > kSmallBuffer)) {
        resize(needed);
        secret_ = true;  // of the frame that is on its way nothing is known yet
    } else if (begin_ > 0) {
        std::memmove(buffer_.data(), buffer_.data() + begin_, kept);
        if (secret_) wipe(buffer_.data() + kept, begin_);
        secret_ = secret_ && kept > 0;
        end_ = kept;
        begin_ = 0;
    }
    return std::span(buffer_).subspan(end_);
}

void FrameBuffer::filled(std::size_t size) {
    end_ += size;
}

Result<std::optional<Frame>> FrameBuffer::next() {
    const auto available = end_ - begin_;
    if (available < kLengthSize) return std::nullopt;
    const auto* const start = buffer_.data() + begin_;
    const auto length = load_length(start);
    if (length < kHeaderSize - kLengthSize || length > kMaxFrame - kLengthSize)
        return broken("length " + std::to_string(length));
    if (available < kHeaderSize) return std::nullopt;
    SIGNET_ASSIGN(const auto header, parse_header(ByteView(start + kLengthSize, kHeaderSize - kLengthSize)));
    if (carries_secret(header)) secret_ = true;
    if (available < kLengthSize + length) return std::nullopt;
    begin_ += kLengthSize + length;
    return Frame{header, ByteView(start + kHeaderSize, length - (kHeaderSize - kLengthSize))};
}

}  // namespace signet::frames
