// The audit chain: read by auditors, signed and archived by administrators.
#include "daemon/service/audit.h"
#include "base/encoding.h"
#include "daemon/api/json.h"
#include "daemon/api/native/handlers.h"
#include "daemon/http/form.h"

namespace signet::api::native {
namespace {

void write_record(JsonWriter& json, const sqlite::ChainedRecord& chained) {
    const auto& record = chained.record;
    json.begin_object();
    json.member("seq", record.sequence);
    json.member("time", to_rfc3339(from_unix_ms(record.time_ms)));
    json.member("request_id", record.request_id);
    json.member("principal", record.principal);
    json.member("action", record.action);
    json.member("object", record.object);
    json.member("outcome", record.outcome);
    // Kept to the letter, because the hash covers it so; it is a JSON object or nothing.
    json.member_raw("details", record.details.empty() ? "null" : std::string_view(record.details));
    json.member("hash", to_hex(chained.hash));
    json.end_object();
}

Result<sqlite::AuditFilter> filter_of(const Exchange& exchange) {
    SIGNET_ASSIGN(const auto fields, exchange.query());
    sqlite::AuditFilter filter;
    for (const auto& [name, value] : fields) {
        if (name == "after" || name == "limit") continue;
        if (name == "principal")
            filter.principal = value;
        else if (name == "action")
            filter.action = value;
        else if (name == "object")
            filter.object = value;
        else if (name == "outcome")
            filter.outcome = value;
        else if (name == "request_id")
            filter.request_id = value;
        else if (name == "from" || name == "to") {
            const auto time = from_rfc3339(value);
            if (!time)
                return fail(ErrorCode::invalid_argument,
                            name + ": expected a time such as 2026-01-31T00:00:00Z");
            (name == "from" ? filter.from : filter.to) = *time;
        } else {
            return fail(
                ErrorCode::invalid_argument,
                "unknown query parameter '" + name +
                    "'; expected after, limit, principal, action, object, outcome, request_id, from or to");
        }
    }
    return filter;
}

}  // namespace

Answer read_audit(Services& services, Exchange& exchange) {
    SIGNET_ASSIGN(const auto after, exchange.query_number("after", 0, 0, std::uint64_t{1} << 62));
    SIGNET_ASSIGN(const auto limit, exchange.query_number("limit", 100, 1, 1000));
    SIGNET_ASSIGN(const auto filter, filter_of(exchange));
    SIGNET_ASSIGN(const auto page, services.audit.read(filter, after, static_cast<std::size_t>(limit)));
    JsonWriter json(256 + page.records.size() * 512);
    json.begin_object();
    json.key("records");
    json.begin_array();
    for (const auto& record : page.records)
        write_record(json, record);
    json.end_array();
    json.member("next_after", page.next_after);
    json.member("more", page.more);
    json.end_object();
    return json_answer(json.take());
}

Answer checkpoint_audit(Services& services, Exchange& exchange) {
    SIGNET_TRY(expect_no_members(exchange));
    SIGNET_ASSIGN(const auto checkpoint, services.audit.checkpoint(Deadline{exchange.deadline()}));
    JsonWriter json;
    json.begin_object();
    json.member("sequence", checkpoint.head.sequence);
    json.member("head", to_hex(checkpoint.head.hash));
    json.member("time", to_rfc3339(from_unix_ms(checkpoint.time_ms)));
    json.member("key", checkpoint.key_label);
    json.member("version", checkpoint.key_version);
    json.member("algorithm", checkpoint.algorithm);
    json.member_base64("signature", checkpoint.signature);
    json.end_object();
    return json_answer(json.take());
}

Answer archive_audit(Services& services, Exchange& exchange) {
    SIGNET_ASSIGN(const auto body, optional_body(exchange));
    SIGNET_TRY(body.only({"before"}));
    SIGNET_ASSIGN(const auto text, body.optional_text("before", 64));
    std::optional<SystemTime> before;
    if (text) {
        before = from_rfc3339(*text);
        if (!before)
            return fail(ErrorCode::invalid_argument, "before: expected a time such as 2026-01-31T00:00:00Z");
    }
    SIGNET_ASSIGN(const auto archived, services.audit.archive(caller_of(exchange), before));
    JsonWriter json;
    json.begin_object();
    json.member("file", archived ? archived->file : std::string());
    json.member("records", archived ? archived->report.records : 0);
    if (archived) {
        json.member("first", archived->report.base.sequence + 1);
        json.member("last", archived->report.head.sequence);
        json.member("sha256", to_hex(archived->report.digest));
    }
    json.end_object();
    return json_answer(json.take());
}

}  // namespace signet::api::native
