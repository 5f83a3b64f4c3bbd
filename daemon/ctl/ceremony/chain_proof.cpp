// A hash in the audit chain, and the proof that it stands there: made offline, checked anywhere.
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "base/encoding.h"
#include "daemon/ctl/ceremony/transcript.h"
#include "daemon/ctl/context.h"
#include "hsm/pki/signature.h"
#include "sqlite/audit_log.h"

namespace signet::ctl::ceremony {
namespace {

namespace json = boost::json;

constexpr std::size_t kMostRecords = 16;

json::object to_json(const sqlite::ChainedRecord& chained) {
    const auto& record = chained.record;
    return {{"seq", record.sequence},        {"time_ms", record.time_ms}, {"request_id", record.request_id},
            {"principal", record.principal}, {"action", record.action},   {"object", record.object},
            {"outcome", record.outcome},     {"details", record.details}, {"hash", to_hex(chained.hash)}};
}

sqlite::AuditRecord record_from(const json::value& value) {
    sqlite::AuditRecord record;
    record.sequence = number_of(value, "seq");
    record.time_ms = static_cast<std::int64_t>(number_of(value, "time_ms"));
    record.request_id = text_of(value, "request_id");
    record.principal = text_of(value, "principal");
    record.action = text_of(value, "action");
    record.object = text_of(value, "object");
    record.outcome = text_of(value, "outcome");
    record.details = text_of(value, "details");
    return record;
}

Result<Sha256> sha256_from(std::string_view hex, std::string_view what) {
    const auto bytes = from_hex(hex);
    Sha256 out{};
    if (!bytes || bytes->size() != out.size())
        return fail(ErrorCode::unprocessable, "the proof has no " + std::string(what));
    std::ranges::copy(*bytes, out.begin());
    return out;
}

std::unexpected<Error> wrong(std::string message) {
    return fail(ErrorCode::unprocessable, std::move(message));
}

const json::value& member(const json::value& value, std::string_view name) {
    static const json::value nothing;
    const auto* object = value.if_object();
    const auto* found = object == nullptr ? nullptr : object->if_contains(name);
    return found == nullptr ? nothing : *found;
}

// The record of an earlier, interrupted try: the same hash of the same request.
Result<std::uint64_t> recorded(Offline& place, std::string_view action, const std::string& details) {
    sqlite::AuditFilter filter;
    filter.action = action;
    filter.request_id = place.caller().request_id;
    std::uint64_t after = 0;
    for (;;) {
        SIGNET_ASSIGN(const auto page, place.audit().read(filter, after, 100));
        for (const auto& [record, hash] : page.records) {
            if (record.details == details) return record.sequence;
        }
        if (!page.more) return 0;
        after = page.next_after;
    }
}

}  // namespace

Result<json::object> make_proof(Offline& place, std::string_view action, const std::string& object,
                                const std::string& sha256) {
    const auto details = R"({"sha256":")" + sha256 + "\"}";
    SIGNET_ASSIGN(auto sequence, recorded(place, action, details));
    const auto head = place.writer().head().sequence;
    // One that is buried under other records by now is repeated: a proof is short.
    if (sequence == 0 || head - sequence >= kMostRecords / 2) {
        SIGNET_ASSIGN(sequence, place.note(action, object, "ok", details));
    }
    SIGNET_ASSIGN(const auto checkpoint, place.audit().checkpoint(Deadline::in(std::chrono::seconds(60))));
    SIGNET_ASSIGN(const auto page, place.audit().read({}, sequence - 1, kMostRecords));
    if (page.records.empty() || page.records.front().record.sequence != sequence)
        return fail(ErrorCode::internal, "the audit chain does not give its own records back");
    Sha256 previous{};
    if (sequence > 1) {
        SIGNET_ASSIGN(const auto db, place.readers().lease());
        SIGNET_ASSIGN(const auto before, sqlite::audit_log::find(*db, sequence - 1));
        if (before) {
            previous = before->hash;
        } else {
            SIGNET_ASSIGN(const auto base, sqlite::audit_log::base(*db));
            previous = base.hash;
        }
    }
    json::array records;
    for (const auto& chained : page.records) {
        if (chained.record.sequence <= checkpoint.head.sequence) records.push_back(to_json(chained));
    }
    SIGNET_ASSIGN(const auto key, place.keys().find(checkpoint.key_label));
    const auto* version = key->find(checkpoint.key_version);
    if (version == nullptr) return fail(ErrorCode::internal, "the audit key is not in the registry");
    SIGNET_ASSIGN(const auto public_key, pki::PublicKey::from_spki(version->public_key));
    return json::object{{"previous", to_hex(previous)},
                        {"records", std::move(records)},
                        {"checkpoint", json::object{{"sequence", checkpoint.head.sequence},
                                                    {"head", to_hex(checkpoint.head.hash)},
                                                    {"time_ms", checkpoint.time_ms},
                                                    {"key", checkpoint.key_label},
                                                    {"version", checkpoint.key_version},
                                                    {"algorithm", checkpoint.algorithm},
                                                    {"signature", to_hex(checkpoint.signature)}}},
                        {"public_key", public_key.pem()}};
}

Result<ChainProof> check_proof(const json::value& proof, const std::optional<pki::PublicKey>& known) {
    const auto& records = member(proof, "records");
    const auto& checkpoint = member(proof, "checkpoint");
    if (!records.is_array() || records.get_array().empty() || records.get_array().size() > kMostRecords)
        return wrong("the proof has no records of the audit chain");
    SIGNET_ASSIGN(auto hash, sha256_from(text_of(proof, "previous"), "hash before its records"));
    std::uint64_t sequence = 0;
    for (const auto& one : records.get_array()) {
        const auto record = record_from(one);
        if (sequence != 0 && record.sequence != sequence + 1)
            return wrong("a record of the proof is missing");
        sequence = record.sequence;
        hash = sqlite::chain_hash(hash, record);
        if (to_hex(hash) != text_of(one, "hash"))
            return wrong("record " + std::to_string(sequence) + " of the proof was changed");
    }
    SIGNET_ASSIGN(const auto head, sha256_from(text_of(checkpoint, "head"), "signed head"));
    if (head != hash || number_of(checkpoint, "sequence") != sequence)
        return wrong("the signed head of the audit chain is not that of these records");
    auto stated = pki::PublicKey::from_pem(text_of(proof, "public_key"));
    if (!stated) return wrong("the proof has no public key of the audit key");
    if (known && !(*known == *stated))
        return wrong("the transcript names another audit key than the one given");
    const auto algorithm = sign_algorithm_from(text_of(checkpoint, "algorithm"));
    const auto signature = from_hex(text_of(checkpoint, "signature"));
    if (!algorithm || !signature) return wrong("the checkpoint has no signature");
    SIGNET_ASSIGN(const auto good,
                  pki::verify(*stated, *algorithm, checkpoint_message(sequence, head), *signature));
    if (!good) return wrong("the audit key's signature over the head of the chain does not verify");

    const auto first = record_from(records.get_array().front());
    boost::system::error_code malformed;
    const auto details = json::parse(first.details, malformed);
    if (malformed) return wrong("the record's details are not JSON");
    return ChainProof{first.action,
                      text_of(details, "sha256"),
                      first.sequence,
                      to_rfc3339(from_unix_ms(static_cast<std::int64_t>(number_of(checkpoint, "time_ms")))),
                      text_of(checkpoint, "key") + "/" + text_of(checkpoint, "version"),
                      *std::move(stated)};
}

}  // namespace signet::ctl::ceremony
