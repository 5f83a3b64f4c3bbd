// Keys that come in thousands: made in the token, kept in the database as blobs under a token key.
//
// A handler makes one before its transaction and inserts the row in it, beside the state the key belongs to and the audit
// record; a key whose row was never committed is gone. For use, the row becomes a KeySelector for TokenInterface.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "daemon/service/caller.h"
#include "daemon/service/keys.h"
#include "hsm/frames/token_interface.h"
#include "sqlite/read_pool.h"
#include "sqlite/wrapped_key_store.h"
#include "sqlite/writer.h"

namespace signet::service {

// The row as the token takes it. Error: internal (the row names an algorithm this version does not know).
Result<WrappedKey> to_wrapped_key(const sqlite::StoredWrappedKey& row);
sqlite::StoredWrappedKey to_row(const WrappedKey& key, Bytes public_key, SystemTime created);

class WrappedKeys {
  public:
    struct Parts {
        TokenInterface& token;
        const Keys& keys;
        sqlite::Writer& writer;
        sqlite::ReadPool& readers;
        const Clock& clock;
        std::string wrap_key;  // labels, as signetd.yaml names them
        std::string bind_key;
    };
    explicit WrappedKeys(Parts parts) : parts_(std::move(parts)) {}

    // The active versions of the two keys that a new wrapped key is put under. Errors: not_found, conflict (no active
    // version), token_unavailable.
    struct Under {
        KeyId wrapping_key;
        KeyId binding_key;
    };
    Result<Under> under() const;

    // Makes one in the token; the row is for wrapped_key_store::insert in the caller's transaction. Errors: the token's, and
    // those of `under`.
    Result<sqlite::StoredWrappedKey> generate(KeyBinding binding, Deadline deadline);

    // The newest version of an owner's key. Error: not_found.
    Result<WrappedKey> latest(std::string_view owner, std::string_view key_class, std::uint32_t index) const;

    // Puts at most `limit` keys that are still under an older version of the wrapping key under its active one; returns how
    // many went. One audit record a batch. Called in the background after a rotation.
    Result<std::size_t> rewrap_some(const Caller& caller, std::size_t limit);

  private:
    Parts parts_;
};

}  // namespace signet::service
