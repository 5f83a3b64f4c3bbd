#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "base/encoding.h"
#include "daemon/ctl/context.h"
#include "daemon/http/client.h"
#include "signet_version.h"
#include "sqlite/backup.h"

namespace signet::ctl {
namespace {

namespace json = boost::json;

Outcome version(Context& context, const Arguments&) {
    context.out().line(std::string("signetctl ") + SIGNET_VERSION);
    context.out().document(json::object{{"version", SIGNET_VERSION}});
    return ExitCode::ok;
}

// 503 is an answer here: it carries the reasons.
Outcome status(Context& context, const Arguments&) {
    SIGNET_ASSIGN(const auto path, context.socket(Surface::api));
    http::Client client(http::Endpoint::unix_socket(path));
    const auto response = client.get("/v1/health/ready");
    if (!response) {
        context.out().fields({{"daemon", "not running"}, {"socket", path.string()}});
        // The same words as any other command that finds nobody there.
        SIGNET_TRY(context.send(Surface::api, http::Verb::get, "/v1/health/live"));
        return ExitCode::unavailable;
    }
    boost::system::error_code malformed;
    const auto body = json::parse(response->body, malformed);
    const bool ready = response->status == 200;
    context.out().fields({{"daemon", "running"}, {"socket", path.string()}, {"ready", ready ? "yes" : "no"}});
    if (!malformed) {
        const auto* object = body.if_object();
        const auto* reasons = object == nullptr ? nullptr : object->if_contains("reasons");
        if (reasons != nullptr && reasons->is_array()) {
            for (const auto& reason : reasons->get_array())
                context.out().line("  - " + (reason.is_string() ? std::string(reason.get_string().c_str())
                                                                : text_of(reason, "message")));
        }
        context.out().document(body);
    }
    return ready ? ExitCode::ok : ExitCode::unavailable;
}

Outcome reload(Context& context, const Arguments&) {
    SIGNET_ASSIGN(const auto answer, context.post("/v1/config/reload", json::object{}, Surface::admin));
    const auto* changes = answer.is_object() ? answer.get_object().if_contains("changes") : nullptr;
    if (changes != nullptr && changes->is_array() && !changes->get_array().empty()) {
        for (const auto& change : changes->get_array())
            context.out().line(change.is_string() ? std::string(change.get_string().c_str()) : std::string());
    } else {
        context.out().line("reloaded; nothing changed");
    }
    context.out().document(answer);
    return ExitCode::ok;
}

// Straight from the database file: the copy is one snapshot, and neither a stopped nor a busy daemon matters.
Outcome backup_database(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto* config, context.config());
    SIGNET_ASSIGN(auto db, sqlite::Connection::open(config->database, sqlite::Connection::Mode::read_only));
    SIGNET_ASSIGN(const auto report, sqlite::backup_database(db, arguments.text("FILE")));
    const auto head = std::to_string(report.head.sequence) + ":" + to_hex(report.head.hash);
    context.out().fields({{"file", arguments.text("FILE")},
                          {"bytes", std::to_string(report.bytes)},
                          {"audit head", head},
                          {"SHA-256", to_hex(report.digest)}});
    context.out().document(json::object{{"file", arguments.text("FILE")},
                                        {"bytes", report.bytes},
                                        {"audit_head", head},
                                        {"sha256", to_hex(report.digest)}});
    return ExitCode::ok;
}

}  // namespace

std::vector<Command> operation_commands() {
    return {
        {"", "status", "whether the daemon runs and is ready, and why not", {}, {}, status},
        {"", "reload", "have the daemon read its configuration and policy again", {}, {}, reload},
        {"backup",
         "database",
         "a consistent, verified copy of the database; the daemon may run",
         {{"FILE", Value::file, "a new file"}},
         {},
         backup_database},
        {"", "version", "the version of this program", {}, {}, version},
    };
}

}  // namespace signet::ctl
