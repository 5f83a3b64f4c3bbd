// The Writer: one thread, one transaction for whatever waits.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "sqlite/writer.h"

namespace signet::sqlite {

class GroupCommitWriter final : public Writer, private Transaction {
  public:
    static Result<std::unique_ptr<GroupCommitWriter>> make(Options options, Connection connection,
                                                           const Clock& clock);
    ~GroupCommitWriter() override;

    Status run(Work work) override;
    void run_async(Work work, std::function<void(Status)> done) override;
    void append_async(AuditRecord record, std::function<void(Result<std::uint64_t>)> done) override;
    void stop() override;
    WriterStatistics statistics() const override;
    SteadyTime heartbeat() const override;
    ChainHead head() const override;

  private:
    // Either a record to append (`append_done`) or a piece of work (`work_done`).
    struct Item {
        AuditRecord record;
        std::function<void(Result<std::uint64_t>)> append_done;
        Work work;
        std::function<void(Status)> work_done;
        Result<std::uint64_t> result = 0;
    };

    GroupCommitWriter(Options options, Connection connection, const Clock& clock);

    // Transaction, for the piece of work that runs.
    Connection& db() override { return connection_; }
    Result<std::uint64_t> audit(const AuditRecord& record) override;

    void enqueue(Item item);
    static void answer(Item& item);
    void loop();
    void beat();
    void process(std::span<Item> batch);
    Status write(std::span<Item> batch);
    Status begin();
    Status commit(std::size_t pieces);
    Status reload_head();
    void run_piece(Item& item);
    Status run_in_savepoint(const Work& work);
    // In the transaction that is open; moves the head on.
    Result<std::uint64_t> insert(AuditRecord& record);

    const Options options_;
    const Clock& clock_;
    Connection connection_;            // of the writer thread once it runs
    std::optional<Statement> insert_;  // after connection_, so that it goes first
    std::optional<Statement> data_version_;
    std::int64_t seen_version_ = 0;
    ChainHead working_head_;  // of the open transaction
    bool head_known_ = false;
    std::int64_t batch_time_ms_ = 0;

    mutable std::mutex mutex_;  // over what follows
    std::condition_variable wake_;
    std::vector<Item> queue_;
    bool stopping_ = false;
    bool idle_ = false;
    WriterStatistics statistics_;
    ChainHead head_;

    std::atomic<std::size_t> waiting_{
        0};  // in queue_ and in the part of the last take that has no transaction yet
    std::atomic<SteadyTime::rep> heartbeat_{0};
    std::mutex join_mutex_;
    std::thread thread_;
    std::thread::id thread_id_;
};

}  // namespace signet::sqlite
