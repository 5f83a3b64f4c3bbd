#include "daemon/api/openapi.h"

#include <map>
#include <string>
#include <vector>

#include "daemon/api/json.h"

namespace signet::api {
namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    for (auto& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    return out;
}

// "{request*}", the rest of a path, is one parameter like others: OpenAPI has no name for it.
std::string path_template(std::string_view pattern) {
    std::string out(pattern);
    std::erase(out, '*');
    return out;
}

// "POST /v1/keys/{label}/sign" becomes "post_v1_keys_label_sign".
std::string operation_id(const Route& row) {
    auto id = lower(http::to_string(row.verb));
    for (const char c : row.pattern) {
        if (c == '/')
            id += '_';
        else if (c != '{' && c != '}' && c != '*')
            id += c == '-' || c == '.' ? '_' : c;
    }
    return id;
}

void write_content(JsonWriter& json, std::string_view media_type, std::string_view schema) {
    json.key("content");
    json.begin_object();
    json.key(media_type);
    json.begin_object();
    json.member_raw("schema", schema);
    json.end_object();
    json.end_object();
}

void write_parameters(JsonWriter& json, const std::string& pattern) {
    json.key("parameters");
    json.begin_array();
    for (auto open = pattern.find('{'); open != std::string::npos; open = pattern.find('{', open + 1)) {
        const auto name = std::string_view(pattern).substr(open + 1, pattern.find('}', open) - open - 1);
        json.begin_object();
        json.member("name", name);
        json.member("in", "path");
        json.member("required", true);
        json.member_raw("schema", R"({"type":"string","minLength":1,"maxLength":256})");
        json.end_object();
    }
    json.end_array();
}

void write_operation(JsonWriter& json, const Route& row) {
    json.key(lower(http::to_string(row.verb)));
    json.begin_object();
    json.member("operationId", operation_id(row));
    if (!row.summary.empty()) json.member("summary", row.summary);
    json.member("x-permission", row.permission);
    json.member("x-surface", row.surface == Surface::api     ? "api"
                             : row.surface == Surface::admin ? "admin"
                                                             : "both");
    if (row.pattern.find('{') != std::string_view::npos) write_parameters(json, path_template(row.pattern));
    if (!row.request_schema.empty()) {
        json.key("requestBody");
        json.begin_object();
        json.member("required", true);
        json.member("x-max-bytes", static_cast<std::uint64_t>(row.body_limit));
        write_content(json, "application/json", row.request_schema);
        json.end_object();
    }
    json.key("responses");
    json.begin_object();
    json.key("2XX");
    json.begin_object();
    json.member("description", "success");
    if (!row.response_schema.empty()) write_content(json, "application/json", row.response_schema);
    json.end_object();
    if (row.quorum) {
        json.key("202");
        json.begin_object();
        json.member(
            "description",
            "the policy demands a quorum: nothing was done yet; send the same request with Signet-Approval "
            "once others approved it");
        write_content(
            json, "application/json",
            R"({"type":"object","required":["approval","needed","approved","expires"],"properties":{)"
            R"("approval":{"type":"string"},"needed":{"type":"integer"},"approved":{"type":"integer"},)"
            R"("expires":{"type":"string"},"detail":{"type":"string"}}})");
        json.end_object();
    }
    json.key("default");
    json.begin_object();
    json.member("description", "an error");
    if (row.error_shape == nullptr)
        write_content(json, "application/problem+json", R"({"$ref":"#/components/schemas/Problem"})");
    json.end_object();
    json.end_object();
    json.end_object();
}

Status check_schema(const Route& row, std::string_view schema, std::string_view which) {
    if (schema.empty() || JsonObject::parse(schema)) return {};
    return fail(ErrorCode::failed_precondition, "route " + std::string(http::to_string(row.verb)) + " " +
                                                    std::string(row.pattern) + ": its " + std::string(which) +
                                                    " schema is no JSON object");
}

}  // namespace

Result<std::string> openapi_document(const RouteTable& rows, std::string_view title,
                                     std::string_view version) {
    std::map<std::string_view, std::vector<const Route*>> paths;
    for (const auto& row : rows) {
        SIGNET_TRY(check_schema(row, row.request_schema, "request"));
        SIGNET_TRY(check_schema(row, row.response_schema, "response"));
        paths[row.pattern].push_back(&row);
    }
    JsonWriter json(std::size_t{16} << 10);
    json.begin_object();
    json.member("openapi", "3.1.0");
    json.key("info");
    json.begin_object();
    json.member("title", title);
    json.member("version", version);
    json.end_object();
    json.key("paths");
    json.begin_object();
    for (const auto& [path, operations] : paths) {
        json.key(path_template(path));
        json.begin_object();
        for (const auto* row : operations)
            write_operation(json, *row);
        json.end_object();
    }
    json.end_object();
    json.member_raw("components",
                    R"({"schemas":{"Problem":{"type":"object","description":"RFC 9457",)"
                    R"("required":["type","title","status","detail","request_id"],"properties":{)"
                    R"("type":{"type":"string"},"title":{"type":"string"},"status":{"type":"integer"},)"
                    R"("detail":{"type":"string"},"request_id":{"type":"string"}}}},)"
                    R"("securitySchemes":{"apiKey":{"type":"http","scheme":"bearer"},)"
                    R"("clientCertificate":{"type":"mutualTLS"}}})");
    json.end_object();
    return json.take();
}

}  // namespace signet::api
