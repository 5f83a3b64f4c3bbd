#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "daemon/ctl/doctor.h"
#include "daemon/http/client.h"

namespace signet::ctl::doctor {
namespace {

namespace json = boost::json;

std::string reasons_of(const std::string& body) {
    boost::system::error_code malformed;
    const auto document = json::parse(body, malformed);
    const auto* object = malformed ? nullptr : document.if_object();
    const auto* reasons = object == nullptr ? nullptr : object->if_contains("reasons");
    std::string text;
    if (reasons != nullptr && reasons->is_array()) {
        for (const auto& reason : reasons->get_array())
            text +=
                (text.empty() ? "" : "; ") +
                (reason.is_string() ? std::string(reason.get_string().c_str()) : text_of(reason, "message"));
    }
    return text;
}

void check_socket(Context& context, const config::Listener* listener, std::string_view check,
                  Findings& findings) {
    if (listener == nullptr) {
        findings.warning(check, "no Unix socket is configured",
                         "add a listener to signetd.yaml: this program needs one");
        return;
    }
    http::Client client(http::Endpoint::unix_socket(listener->unix_path));
    const auto answer = client.get("/v1/health/live");
    if (!answer) {
        findings.error(check, listener->unix_path.string() + ": " + answer.error().message,
                       answer.error().code == ErrorCode::permission_denied
                           ? "run this as the appliance's user"
                           : "start the daemon: signetd --config " + context.options().config.string() +
                                 " --with-token");
        return;
    }
    findings.ok(check, listener->unix_path.string() + " answers");
    if (listener->admin) return;
    const auto ready = client.get("/v1/health/ready");
    if (ready && ready->status == 200)
        findings.ok("daemon.ready", "ready");
    else if (ready && ready->status == 503)
        findings.error("daemon.ready", "not ready: " + reasons_of(ready->body),
                       "see the findings above, and the daemon's log");
    else
        findings.warning("daemon.ready",
                         ready ? "it does not tell you (HTTP " + std::to_string(ready->status) + ")"
                               : ready.error().message,
                         "let the policy permit health.ready to your user");
}

}  // namespace

void check_daemon(Context& context, const config::Config& config, Findings& findings) {
    check_socket(context, config.local_listener(false), "daemon.api", findings);
    check_socket(context, config.local_listener(true), "daemon.admin", findings);
}

}  // namespace signet::ctl::doctor
