// What breaks while requests are under way, and what must still be true afterwards.
#include <sys/mount.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <functional>
#include <mutex>
#include <set>
#include <thread>

#include "tests/api/json.h"

namespace signet::testing {
namespace {

// A few connections that sign without pause and remember which records they were told of.
class SigningLoad {
  public:
    explicit SigningLoad(const Appliance& appliance, int connections = 4) {
        for (int i = 0; i < connections; ++i)
            threads_.emplace_back([this, &appliance] { run(appliance.api_socket()); });
    }
    ~SigningLoad() { stop(); }
    void stop() {
        stopping_ = true;
        for (auto& thread : threads_) {
            if (thread.joinable()) thread.join();
        }
    }
    std::uint64_t signatures() const { return signatures_; }
    std::uint64_t failures() const { return failures_; }
    bool wait_for_signatures(std::uint64_t more) const {
        const auto target = signatures_ + more;
        return eventually([&] { return signatures_ >= target; });
    }
    std::set<std::uint64_t> acknowledged() {
        const std::lock_guard lock(mutex_);
        return acknowledged_;
    }
    std::map<long, std::uint64_t> statuses() {
        const std::lock_guard lock(mutex_);
        return statuses_;
    }

  private:
    void run(const std::filesystem::path& socket) {
        auto connection = std::make_unique<HttpConnection>(socket);
        while (!stopping_) {
            const auto answer = connection->send({.verb = "POST",
                                                  .target = "/v1/keys/document.ec/sign",
                                                  .body = sign_body("ES256", "load"),
                                                  .time_limit = std::chrono::seconds(30)});
            boost::system::error_code error;
            const auto body = answer.status == 200 ? json::parse(answer.body, error) : json::value();
            {
                const std::lock_guard lock(mutex_);
                ++statuses_[answer.status];
                if (answer.status == 200 && !error) acknowledged_.insert(number(body, "audit"));
            }
            if (answer.status == 200) {
                ++signatures_;
            } else {
                ++failures_;
                if (answer.status == 0) connection = std::make_unique<HttpConnection>(socket);
                std::this_thread::sleep_for(std::chrono::milliseconds(5));
            }
        }
    }

