// What the number of users costs: microseconds of the database for finding a user with its keys, for a new one, for a new
// transaction, its confirmation and the check of an independent code, each with its event, with 1,000 users (and a transaction
// of each) in the database and with more. The token's part does not know how many there are. No test: it prints numbers.
// Usage: paycontrol_users_bench [DIRECTORY [USERS]]
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/random.h"
#include "sqlite/connection.h"
#include "sqlite/migrations.h"
#include "sqlite/paycontrol_event_store.h"
#include "sqlite/paycontrol_system_store.h"
#include "sqlite/paycontrol_transaction_store.h"
#include "sqlite/paycontrol_user_store.h"
#include "sqlite/wrapped_key_store.h"
#include "sqlite/writer.h"

namespace {

using namespace signet;
using namespace signet::sqlite;

constexpr std::string_view kSystem = "bench";

// Outside of the writer: nothing here needs its durability, and a million commits would take hours.
class Bare final : public Transaction {
  public:
    explicit Bare(Connection& db) : db_(db) {}
    Connection& db() override { return db_; }
    Result<std::uint64_t> audit(const AuditRecord&) override { return 0; }

  private:
    Connection& db_;
};

std::string id_of(std::uint64_t number) {
    // Spread as UUIDs are: neighbours in time are no neighbours in the index.
    const auto mixed = number * 0x9E3779B97F4A7C15ULL;
    return "user-" + std::to_string(mixed) + "-" + std::to_string(number);
}

Status add(Transaction& t, std::uint64_t number) {
    PayControlUser user;
    user.user_id = id_of(number);
    user.system_id = kSystem;
    SIGNET_ASSIGN(user.number, paycontrol_user_store::insert(t, user));
    PayControlKey key;
    key.user = user.number;
    SIGNET_ASSIGN(key.key_id, paycontrol_user_store::insert_key(t, key));
    user.active_key = key.key_id;
    SIGNET_TRY(paycontrol_user_store::update(t, user));
    SIGNET_TRY(paycontrol_user_store::set_public_key(t, {.key_id = key.key_id, .spki = Bytes(91, 7)}));
    for (const auto* name : {"paycontrol.user.k1", "paycontrol.user.k2"})
        SIGNET_TRY(wrapped_key_store::insert(t, {.owner = "paycontrol:bench:" + user.user_id,
                                                 .key_class = name,
                                                 .index = 1,
                                                 .algorithm = "hmac-256",
                                                 .wrapping_label = "wrap",
                                                 .binding_label = "bind",
                                                 .blob = Bytes(40, 1),
                                                 .mac = Bytes(32, 2)}));
    return {};
}

Status find(Connection& db, std::uint64_t number) {
    const auto id = id_of(number);
    SIGNET_TRY(paycontrol_system_store::find(db, kSystem));
    SIGNET_ASSIGN(const auto user, paycontrol_user_store::find(db, id));
    if (!user) return fail(ErrorCode::not_found, id);
    SIGNET_TRY(paycontrol_user_store::find_key(db, user->active_key));
    SIGNET_TRY(paycontrol_user_store::public_key(db, user->active_key, false));
    for (const auto* name : {"paycontrol.user.k1", "paycontrol.user.k2"})
        SIGNET_TRY(wrapped_key_store::find(db, "paycontrol:bench:" + id, name, 1, 1));
    return {};
}

PcTransaction transaction_of(std::uint64_t user, std::string_view id) {
    PcTransaction out;
    out.transaction_id = id;
    out.system_id = kSystem;
    out.user_id = id_of(user);
    out.text = "Money transfer to account 213154254, amount 12 000";
    out.data_hash = Bytes(32, 3);
    out.code_length = 8;
    out.created = from_unix_ms(1'700'000'000'000);
    return out;
}

Status leave_event(Transaction& t, std::uint64_t user, const std::string& type) {
    PcEvent event;
    event.system_id = kSystem;
    event.user_id = id_of(user);
    event.request_type = type;
    event.created = event.updated = from_unix_ms(1'700'000'000'000);
    SIGNET_ASSIGN(event.event_id, paycontrol_event_store::insert(t, event));
    return paycontrol_event_store::complete(t, event);
}

Status create(Transaction& t, std::uint64_t user, const std::string& id) {
    SIGNET_TRY(leave_event(t, user, "create_transaction"));
    SIGNET_TRY(paycontrol_transaction_store::insert(t, transaction_of(user, id)));
    return {};
}

Status confirm(Transaction& t, std::uint64_t user, const std::string& id) {
    namespace store = paycontrol_transaction_store;
    SIGNET_TRY(find(t.db(), user));
    SIGNET_ASSIGN(const auto found, store::find(t.db(), kSystem, id_of(user), id));
    if (!found) return fail(ErrorCode::not_found, id);
    SIGNET_TRY(leave_event(t, user, "confirm_transaction"));
    SIGNET_ASSIGN(const bool ended, store::finish(t, *found, {}, found->created));
    if (!ended) return fail(ErrorCode::conflict, id);
    SIGNET_TRY(store::insert_attempt(t, {.transaction = found->id, .confirm_code = "12345678"}));
    return {};
}

Status check_code(Transaction& t, std::uint64_t user) {
    SIGNET_TRY(find(t.db(), user));
    const auto scope = sha256(as_bytes(id_of(user)));
    SIGNET_TRY(paycontrol_transaction_store::wrong_codes(t.db(), scope, from_unix_ms(0)));
    return leave_event(t, user, "check_confirm_code");
}

template <class Work>
double microseconds(std::uint64_t rounds, Work work) {
    const auto begin = std::chrono::steady_clock::now();
    for (std::uint64_t i = 0; i < rounds; ++i)
        work(i);
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begin;
    return took.count() / static_cast<double>(rounds);
}

void must(const Status& status) {
    if (status) return;
    std::printf("%s\n", status.error().message.c_str());
    std::exit(1);
}

}  // namespace

