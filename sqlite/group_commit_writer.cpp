#include "sqlite/group_commit_writer.h"

#include <sqlite3.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "base/log.h"
#include "sqlite/audit_log.h"

namespace signet::sqlite {
namespace {

constexpr auto kBeat = std::chrono::seconds(1);
// One wait for a lock; between two of these the writer shows that it lives.
constexpr auto kLockStep = std::chrono::milliseconds(250);

std::int64_t microseconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start)
        .count();
}

std::size_t bucket_of(std::uint64_t value) {
    const auto index = value <= 1 ? 0 : static_cast<std::size_t>(std::bit_width(value - 1));
    return std::min(index, WriterStatistics::kBuckets - 1);
}

std::unexpected<Error> stopped() {
    return fail(ErrorCode::cancelled, "the appliance is stopping; try again when it is back");
}

// The failure of a batch as each piece of work in it is told.
Error told_to_all(const Error& error) {
    if (error.code == ErrorCode::storage_full || error.code == ErrorCode::storage_failed) return error;
    return Error{ErrorCode::storage_failed, "the database failed; see the log",
                 error.message + "; " + error.detail};
}

}  // namespace

GroupCommitWriter::GroupCommitWriter(Options options, Connection connection, const Clock& clock)
    : options_(options), clock_(clock), connection_(std::move(connection)) {}

Result<std::unique_ptr<GroupCommitWriter>> GroupCommitWriter::make(Options options, Connection connection,
                                                                   const Clock& clock) {
    std::unique_ptr<GroupCommitWriter> writer(new GroupCommitWriter(options, std::move(connection), clock));
    SIGNET_ASSIGN(auto insert,
                  writer->connection_.prepare(
                      "INSERT INTO audit_records (sequence, time_ms, request_id, principal, action, object, "
                      "outcome, details, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"));
    insert.by_reference();
    writer->insert_ = std::move(insert);
    SIGNET_ASSIGN(auto version, writer->connection_.prepare("PRAGMA data_version"));
    writer->data_version_ = std::move(version);
    SIGNET_TRY(writer->reload_head());
    sqlite3_busy_timeout(writer->connection_.handle(), static_cast<int>(kLockStep.count()));
    writer->beat();
    writer->thread_ = std::thread([raw = writer.get()] { raw->loop(); });
    writer->thread_id_ = writer->thread_.get_id();
    return writer;
}

GroupCommitWriter::~GroupCommitWriter() {
    stop();
}

void GroupCommitWriter::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        wake_.notify_one();
    }
    const std::lock_guard lock(join_mutex_);
    if (thread_.joinable()) thread_.join();
}

Status GroupCommitWriter::run(Work work) {
    if (std::this_thread::get_id() == thread_id_)
        return fail(ErrorCode::internal, "the database failed; see the log",
                    "Writer::run called on the writer thread");
    std::mutex mutex;
    std::condition_variable told;
    std::optional<Status> answer;
    run_async(std::move(work), [&](Status status) {
        const std::lock_guard lock(mutex);
        answer = std::move(status);
        told.notify_one();
    });
    std::unique_lock lock(mutex);
    told.wait(lock, [&] { return answer.has_value(); });
    return *std::move(answer);
}

void GroupCommitWriter::run_async(Work work, std::function<void(Status)> done) {
    Item item;
    item.work = std::move(work);
    item.work_done = std::move(done);
    enqueue(std::move(item));
}

void GroupCommitWriter::append_async(AuditRecord record, std::function<void(Result<std::uint64_t>)> done) {
    if (auto checked = check_record(record); !checked)
        return done(std::unexpected(std::move(checked).error()));
    Item item;
    item.record = std::move(record);
    item.append_done = std::move(done);
    enqueue(std::move(item));
}