    std::atomic<bool> stopping_{false};
    std::atomic<std::uint64_t> signatures_{0};
    std::atomic<std::uint64_t> failures_{0};
    std::mutex mutex_;
    std::set<std::uint64_t> acknowledged_;
    std::map<long, std::uint64_t> statuses_;
    std::vector<std::thread> threads_;
};

// Every failure is one a client can act on: retryable, never a made-up answer. 0 is a connection that went away.
void expect_only(SigningLoad& load, const std::set<long>& statuses) {
    for (const auto& [status, count] : load.statuses())
        EXPECT_TRUE(statuses.contains(status)) << status << ", " << count << " times";
}

void expect_whole_chain(const Appliance& appliance) {
    const auto verified = appliance.ctl({"--json", "audit", "verify"});
    EXPECT_EQ(verified.code, 0) << verified.output;
    EXPECT_EQ(text(parse_json(verified.output), "ok"), "true") << verified.output;
}

TEST(Fault, AKilledWorkerIsReplacedUnderLoad) {
    Appliance appliance;
    SigningLoad load(appliance);
    ASSERT_TRUE(load.wait_for_signatures(50));
    for (int round = 0; round < 3; ++round) {
        const auto worker = appliance.worker_pid();
        ASSERT_GT(worker, 0);
        ::kill(worker, SIGKILL);
        EXPECT_TRUE(eventually([&] {
            const auto next = appliance.worker_pid();
            return next > 0 && next != worker;
        }));
        EXPECT_TRUE(load.wait_for_signatures(50));
    }
    load.stop();
    expect_only(load, {200, 503, 504});
    expect_whole_chain(appliance);
}

// A module that hangs cannot be told from a stopped process: SIGSTOP stands in for it.
TEST(Fault, AHungWorkerIsKilledAndReplacedUnderLoad) {
    Appliance appliance({.start = false});
    appliance.edit("token.yaml", "request_deadline: 10s", "request_deadline: 1s");
    appliance.start();
    SigningLoad load(appliance);
    ASSERT_TRUE(load.wait_for_signatures(50));
    const auto worker = appliance.worker_pid();
    ASSERT_GT(worker, 0);
    ::kill(worker, SIGSTOP);
    EXPECT_TRUE(eventually([&] {
        const auto next = appliance.worker_pid();
        return next > 0 && next != worker && !process_alive(worker);
    }));
    EXPECT_TRUE(load.wait_for_signatures(50));
    load.stop();
    expect_only(load, {200, 503, 504});
    expect_whole_chain(appliance);
}

TEST(Fault, AFullDiskStopsSigningAndNothingElse) {
    Appliance appliance({.start = false});
    // A file system of the database's own; only root may make one, and not in every container.
    const auto data = appliance.path("data");
    const auto saved = appliance.scratch("data");
    std::filesystem::rename(data, saved);
    std::filesystem::create_directory(data);
    if (mount("tmpfs", data.c_str(), "tmpfs", 0, "size=8m,mode=0777") != 0)
        GTEST_SKIP() << "no file system can be mounted here";
    const std::unique_ptr<void, std::function<void(void*)>> unmounted(
        &appliance, [&](void*) { umount2(data.c_str(), MNT_DETACH); });
    std::filesystem::copy(saved, data, std::filesystem::copy_options::recursive);
    for (const auto& entry : std::filesystem::directory_iterator(data))
        ASSERT_EQ(chown(entry.path().c_str(), *service_user(), *service_user()), 0);
    appliance.edit("signetd.yaml", "free_disk: 64MiB", "free_disk: 1MiB");
    appliance.start();

    SigningLoad load(appliance);
    ASSERT_TRUE(load.wait_for_signatures(50));
    {
        std::ofstream filler(data / "filler");
        const std::string block(65536, 'x');
        while (filler.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
        }
    }
    EXPECT_TRUE(eventually([&] {
        const auto answer = appliance.post("/v1/keys/document.ec/sign", sign_body("ES256", "x"));
        return answer.status == 503 && answer.body.find("storage_full") != std::string::npos;
    }));
    EXPECT_EQ(appliance.get("/v1/health/live").status, 200);
    EXPECT_TRUE(eventually([&] { return appliance.get("/v1/health/ready").status == 503; }));

    std::filesystem::remove(data / "filler");
    EXPECT_TRUE(appliance.ready());
    EXPECT_TRUE(load.wait_for_signatures(50));
    load.stop();
    expect_only(load, {200, 503});
    expect_whole_chain(appliance);
    const auto head = parse_json(appliance.ctl({"--json", "audit", "verify"}).output);
    for (const auto sequence : load.acknowledged())
        EXPECT_LE(sequence, number(head.at("head"), "sequence"));

    // And it ends in good order while the disk is full.
    std::ofstream filler(data / "filler");
    const std::string block(65536, 'x');
    while (filler.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
    }
    EXPECT_TRUE(appliance.stop().has_value());
}

TEST(Fault, AKilledSupervisorIsReplaced) {
    Appliance appliance;
    const auto supervisor = appliance.supervisor_pid();
    ASSERT_GT(supervisor, 0);  // kill(0) would end this very test
    ::kill(supervisor, SIGKILL);
    EXPECT_TRUE(eventually(
        [&] { return appliance.post("/v1/keys/document.ec/sign", sign_body("ES256", "x")).status == 200; }));
    EXPECT_TRUE(appliance.daemon_running());
}

TEST(Fault, AcknowledgedSignaturesSurviveAKilledDaemon) {
    Appliance appliance;
    std::set<std::uint64_t> acknowledged;
    for (int round = 0; round < 3; ++round) {
        SigningLoad load(appliance);
        ASSERT_TRUE(load.wait_for_signatures(100));
        appliance.kill_daemon();
        load.stop();
        acknowledged.merge(load.acknowledged());
        appliance.start();
    }
    expect_whole_chain(appliance);
    // Every record that a client was told of is there, and says so.
    const auto exported = appliance.scratch("export.jsonl");
    ASSERT_EQ(appliance.ctl({"audit", "export", exported.string()}).code, 0);
    std::set<std::uint64_t> stored;
    for (std::uint64_t after = 0;;) {
        const auto page = parse_json(appliance.get("/v1/audit?after=" + std::to_string(after)).body);
        const auto& records = page.at("records").as_array();
        if (records.empty()) break;
        for (const auto& record : records) {
            after = number(record, "seq");
            if (text(record, "action") == "keys.sign" && text(record, "outcome") == "ok")
                stored.insert(after);
        }
    }
    for (const auto sequence : acknowledged)
        EXPECT_TRUE(stored.contains(sequence)) << sequence;
    EXPECT_GE(acknowledged.size(), 300U);
}

TEST(Fault, TheTokenDirectoryGoesAndComesBack) {
    Appliance appliance;
    SigningLoad load(appliance);
    ASSERT_TRUE(load.wait_for_signatures(50));
    std::filesystem::rename(appliance.path("tokens"), appliance.path("tokens.away"));
    EXPECT_TRUE(eventually([&] { return appliance.get("/v1/health/ready").status == 503; },
                           std::chrono::seconds(60)));
    EXPECT_EQ(appliance.get("/v1/health/live").status, 200);
    std::filesystem::rename(appliance.path("tokens.away"), appliance.path("tokens"));
    EXPECT_TRUE(appliance.ready(std::chrono::seconds(60)));
    EXPECT_TRUE(load.wait_for_signatures(50));
    load.stop();
    expect_only(load, {200, 404, 422, 503, 504});
    expect_whole_chain(appliance);
}

TEST(Fault, SigtermDrainsWhatIsUnderWay) {
    Appliance appliance;
    SigningLoad load(appliance);
    ASSERT_TRUE(load.wait_for_signatures(50));
    const auto supervisor = appliance.supervisor_pid();
    EXPECT_EQ(appliance.stop(), 0);
    load.stop();
    expect_only(load, {0, 200, 503});
    EXPECT_TRUE(eventually([&] { return !process_alive(supervisor); }));
    EXPECT_FALSE(std::filesystem::exists(appliance.api_socket()));
    appliance.start();
    expect_whole_chain(appliance);
}

}  // namespace
}  // namespace signet::testing
