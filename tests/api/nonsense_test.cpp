// Every route that the daemon describes, asked with odd names and bodies that make no sense: a client error, never more.
// Who may use them is routes_test's matter.
#include "tests/api/json.h"

namespace signet::testing {
namespace {

struct Row {
    std::string verb;
    std::string path;  // with its parameters
    std::string permission;
    bool admin = false;
};

std::vector<Row> rows_of(const Appliance& appliance) {
    const auto description = expect_json(appliance.get("/v1/openapi.json"));
    std::vector<Row> rows;
    for (const auto& [path, operations] : description.at("paths").as_object()) {
        for (const auto& [verb, operation] : operations.as_object()) {
            std::string upper;
            for (const char c : std::string_view(verb))
                upper += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
            rows.push_back({upper, std::string(path), text(operation, "x-permission"),
                            text(operation, "x-surface") == "admin"});
        }
    }
    EXPECT_GT(rows.size(), 25U);
    return rows;
}

// Every `{parameter}` of the path as `value`.
std::string filled(std::string path, const std::string& value) {
    for (auto open = path.find('{'); open != std::string::npos; open = path.find('{', open + value.size()))
        path.replace(open, path.find('}', open) - open + 1, value);
    return path;
}

class Nonsense : public ::testing::Test {
  protected:
    HttpAnswer send(const Row& row, const std::string& value, const std::string& body = "{}") const {
        HttpConnection connection(row.admin ? appliance_.admin_socket() : appliance_.api_socket());
        return connection.send(
            {.verb = row.verb, .target = filled(row.path, value), .body = row.verb == "GET" ? "" : body});
    }
    Appliance appliance_;
};

TEST_F(Nonsense, OddNamesAreClientErrors) {
    for (const auto& row : rows_of(appliance_)) {
        if (row.path.find('{') == std::string::npos) continue;
        for (const auto* value : {"no.such", "..%2F..%2Fetc", "%00", "%FF%FE", "a%20b"}) {
            SCOPED_TRACE(row.verb + " " + row.path + " " + value);
            const auto answer = send(row, value);
            // An OCSP responder answers what it cannot read with an OCSP answer (RFC 6960 section 4.2.1).
            if (row.permission == "ca.ocsp" && answer.status == 200) continue;
            EXPECT_EQ(answer.status / 100, 4) << answer.status << answer.body;
        }
    }
}

TEST_F(Nonsense, BodiesThatMakeNoSenseAreClientErrors) {
    const std::string giant(std::size_t{4} << 20, ' ');
    const std::string deep = std::string(10'000, '[') + std::string(10'000, ']');
    for (const auto& row : rows_of(appliance_)) {
        if (row.verb == "GET") continue;
        for (const auto& [name, body] : {std::pair<std::string, std::string>{"not JSON", "nonsense"},
                                         {"wrong type", "[1,2,3]"},
                                         {"unknown member", R"({"no_such_member":1})"},
                                         {"deep", deep},
                                         {"giant", giant}}) {
            SCOPED_TRACE(row.verb + " " + row.path + ": " + name);
            const auto answer = send(row, "document.ec", body);
            if (row.permission == "ca.ocsp" && answer.status == 200) continue;
            // The daemon may close while a body over the limit is still being sent: no answer is an answer then.
            if (name == "giant" && answer.status == 0) continue;
            if (answer.status / 100 == 2) {
                ADD_FAILURE() << "accepted: " << answer.body;
                continue;
            }
            EXPECT_EQ(answer.status / 100, 4) << answer.status << answer.body;
            EXPECT_TRUE(name != "giant" || answer.status == 413) << answer.status;
        }
    }
    expect_json(appliance_.get("/v1/health/ready"));
}

}  // namespace
}  // namespace signet::testing
