#include "daemon/ctl/ceremony/transcript.h"

#include <unistd.h>

#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "base/encoding.h"
#include "base/file.h"
#include "base/pgp_words.h"
#include "daemon/ctl/context.h"
#include "signet_version.h"

namespace signet::ctl::ceremony {
namespace {

namespace json = boost::json;

constexpr std::string_view kFormat = "signet-ceremony-transcript-1";
constexpr std::size_t kLargest = std::size_t{16} << 20;
constexpr std::string_view kCheckText = "signet key check value 1";

std::string host_name() {
    std::array<char, 256> name{};
    return gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : std::string();
}

json::array usage_names(KeyUsages usages) {
    json::array out;
    const auto text = to_string(usages);
    for (std::size_t at = 0; at < text.size();) {
        const auto end = std::min(text.find('+', at), text.size());
        out.emplace_back(text.substr(at, end - at));
        at = end + 1;
    }
    return out;
}

// Whoever was asked and said yes, with the time.
json::array people(const Plan& plan, const Journal& journal) {
    json::array out;
    for (const auto& participant : plan.participants) {
        json::object one{{"name", participant.name}, {"role", to_string(participant.role)}};
        for (const auto& line : journal.lines()) {
            if (text_of(line, "step") == "present:" + participant.name)
                one["present"] = text_of(line, "time");
        }
        out.emplace_back(std::move(one));
    }
    return out;
}

json::object body_of(const TranscriptParts& parts) {
    const auto& plan = parts.plan;
    json::object body{
        {"format", kFormat},
        {"rehearsal", parts.site.rehearsal},
        {"title", plan.title},
        {"tool", std::string("signetctl ") + SIGNET_VERSION},
        {"host", host_name()},
        {"file", json::object{{"name", plan.file.filename().string()},
                              {"sha256", to_hex(plan.sha256)},
                              {"words", to_pgp_words(plan.sha256)},
                              {"text", plan.text}}},
        {"began",
         parts.journal.lines().empty() ? std::string() : text_of(parts.journal.lines().front(), "time")},
        {"ended", to_rfc3339(parts.place.clock().now())},
        {"interruptions", parts.journal.interruptions()},
        {"participants", people(plan, parts.journal)}};
    json::array steps;
    for (const auto& line : parts.journal.lines())
        steps.push_back(line);
    body["steps"] = std::move(steps);
    return body;
}

Result<json::value> parse_file(const std::filesystem::path& path) {
    SIGNET_ASSIGN(const auto text, read_file(path, kLargest));
    boost::system::error_code malformed;
    auto value = json::parse(text, malformed);
    if (malformed || !value.is_object())
        return fail(ErrorCode::unprocessable, path.string() + " is no transcript: it is not a JSON object");
    return value;
}

}  // namespace

Result<json::object> token_facts(TokenInterface& token) {
    SIGNET_ASSIGN(const auto status, token.status(Deadline::in(std::chrono::seconds(60))));
    return json::object{{"label", status.label},
                        {"serial", status.serial},
                        {"manufacturer", status.manufacturer},
                        {"model", status.model},
                        {"module", status.module}};
}

Result<json::object> key_facts(TokenInterface& token, const KeyInfo& info) {
    json::object out{{"key", to_string(info.id)},
                     {"algorithm", to_string(info.algorithm)},
                     {"usages", usage_names(info.usages)},
                     {"attributes", json::object{{"CKA_SENSITIVE", info.attributes.sensitive},
                                                 {"CKA_ALWAYS_SENSITIVE", info.attributes.always_sensitive},
                                                 {"CKA_EXTRACTABLE", info.attributes.extractable},
                                                 {"CKA_NEVER_EXTRACTABLE", info.attributes.never_extractable},
                                                 {"CKA_LOCAL", info.attributes.local}}}};
    if (!info.public_key.empty()) {
        out["sha256"] = to_hex(sha256(info.public_key));
    } else if (info.usages.has(KeyUsage::mac)) {
        SIGNET_ASSIGN(const auto mac, token.mac({info.id, MacAlgorithm::hs256, to_bytes(kCheckText)},
                                                Deadline::in(std::chrono::seconds(60))));
        out["check_value"] = to_hex(ByteView(mac).first(3));
    }
    return out;
}

Status sign_transcript(const TranscriptParts& parts) {
    // What is signed is decided once: a try after an interruption signs the same words.
    std::string text;
    if (const auto* decided = parts.journal.find("transcript", "begun"); decided != nullptr) {
        text = text_of(*decided, "text");
    } else {
        text = json::serialize(body_of(parts));
        SIGNET_TRY(parts.journal.write("transcript", "begun", {{"text", text}}));
    }
    const auto digest = sha256(as_bytes(text));
    SIGNET_ASSIGN(auto proof,
                  make_proof(parts.place, "ceremony.transcript",
                             parts.site.rehearsal ? "rehearsal" : parts.plan.title, to_hex(digest)));
    boost::system::error_code malformed;
    json::object file{{"transcript", json::parse(text, malformed)},
                      {"sha256", to_hex(digest)},
                      {"words", to_pgp_words(digest)},
                      {"proof", std::move(proof)}};
    return write_file_atomic(parts.site.transcript(parts.plan), as_bytes(json::serialize(file) + "\n"), 0644);
}

Result<VerifiedTranscript> verify_transcript(const std::filesystem::path& path,
                                             const std::optional<pki::PublicKey>& known) {
    SIGNET_ASSIGN(const auto file, parse_file(path));
    const auto& object = file.get_object();
    const auto* body = object.if_contains("transcript");
    const auto* proof = object.if_contains("proof");
    if (body == nullptr || proof == nullptr || text_of(*body, "format") != kFormat)
        return fail(ErrorCode::unprocessable, path.string() + " is no transcript of a ceremony");
    const auto digest = sha256(as_bytes(json::serialize(*body)));
    if (to_hex(digest) != text_of(file, "sha256"))
        return fail(ErrorCode::unprocessable,
                    "the transcript was changed: its SHA-256 is not the one it states");
    SIGNET_ASSIGN(auto checked, check_proof(*proof, known));
    if (checked.action != "ceremony.transcript" || checked.sha256 != to_hex(digest))
        return fail(ErrorCode::unprocessable,
                    "the audit chain holds another transcript's hash than this one's");
    const auto* plan = body->get_object().if_contains("file");
    const auto stated = plan == nullptr ? std::string() : text_of(*plan, "sha256");
    if (plan == nullptr || stated != to_hex(sha256(as_bytes(text_of(*plan, "text")))))
        return fail(ErrorCode::unprocessable,
                    "the ceremony's file in the transcript has not the hash it states");
    return VerifiedTranscript{std::move(checked), text_of(*body, "title"), stated,
                              flag_of(*body, "rehearsal"), to_pgp_words(digest)};
}

}  // namespace signet::ctl::ceremony
