// What a ceremony leaves behind: every step, who was present, hashes, key attributes as the token reports them.
//
// A JSON file {"transcript": …, "sha256": …, "words": …, "proof": …}. The SHA-256 is over the member `transcript` as compact
// JSON, members in their order. It stands in a record of the audit chain (`ceremony.transcript`), and the audit key signed
// the chain's head right after: `proof` holds the records from that one to the head, the hash before them, the signed
// checkpoint and the audit key's public part. So the audit key signs it without ever signing anything but checkpoints.
#pragma once

#include <boost/json/fwd.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "daemon/ctl/ceremony/journal.h"
#include "daemon/ctl/ceremony/plan.h"
#include "daemon/ctl/ceremony/site.h"
#include "daemon/ctl/offline.h"
#include "hsm/pki/public_key.h"

namespace signet::ctl::ceremony {

// For the journal: what the token says of itself, and of a key: attributes, fingerprint of the public key or check value.
Result<boost::json::object> token_facts(TokenInterface& token);
Result<boost::json::object> key_facts(TokenInterface& token, const KeyInfo& info);

struct TranscriptParts {
    const Plan& plan;
    const Site& site;
    Journal& journal;
    Offline& place;
};
// Writes the signed transcript to the site's place. Done again after an interruption, it gives the same transcript.
Status sign_transcript(const TranscriptParts& parts);
// Beside it, the same as a page to print; returns the hash as words.
Result<std::string> write_transcript_page(const std::filesystem::path& transcript);

// A hash that the audit chain holds in a record and whose head the audit key signed.
struct ChainProof {
    std::string action;  // of the record
    std::string sha256;  // hex, as its details say
    std::uint64_t sequence = 0;
    std::string signed_at;
    std::string key;  // "audit/1"
    pki::PublicKey public_key;
};
// Appends a record with `sha256` in its details (or finds the one that this request appended before), has the head signed,
// and returns the proof as JSON.
Result<boost::json::object> make_proof(Offline& place, std::string_view action, const std::string& object,
                                       const std::string& sha256);
// Errors: unprocessable, saying what does not hold. `known`: the audit key's public part from elsewhere; without it the one in
// the proof is taken at its word.
Result<ChainProof> check_proof(const boost::json::value& proof, const std::optional<pki::PublicKey>& known);

struct VerifiedTranscript {
    ChainProof proof;
    std::string title;
    std::string file_sha256;
    bool rehearsal = false;
    std::string words;
};
Result<VerifiedTranscript> verify_transcript(const std::filesystem::path& transcript,
                                             const std::optional<pki::PublicKey>& known);

}  // namespace signet::ctl::ceremony
