#include "daemon/api/paycontrol/scoring.h"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

namespace signet::api::paycontrol {
namespace {

constexpr std::size_t kMaxScoring = std::size_t{16} << 10;

Outcome<std::string> object_text(const JsonObject& body, std::string_view name) {
    const auto* const value = body.raw().if_contains(name);
    if (value == nullptr || value->is_null()) return std::string();
    if (!value->is_object())
        return fail(Code::json_request_incorrect, std::string(name) + ": expected an object");
    SIGNET_ASSIGN(auto text, body.serialized(name));
    if (text.size() > kMaxScoring)
        return fail(Code::json_request_incorrect, std::string(name) + ": over 16 KiB");
    return text;
}

// Every provider says a number and a level.
bool well_formed(const JsonObject& results) {
    for (const auto name : results.names()) {
        const auto provider = results.object(name);
        if (!provider || !provider->integer("score", 0, 1'000'000) || !provider->text("scoreLevel", 64))
            return false;
    }
    return true;
}

}  // namespace

Outcome<Scoring> read_scoring(const JsonObject& body) {
    Scoring scoring;
    const char* const name = body.has("scoring") ? "scoring" : "scoring_results";
    SIGNET_ASSIGN(scoring.results, object_text(body, name));
    SIGNET_ASSIGN(scoring.settings, object_text(body, "scoring_settings"));
    SIGNET_ASSIGN(scoring.details, object_text(body, "scoring_details"));
    if (!scoring.results.empty()) {
        SIGNET_ASSIGN(const auto results, body.object(name));
        if (!well_formed(results)) return fail(Code::scoring_failed);
    }
    return scoring;
}

bool is_high_risk(const Scoring& scoring) {
    if (scoring.results.empty()) return false;
    const auto results = JsonObject::parse(scoring.results);
    if (!results) return true;
    for (const auto name : results->names()) {
        const auto provider = results->object(name);
        const auto level = provider ? provider->text("scoreLevel", 64) : std::string_view("HIGH_RISK");
        if (!level || level->starts_with("HIGH") || level->starts_with("CRITICAL")) return true;
    }
    return false;
}

}  // namespace signet::api::paycontrol
