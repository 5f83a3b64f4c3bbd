// myPOS stores and their key pairs by key index.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "sqlite/connection.h"
#include "sqlite/writer.h"

namespace signet::sqlite {

// Which end of the protocol we are for a store.
enum class MyposSide : std::uint8_t {
    provider = 1,  // we are myPOS: merchants' messages come in, our answers go out
    merchant = 2,  // we sign a merchant's requests, and check myPOS's answers
};
std::string_view to_string(MyposSide side);
std::optional<MyposSide> mypos_side_from(std::string_view name);

struct MyposStore {
    std::string id{};  // StoreID
    MyposSide side = MyposSide::provider;
    std::string name{};      // for people
    std::string wallet{};    // wallet number
    std::string currency{};  // ISO 4217
    SystemTime created{};
    std::string created_by{};
    std::optional<SystemTime> closed{};
};

enum class MyposKeyState : std::uint8_t {
    active = 1,
    retired = 2,  // signs nothing new; what it covers still verifies
    revoked = 3,
};
std::string_view to_string(MyposKeyState state);

struct MyposKey {
    std::string store{};
    std::uint32_t index = 1;
    MyposKeyState state = MyposKeyState::active;
    Bytes certificate{};  // DER, of our key
    Bytes peer_key{};     // DER SubjectPublicKeyInfo of the other side's; empty until it is known
    SystemTime created{};
    std::string created_by{};
    std::optional<SystemTime> changed{};  // of the state
};

namespace mypos_store {

// Error: already_exists.
Status insert(Transaction& transaction, const MyposStore& store);
Result<std::optional<MyposStore>> find(Connection& db, std::string_view id);
// By id after `after`.
Result<std::vector<MyposStore>> list(Connection& db, std::string_view after, std::size_t limit);
// All its keys become revoked. Error: not_found, also when it is closed already.
Status close(Transaction& transaction, std::string_view id, SystemTime now);

Result<std::uint32_t> next_index(Connection& db, std::string_view store);
// Error: already_exists.
Status insert_key(Transaction& transaction, const MyposKey& key);
Result<std::optional<MyposKey>> find_key(Connection& db, std::string_view store, std::uint32_t index);
Result<std::vector<MyposKey>> keys_of(Connection& db, std::string_view store);
// Error: not_found (no such key, or it is revoked).
Status set_peer_key(Transaction& transaction, std::string_view store, std::uint32_t index, ByteView peer_key);
// Active to retired, either to revoked. Errors: not_found, conflict.
Status set_key_state(Transaction& transaction, std::string_view store, std::uint32_t index,
                     MyposKeyState state, SystemTime now);

}  // namespace mypos_store
}  // namespace signet::sqlite