void GroupCommitWriter::enqueue(Item item) {
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) {
            item.result = stopped();
        } else if (waiting_.load(std::memory_order_relaxed) >= options_.queue_limit) {
            ++statistics_.refused;
            item.result = std::unexpected(Error{ErrorCode::overloaded,
                                                "too many requests wait for the database; try again",
                                                "the writer's queue is full", std::chrono::seconds(1)});
        } else {
            waiting_.fetch_add(1, std::memory_order_relaxed);
            queue_.push_back(std::move(item));
            if (idle_) wake_.notify_one();
            return;
        }
    }
    answer(item);
}

void GroupCommitWriter::answer(Item& item) {
    try {
        if (item.append_done) {
            item.append_done(std::move(item.result));
        } else if (item.work_done) {
            if (item.result)
                item.work_done({});
            else
                item.work_done(std::unexpected(std::move(item.result).error()));
        }
    } catch (...) {
        log::error("sqlite.writer.callback", "a completion threw an exception; it was dropped");
    }
}

void GroupCommitWriter::beat() {
    heartbeat_.store(std::chrono::steady_clock::now().time_since_epoch().count(), std::memory_order_relaxed);
}

void GroupCommitWriter::loop() {
    std::vector<Item> taken;
    while (true) {
        {
            std::unique_lock lock(mutex_);
            if (queue_.empty() && !stopping_) {
                idle_ = true;
                wake_.wait_for(lock, kBeat);
                idle_ = false;
            }
            beat();
            if (queue_.empty()) {
                if (stopping_) return;
                continue;
            }
            taken.swap(queue_);
        }
        for (std::span<Item> rest(taken); !rest.empty();) {
            const auto size = std::min(rest.size(), std::max<std::size_t>(1, options_.batch_limit));
            process(rest.first(size));
            rest = rest.subspan(size);
        }
        taken.clear();
    }
}

void GroupCommitWriter::process(std::span<Item> batch) {
    beat();
    waiting_.fetch_sub(batch.size(), std::memory_order_relaxed);
    const auto status = write(batch);
    if (!status) {
        if (connection_.in_transaction()) (void)connection_.run("ROLLBACK");
        (void)connection_.take_severe_error();
        // Whether a COMMIT that failed reached the disk is known to the disk only.
        head_known_ = false;
        (void)reload_head();
        for (auto& item : batch)
            item.result = std::unexpected(told_to_all(status.error()));
    }
    bool was_healthy = true;
    {
        const std::lock_guard lock(mutex_);
        was_healthy = statistics_.healthy;
        statistics_.pieces += batch.size();
        statistics_.failed += static_cast<std::uint64_t>(
            std::ranges::count_if(batch, [](const Item& item) { return !item.result.has_value(); }));
        statistics_.healthy = status.has_value();
        if (!status) ++statistics_.failed_batches;
        if (head_known_) head_ = working_head_;
    }
    // Once, however long it lasts: a full disk fails each request, and the log may be on the same disk.
    if (was_healthy && !status)
        log::error("sqlite.writer.failed", "the database takes no more writes",
                   {{"code", std::string(to_string(status.error().code))}, {"error", status.error().detail}});
    if (!was_healthy && status) log::info("sqlite.writer.recovered", "the database takes writes again");
    for (auto& item : batch)
        answer(item);
}

Status GroupCommitWriter::write(std::span<Item> batch) {
    SIGNET_TRY(begin());
    batch_time_ms_ = to_unix_ms(clock_.now());
    for (auto& item : batch) {
        run_piece(item);
        // The piece may have swallowed it, or SQLite may have rolled everything back already.
        if (auto severe = connection_.take_severe_error()) return std::unexpected(*std::move(severe));
        if (!connection_.in_transaction())
            return fail(ErrorCode::storage_failed, "the database failed; see the log",
                        "the transaction is gone");
    }
    return commit(batch.size());
}