int main(int count, char** words) {
    const std::filesystem::path directory = count > 1 ? words[1] : "/tmp";
    const std::uint64_t most = count > 2 ? std::stoull(words[2]) : 1'000'000;
    const auto path = directory / ("bench-" + random_id() + ".db");
    const SystemClock clock;
    auto opened = Connection::open(path, Connection::Mode::create);
    if (!opened || !migrate(*opened, all_migrations(), clock)) return 1;
    auto& db = *opened;
    Bare bare(db);
    must(paycontrol_system_store::insert(bare, {.system_id = std::string(kSystem), .name = "bench"}));
    std::mt19937_64 random(7);
    std::uint64_t users = 0;
    for (const auto target : {std::uint64_t{1'000}, most}) {
        while (users < target) {
            auto transaction = ScopedTransaction::begin(db, ScopedTransaction::Kind::write);
            if (!transaction) return 1;
            for (int i = 0; i < 20'000 && users < target; ++i) {
                must(create(bare, users, "t-" + id_of(users)));
                must(add(bare, users++));
            }
            must(transaction->commit());
        }
        constexpr std::uint64_t kRounds = 20'000;
        const auto reading = microseconds(kRounds, [&](std::uint64_t) { must(find(db, random() % users)); });
        double writing = 0;
        double creating = 0;
        double confirming = 0;
        double checking = 0;
        {
            const auto rolled_back = ScopedTransaction::begin(db, ScopedTransaction::Kind::write);
            if (!rolled_back) return 1;
            writing = microseconds(kRounds, [&](std::uint64_t i) { must(add(bare, most + users + i)); });
            std::vector<std::uint64_t> owners;
            creating = microseconds(kRounds, [&](std::uint64_t i) {
                owners.push_back(random() % users);
                must(create(bare, owners.back(), "new-" + std::to_string(i)));
            });
            confirming = microseconds(kRounds, [&](std::uint64_t i) {
                must(confirm(bare, owners[i], "new-" + std::to_string(i)));
            });
            checking =
                microseconds(kRounds, [&](std::uint64_t) { must(check_code(bare, random() % users)); });
        }
        std::printf(
            "%9llu users: find %6.1f us, create %6.1f us; transaction: create %6.1f us, confirm %6.1f us; "
            "code check %6.1f us\n",
            static_cast<unsigned long long>(users), reading, writing, creating, confirming, checking);
    }
    for (const auto* suffix : {"", "-wal", "-shm"})
        std::filesystem::remove(path.string() + suffix);
    return 0;
}
