#include "hsm/frames/frame.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <thread>

#include "base/unique_fd.h"
#include "hsm/frames/send_queue.h"
#include "tests/hsm/frames/samples.h"

namespace signet::frames {
namespace {

using signet::testing::some_bytes;

void feed(FrameBuffer& buffer, ByteView bytes) {
    while (!bytes.empty()) {
        const auto space = buffer.space();
        const auto size = std::min(space.size(), bytes.size());
        std::ranges::copy(bytes.first(size), space.begin());
        buffer.filled(size);
        bytes = bytes.subspan(size);
        if (!bytes.empty()) {
            EXPECT_FALSE(*buffer.next());
        }
    }
}

Bytes request_frame(std::uint64_t id, ByteView message) {
    Bytes out;
    append_frame(out, {.kind = FrameKind::request, .operation = Operation::sign, .id = id, .time_ms = 1500},
                 message);
    return out;
}

TEST(FrameBuffer, FindsFramesWhereverTheStreamIsCut) {
    Bytes stream = request_frame(1, some_bytes(5));
    const auto second = request_frame(0x0102030405060708, {});
    stream.insert(stream.end(), second.begin(), second.end());
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
        FrameBuffer buffer;
        std::vector<std::uint64_t> ids;
        for (const auto part : {ByteView(stream).first(cut), ByteView(stream).subspan(cut)}) {
            std::ranges::copy(part, buffer.space().begin());
            buffer.filled(part.size());
            for (;;) {
                const auto frame = buffer.next();
                ASSERT_TRUE(frame);
                if (!*frame) break;
                EXPECT_EQ((*frame)->header.time_ms, 1500U);
                EXPECT_EQ((*frame)->header.operation, Operation::sign);
                EXPECT_EQ(to_bytes((*frame)->message), (*frame)->header.id == 1 ? some_bytes(5) : Bytes());
                ids.push_back((*frame)->header.id);
            }
        }
        EXPECT_EQ(ids, (std::vector<std::uint64_t>{1, 0x0102030405060708}));
    }
}

TEST(FrameBuffer, TakesTheLongestFrameAndNotOneByteMore) {
    FrameBuffer buffer;
    feed(buffer, request_frame(1, Bytes(kMaxMessage, 7)));
    auto frame = buffer.next();
    ASSERT_TRUE(frame && *frame);
    EXPECT_EQ((*frame)->message.size(), kMaxMessage);
    feed(buffer, request_frame(2, some_bytes(3)));
    frame = buffer.next();
    ASSERT_TRUE(frame && *frame);
    EXPECT_EQ((*frame)->header.id, 2U);

    FrameBuffer other;
    auto long_frame = request_frame(1, Bytes(16));
    long_frame[0] = 0x00;
    long_frame[1] = 0x40;  // 4 MiB of length, 4 bytes more than allowed
    std::ranges::copy(long_frame, other.space().begin());
    other.filled(long_frame.size());
    EXPECT_FALSE(other.next());
}

TEST(FrameBuffer, RefusesWhatIsNoHeader) {
    const auto good = request_frame(1, {});
    struct Change {
        std::size_t offset;
        std::uint8_t value;
    };
    for (const auto& [offset, value] : {Change{3, 15}, Change{0, 1}, Change{5, 0}, Change{5, 8}, Change{6, 0},
                                        Change{6, kOperations + 1}, Change{7, 1}}) {
        auto bad = good;
        bad[offset] = value;
        FrameBuffer buffer;
        std::ranges::copy(bad, buffer.space().begin());
        buffer.filled(bad.size());
        const auto frame = buffer.next();
        ASSERT_FALSE(frame) << offset;
        EXPECT_EQ(frame.error().code, ErrorCode::invalid_argument);
    }
}

TEST(FrameBuffer, SecretsAreMarked) {
    EXPECT_TRUE(carries_secret({.kind = FrameKind::request, .operation = Operation::seal}));
    EXPECT_FALSE(carries_secret({.kind = FrameKind::reply, .operation = Operation::seal}));
    EXPECT_TRUE(carries_secret({.kind = FrameKind::reply_part, .operation = Operation::unseal}));
    EXPECT_FALSE(carries_secret({.kind = FrameKind::hello}));
}

struct Pair {
    UniqueFd left, right;
    Pair() {
        int fds[2];
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        left = UniqueFd(fds[0]);
        right = UniqueFd(fds[1]);
    }
};

TEST(SendQueue, ManyFramesLeaveInOneWrite) {
    Pair pair;
    SendQueue queue(pair.left.get());
    for (std::uint64_t id = 1; id <= 100; ++id)
        ASSERT_TRUE(queue.push(request_frame(id, some_bytes(32)), false));
    EXPECT_EQ(queue.flush(), SendQueue::Sent::all);
    EXPECT_EQ(queue.writes(), 1U);
    EXPECT_TRUE(queue.empty());
}

TEST(SendQueue, WaitsForAPeerThatDoesNotReadAndKeepsTheOrder) {
    Pair pair;
    SendQueue queue(pair.left.get());
    const Bytes message(std::size_t{1} << 20, 3);
    for (std::uint64_t id = 1; id <= 8; ++id)
        ASSERT_TRUE(queue.push(request_frame(id, message), id % 2 == 0));
    EXPECT_EQ(queue.flush(), SendQueue::Sent::blocked);
    EXPECT_FALSE(queue.empty());
    std::vector<std::uint64_t> ids;
    FrameBuffer buffer;
    while (ids.size() < 8) {
        (void)queue.flush();
        const auto space = buffer.space();
        const auto n = recv(pair.right.get(), space.data(), space.size(), 0);
        ASSERT_GT(n, 0);
        buffer.filled(static_cast<std::size_t>(n));
        for (auto frame = buffer.next(); *frame; frame = buffer.next())
            ids.push_back((*frame)->header.id);
    }
    EXPECT_EQ(ids, (std::vector<std::uint64_t>{1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST(SendQueue, IsBounded) {
    Pair pair;
    SendQueue queue(pair.left.get());
    const Bytes chunk(std::size_t{4} << 20);
    std::size_t taken = 0;
    while (queue.push(chunk, false))
        taken += chunk.size();
    EXPECT_LE(taken, SendQueue::kLimit);
}

TEST(SendQueue, SaysThatThePeerIsGone) {
    Pair pair;
    SendQueue queue(pair.left.get());
    pair.right.reset();
    ASSERT_TRUE(queue.push(some_bytes(10), false));
    EXPECT_EQ(queue.flush(), SendQueue::Sent::broken);
}

TEST(SendQueue, FramesOfManyThreadsStayWhole) {
    Pair pair;
    SendQueue queue(pair.left.get());
    std::vector<std::thread> threads;
    for (std::uint64_t thread = 0; thread < 4; ++thread) {
        threads.emplace_back([&queue, thread] {
            for (std::uint64_t i = 0; i < 500; ++i) {
                queue.push(request_frame(thread * 1000 + i, Bytes(i % 60, static_cast<std::uint8_t>(i))),
                           i % 3 == 0);
                while (queue.flush() == SendQueue::Sent::blocked)
                    std::this_thread::yield();
            }
        });
    }
    FrameBuffer buffer;
    std::vector<std::uint64_t> next(4, 0);
    for (std::size_t seen = 0; seen < 2000;) {
        const auto space = buffer.space();
        const auto n = recv(pair.right.get(), space.data(), space.size(), 0);
        ASSERT_GT(n, 0);
        buffer.filled(static_cast<std::size_t>(n));
        for (auto frame = buffer.next(); *frame; frame = buffer.next(), ++seen) {
            const auto id = (*frame)->header.id;
            EXPECT_EQ(id % 1000, next[id / 1000]++);
            ASSERT_EQ((*frame)->message.size(), id % 1000 % 60);
        }
    }
    for (auto& thread : threads)
        thread.join();
}

}  // namespace
}  // namespace signet::frames
