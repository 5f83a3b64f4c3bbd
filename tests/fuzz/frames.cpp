#include "tests/fuzz/frames.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "hsm/frames/frame.h"
#include "hsm/frames/messages.h"

namespace signet::testing {
namespace {

using namespace frames;

template <class Message>
void check(ByteView message) {
    const auto decoded = decode<Message>(message);
    if (!decoded) return;
    Bytes again;
    if (!encode(again, *decoded) || !std::ranges::equal(again, message)) std::abort();
}

template <std::size_t... index>
void check_operation(Operation operation, bool request, ByteView message, std::index_sequence<index...>) {
    using Check = void (*)(ByteView);
    constexpr std::array<Check, sizeof...(index)> requests{
        &check<typename Exchange<static_cast<Operation>(index + 1)>::Request>...};
    constexpr std::array<Check, sizeof...(index)> replies{
        &check<typename Exchange<static_cast<Operation>(index + 1)>::Reply>...};
    const auto place = static_cast<std::size_t>(operation) - 1;
    (request ? requests : replies)[place](message);
}

void check_frame(const Frame& frame) {
    switch (frame.header.kind) {
        case FrameKind::hello:
            check<Hello>(frame.message);
            if (const auto hello = decode<Hello>(frame.message)) (void)agree_on_version(*hello);
            break;
        case FrameKind::welcome:
            check<Welcome>(frame.message);
            break;
        case FrameKind::goaway:
            break;
        case FrameKind::request:
        case FrameKind::reply:
        case FrameKind::reply_part:
            (void)peek_key(frame.message);
            check_operation(*frame.header.operation, frame.header.kind == FrameKind::request, frame.message,
                            std::make_index_sequence<kOperations>());
            break;
        case FrameKind::error:
            (void)decode_error(frame.message);
            break;
    }
}

}  // namespace

void fuzz_frames(ByteView input) {
    FrameBuffer buffer;
    while (!input.empty()) {
        const auto space = buffer.space();
        const auto size = std::min(space.size(), input.size());
        std::ranges::copy(input.first(size), space.begin());
        buffer.filled(size);
        input = input.subspan(size);
        for (;;) {
            const auto frame = buffer.next();
            if (!frame) return;
            if (!*frame) break;
            check_frame(**frame);
        }
    }
}

}  // namespace signet::testing
