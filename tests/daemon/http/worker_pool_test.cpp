#include "daemon/http/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>
#include <set>

namespace signet::http {
namespace {

TEST(WorkerPool, RunsEverything) {
    std::atomic<int> done{0};
    {
        WorkerPool pool(4, 1000);
        for (int i = 0; i < 500; ++i)
            ASSERT_TRUE(pool.submit([&] { ++done; }));
    }
    EXPECT_EQ(done, 500);
}

TEST(WorkerPool, RefusesWhatDoesNotFit) {
    WorkerPool pool(2, 3);
    std::promise<void> release;
    auto gate = release.get_future().share();
    std::latch running(2);
    std::atomic<int> done{0};
    for (int i = 0; i < 2; ++i)
        ASSERT_TRUE(pool.submit([&] {
            running.count_down();
            gate.wait();
            ++done;
        }));
    running.wait();
    for (int i = 0; i < 3; ++i)
        ASSERT_TRUE(pool.submit([&] { ++done; }));
    EXPECT_EQ(pool.load().running, 2U);
    EXPECT_EQ(pool.load().waiting, 3U);
    WorkerPool::Task task = [&] { ++done; };
    EXPECT_FALSE(pool.submit(task));
    EXPECT_TRUE(task);  // untouched
    release.set_value();
    pool.stop();
    EXPECT_EQ(done, 5);
    EXPECT_FALSE(pool.submit([] {}));
}

TEST(WorkerPool, AFreeThreadNeedsNoQueue) {
    WorkerPool pool(1, 0);
    std::promise<void> release;
    std::latch running(1);
    ASSERT_TRUE(pool.submit([&, gate = release.get_future().share()] {
        running.count_down();
        gate.wait();
    }));
    running.wait();
    EXPECT_FALSE(pool.submit([] {}));
    release.set_value();
}

TEST(WorkerPool, ManyProducersLoseNothing) {
    std::atomic<int> done{0};
    std::atomic<int> taken{0};
    {
        WorkerPool pool(3, 16);
        std::vector<std::thread> producers;
        for (int p = 0; p < 4; ++p)
            producers.emplace_back([&] {
                for (int i = 0; i < 2000; ++i) {
                    if (pool.submit([&] { ++done; }))
                        ++taken;
                    else
                        std::this_thread::yield();
                }
            });
        for (auto& producer : producers)
            producer.join();
    }
    EXPECT_EQ(done, taken);
    EXPECT_GT(done, 0);
}

}  // namespace
}  // namespace signet::http
