// What custodians' tools and the supervisor say to each other on the custodians' socket: one request, one answer, as often as
// the connection lives. Each message has a length of 4 bytes before it, big-endian, 8 KiB at most.
//
// One share crosses at a time, from a custodian's terminal or to it; signetd never sees this socket.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/secret.h"
#include "hsm/custody/share_set.h"

namespace signet::custody {

inline constexpr std::size_t kMaxMessage = 8192;

enum class Ask : std::uint8_t {
    status = 1,
    give = 2,        // a share: purpose, share, and for a backup key the set's header
    forget = 3,      // shares given so far, a dealing under way, the backup key
    deal = 4,        // purpose, threshold, custodians: makes a new secret and its shares, gives out none yet
    take = 5,        // number: that share, once
    confirm = 6,     // number, and the last three words' bytes: the custodian has it
    finish = 7,      // every share was confirmed: puts the new set into force
    change_pin = 8,  // a new PIN in the PIN's file; not where shares seal it
};

struct Request {
    Ask ask = Ask::status;
    Purpose purpose = Purpose::pin;
    std::uint32_t number = 0;  // of a share; the threshold of a dealing
    std::vector<std::string> custodians{};
    std::string header{};  // of a backup's set
    Share share{};
    Bytes check{};
};

// How a set of shares stands.
struct SetStatus {
    std::string purpose;
    std::string set;  // hex
    std::uint32_t threshold = 0;
    std::vector<std::string> custodians;
    std::vector<std::string> given;  // who gave theirs
    bool operator==(const SetStatus&) const = default;
};
struct DeskStatus {
    bool locked = false;      // the PIN is in shares, and not enough were given
    bool changing = false;    // a PIN change is under way
    bool backup_key = false;  // the worker has it
    std::string last;         // how the last change ended: "ok", or why it failed; empty: none yet
    std::vector<SetStatus> sets;
    std::vector<std::string> undealt;  // custodians of a dealing whose share was not confirmed yet
    bool operator==(const DeskStatus&) const = default;
};

struct Answer {
    DeskStatus status;
    std::string text;  // finish of a backup key: the new set's header
    Share share;       // take
};

Bytes encode(const Request& request);
Result<Request> decode_request(ByteView message);
// An Error or an Answer.
Bytes encode(const Result<Answer>& answer);
Result<Answer> decode_answer(ByteView message);

}  // namespace signet::custody