Status GroupCommitWriter::begin() {
    const auto start = std::chrono::steady_clock::now();
    while (true) {
        const auto begun = connection_.run("BEGIN IMMEDIATE");
        if (begun) break;
        if ((sqlite3_errcode(connection_.handle()) & 0xFF) != SQLITE_BUSY) return begun;
        if (std::chrono::steady_clock::now() - start >= options_.lock_timeout) return begun;
        beat();
    }
    // Another connection wrote (an offline command): the chain may have grown.
    SIGNET_ASSIGN(const bool row, data_version_->step());
    const auto version = row ? data_version_->integer(0) : -1;
    data_version_->reset();
    if (version != seen_version_ || !head_known_) {
        SIGNET_TRY(reload_head());
        seen_version_ = version;
    }
    return {};
}

Status GroupCommitWriter::commit(std::size_t pieces) {
    const auto start = std::chrono::steady_clock::now();
    SIGNET_TRY(connection_.run("COMMIT"));
    const auto took = static_cast<std::uint64_t>(microseconds_since(start));
    const std::lock_guard lock(mutex_);
    ++statistics_.commits;
    statistics_.batch_size_total += pieces;
    ++statistics_.batch_sizes[bucket_of(pieces)];
    statistics_.commit_us_total += took;
    ++statistics_.commit_us[bucket_of((took + 15) / 16)];
    return {};
}

Status GroupCommitWriter::reload_head() {
    SIGNET_ASSIGN(working_head_, audit_log::head(connection_));
    head_known_ = true;
    const std::lock_guard lock(mutex_);
    if (!connection_.in_transaction()) head_ = working_head_;
    return {};
}

void GroupCommitWriter::run_piece(Item& item) {
    if (!item.work) {
        item.result = insert(item.record);
        return;
    }
    const auto head = working_head_;
    if (auto status = run_in_savepoint(item.work); !status) {
        working_head_ = head;
        item.result = std::unexpected(std::move(status).error());
    }
}

Status GroupCommitWriter::run_in_savepoint(const Work& work) {
    SIGNET_TRY(connection_.run("SAVEPOINT piece"));
    Status status;
    try {
        status = work(*this);
    } catch (const std::exception& exception) {
        status = fail(ErrorCode::internal, "an internal error; see the log",
                      std::string("work threw: ") + exception.what());
    } catch (...) {
        status =
            fail(ErrorCode::internal, "an internal error; see the log", "work threw an unknown exception");
    }
    if (status) status = connection_.run("RELEASE piece");
    if (!status && connection_.in_transaction()) {
        // A statement that is left open would keep the savepoint from going.
        if (auto undone = connection_.execute("ROLLBACK TO piece; RELEASE piece"); !undone) {
            (void)connection_.run("ROLLBACK");
        }
    }
    return status;
}

Result<std::uint64_t> GroupCommitWriter::audit(const AuditRecord& record) {
    SIGNET_TRY(check_record(record));
    AuditRecord copy = record;
    return insert(copy);
}

Result<std::uint64_t> GroupCommitWriter::insert(AuditRecord& record) {
    record.sequence = working_head_.sequence + 1;
    if (record.time_ms == 0) record.time_ms = batch_time_ms_;
    const auto hash = chain_hash(working_head_.hash, record);
    const auto done =
        insert_
            ->bind_all(record.sequence, record.time_ms, record.request_id, record.principal, record.action,
                       record.object, record.outcome, record.details, ByteView(hash))
            .run();
    insert_->reset();
    if (!done) {
        auto error = done.error();
        // Somebody else took the number: the head is not what this process thinks.
        if (error.code == ErrorCode::already_exists) error.code = ErrorCode::storage_failed;
        return std::unexpected(std::move(error));
    }
    working_head_ = {record.sequence, hash};
    return record.sequence;
}

WriterStatistics GroupCommitWriter::statistics() const {
    const std::lock_guard lock(mutex_);
    auto copy = statistics_;
    copy.depth = waiting_.load(std::memory_order_relaxed);
    return copy;
}

SteadyTime GroupCommitWriter::heartbeat() const {
    return SteadyTime{SteadyTime::duration{heartbeat_.load(std::memory_order_relaxed)}};
}

ChainHead GroupCommitWriter::head() const {
    const std::lock_guard lock(mutex_);
    return head_;
}

}  // namespace signet::sqlite
