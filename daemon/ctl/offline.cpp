#include "daemon/ctl/offline.h"

#include <optional>
#include <thread>

#include "daemon/ctl/token_process.h"
#include "sqlite/database_lock.h"
#include "sqlite/migrations.h"

namespace signet::ctl {

using std::chrono::seconds;

struct Offline::Parts {
    config::Config config;
    Options options;
    SystemClock clock;
    std::optional<sqlite::DatabaseLock> lock;
    std::optional<TokenProcess> own_process;
    std::unique_ptr<TokenClient> running;
    std::unique_ptr<sqlite::Writer> writer;
    std::optional<sqlite::ReadPool> readers;
    std::unique_ptr<provider::LibraryContext> library;
    std::unique_ptr<service::Keys> keys;
    std::unique_ptr<service::Audit> audit;

    TokenClient& token() { return own_process ? own_process->token() : *running; }
    Status open_token() {
        const auto file =
            config.token.config.empty() ? config.file.parent_path() / "token.yaml" : config.token.config;
        const auto unlock = [&]() -> Result<bool> {
            return options.unlock ? options.unlock(file) : Result<bool>(false);
        };
        running = TokenClient::create({.socket = config.token.socket});
        auto status = running->status(Deadline::in(seconds(5)));
        if (!status) {
            SIGNET_ASSIGN(const bool unlocked, unlock());
            const auto end = std::chrono::steady_clock::now() + seconds(60);
            while (unlocked && !status && std::chrono::steady_clock::now() < end) {
                std::this_thread::sleep_for(std::chrono::milliseconds(50));
                status = running->status(Deadline::in(seconds(5)));
            }
        }
        if (status) return {};
        running.reset();
        if (status.error().code == ErrorCode::token_pin) return std::unexpected(status.error());
        SIGNET_ASSIGN(auto process, TokenProcess::start(file, config.token.socket,
                                                        config.file.parent_path() / "state" / "offline.log",
                                                        seconds(60), unlock));
        own_process.emplace(std::move(process));
        return {};
    }
    Status open_state() {
        SIGNET_ASSIGN(lock, sqlite::DatabaseLock::acquire(config.database, options.holder));
        SIGNET_ASSIGN(
            auto connection,
            sqlite::Connection::open(config.database, options.create ? sqlite::Connection::Mode::create
                                                                     : sqlite::Connection::Mode::read_write));
        SIGNET_TRY(sqlite::migrate(connection, sqlite::all_migrations(), clock));
        SIGNET_ASSIGN(writer, sqlite::Writer::start({}, std::move(connection), clock));
        SIGNET_ASSIGN(readers, sqlite::ReadPool::open(config.database, 2));
        return {};
    }
    Status open_services() {
        SIGNET_ASSIGN(library, provider::LibraryContext::create(token(), seconds(60)));
        keys = std::make_unique<service::Keys>(
            service::Keys::Parts{token(),
                                 *writer,
                                 *readers,
                                 clock,
                                 {config.audit.key, config.keys.wrap, config.keys.bind, config.keys.seal}});
        SIGNET_TRY(keys->load());
        SIGNET_TRY(keys->synchronise(Deadline::in(seconds(60))));
        audit = std::make_unique<service::Audit>(
            service::Audit::Parts{token(), *keys, *writer, *readers, clock, config.database,
                                  [] { return std::uint64_t{0}; }},
            service::AuditSettings{config.audit.key, config.audit.checkpoint_every,
                                   config.audit.checkpoint_interval, config.audit.retention,
                                   config.audit.archive});
        audit->compare_with_anchor(Deadline::in(seconds(30)));
        if (const auto trouble = audit->trouble(); !trouble.empty())
            return fail(ErrorCode::failed_precondition, trouble);
        return {};
    }
};

Offline::Offline(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Offline::~Offline() {
    if (parts_->writer) parts_->writer->stop();
}

Result<std::unique_ptr<Offline>> Offline::open(config::Config config, Options options) {
    std::unique_ptr<Offline> offline(new Offline(std::make_unique<Parts>()));
    auto& parts = *offline->parts_;
    parts.config = std::move(config);
    parts.options = std::move(options);
    SIGNET_TRY(parts.open_state());
    SIGNET_TRY(parts.open_token());
    SIGNET_TRY(parts.open_services());
    return offline;
}

const config::Config& Offline::config() const {
    return parts_->config;
}
const Clock& Offline::clock() const {
    return parts_->clock;
}
TokenClient& Offline::token() {
    return parts_->token();
}
provider::LibraryContext& Offline::library() {
    return *parts_->library;
}
sqlite::Writer& Offline::writer() {
    return *parts_->writer;
}
sqlite::ReadPool& Offline::readers() {
    return *parts_->readers;
}
service::Keys& Offline::keys() {
    return *parts_->keys;
}
service::Audit& Offline::audit() {
    return *parts_->audit;
}
service::Caller Offline::caller(seconds time) const {
    return {parts_->options.principal, parts_->options.request_id, Deadline::in(time)};
}

Result<std::uint64_t> Offline::note(std::string_view action, std::string object, std::string outcome,
                                    std::string details) {
    return parts_->writer->append({.request_id = parts_->options.request_id,
                                   .principal = std::string(parts_->options.principal),
                                   .action = std::string(action),
                                   .object = std::move(object),
                                   .outcome = std::move(outcome),
                                   .details = std::move(details)});
}

}  // namespace signet::ctl
