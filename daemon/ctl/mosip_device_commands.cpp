// signetctl mosip device: a biometric device in software.
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <thread>

#include "base/file.h"
#include "daemon/ctl/context.h"
#include "daemon/ctl/mosip_device.h"
#include "daemon/http/client.h"

namespace signet::ctl {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr const char* kPath = "/mms/MSBDeviceRequest/";

// Over the API socket, or over TLS as a device in the field.
Result<MosipDevice::Send> sender(Context& context, const Arguments& arguments) {
    if (!arguments.has("--address"))
        return [&context](const std::string& body) -> Result<std::string> {
            SIGNET_ASSIGN(auto answer, context.send(Surface::api, http::Verb::post, kPath, body));
            return std::move(answer.body);
        };
    const auto address = arguments.text("--address");
    const auto colon = address.rfind(':');
    std::uint64_t port = 0;
    if (colon != std::string::npos && colon > 0 && address.size() - colon < 7)
        for (const char c : address.substr(colon + 1))
            port = c >= '0' && c <= '9' ? port * 10 + static_cast<std::uint64_t>(c - '0') : 1 << 20;
    if (port == 0 || port > 65535)
        return fail(ErrorCode::invalid_argument, "--address takes HOST:PORT, not '" + address + "'");
    if (!arguments.has("--ca"))
        return fail(ErrorCode::invalid_argument, "--address needs --ca FILE: whom to trust for TLS");
    SIGNET_ASSIGN(auto ca, read_file(arguments.text("--ca"), std::size_t{1} << 20));
    auto client = std::make_shared<http::Client>(
        http::Endpoint::tls(address.substr(0, colon), static_cast<std::uint16_t>(port), std::move(ca)));
    return [client](const std::string& body) -> Result<std::string> {
        SIGNET_ASSIGN(auto answer, client->post(kPath, body));
        return std::move(answer.body);
    };
}

struct Session {
    MosipDevice device;
    MosipDevice::Send send;
};

Result<Session> session(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(auto device, MosipDevice::load(arguments.text("DIRECTORY")));
    if (!arguments.has("--trust"))
        return fail(ErrorCode::invalid_argument,
                    "--trust FILE is missing: the certificate of the management server, or of its CA");
    SIGNET_ASSIGN(const auto pem, read_file(arguments.text("--trust"), std::size_t{1} << 20));
    SIGNET_ASSIGN(auto anchors, pki::Certificate::parse_bundle(pem));
    device.trust(std::move(anchors));
    SIGNET_ASSIGN(auto send, sender(context, arguments));
    return Session{std::move(device), std::move(send)};
}

// One line for people, the payload with --json. Another code than 0 ends the command with an error.
Outcome report(Context& context, std::string_view operation, const MosipAnswer& answer, bool document) {
    if (answer.code != "0")
        return fail(ErrorCode::unprocessable, "the server answered " + std::string(operation) + " with " +
                                                  answer.code + ": " + answer.description);
    context.out().line(std::string(operation) + ": " + answer.description);
    if (document) {
        boost::system::error_code error;
        context.out().document(json::parse(answer.payload, error));
    }
    return ExitCode::ok;
}

// "MDS is expected to request device snapshot again before snapshotValidity expires"; one round of what it asks for.
Status round(Context& context, Session& session) {
    const auto step = [&](std::string_view name, Result<MosipAnswer> answer) -> Status {
        SIGNET_ASSIGN(const auto got, std::move(answer));
        SIGNET_TRY(report(context, name, got, false));
        return {};
    };
    auto& [device, send] = session;
    SIGNET_TRY(step("snapshot", device.snapshot(send)));
    bool changed = false;
    if (device.must_rotate()) {
        SIGNET_TRY(step("key rotation", device.rotate(send)));
        changed = true;
    }
    if (device.must_register()) {
        SIGNET_TRY(step("registration", device.register_device(send)));
        changed = true;
    }
    if (device.must_fetch_encryption_certificate())
        SIGNET_TRY(step("encryption certificate", device.fetch_encryption_certificate(send)));
    // Now that it is registered, the snapshot says so.
    return changed ? step("snapshot", device.snapshot(send)) : Status{};
}

Outcome run_loop(Context& context, Session& session, std::uint64_t rounds) {
    for (std::uint64_t done = 1;; ++done) {
        SIGNET_TRY(round(context, session));
        if (done == rounds) break;
        const auto until = session.device.snapshot_validity();
        if (!until) return fail(ErrorCode::unprocessable, "the snapshot has no snapshotValidity");
        // With a tenth of the time left, an answer that gets lost can be asked for again.
        const auto left = *until - SystemClock{}.now();
        std::this_thread::sleep_for(std::max<std::chrono::milliseconds>(left * 9 / 10, 100ms));
    }
    context.out().document(json::object{
        {"deviceCode", session.device.device_code()},
        {"snapshotValidity",
         session.device.snapshot_validity() ? to_rfc3339(*session.device.snapshot_validity()) : ""}});
    return ExitCode::ok;
}

Outcome make(Context& context, const Arguments& arguments) {
    MosipDeviceSettings settings;
    for (const auto& [option, to] :
         {std::pair{"--provider", &settings.provider_id}, std::pair{"--serial", &settings.serial_number},
          std::pair{"--model", &settings.model}}) {
        *to = arguments.text(option);
        if (to->empty())
            return fail(ErrorCode::invalid_argument, "a new device needs --provider, --serial and --model");
    }
    settings.bio_type = arguments.text("--bio-type", settings.bio_type);
    settings.purpose = arguments.text("--purpose", settings.purpose);
    settings.env = arguments.text("--env", settings.env);
    settings.service_version = arguments.text("--service-version", settings.service_version);
    SIGNET_TRY(MosipDevice::create(arguments.text("DIRECTORY"), settings));
    const auto pem = arguments.text("DIRECTORY") + "/vendor.pem";
    context.out().line("made a device; register its vendor's certificate: signetctl mosip vendor-add " +
                       settings.provider_id + " " + pem);
    context.out().document(json::object{{"certificate", pem}});
    return ExitCode::ok;
}

}  // namespace

Outcome mosip_device(Context& context, const Arguments& arguments) {
    const auto action = arguments.text("ACTION");
    if (action == "new") return make(context, arguments);
    SIGNET_ASSIGN(const auto rounds, arguments.number("--rounds", 0, 1, 1'000'000'000));
    SIGNET_ASSIGN(auto at, session(context, arguments));
    if (action == "run") return run_loop(context, at, rounds);
    if (action == "snapshot") {
        SIGNET_ASSIGN(const auto answer, at.device.snapshot(at.send));
        return report(context, action, answer, true);
    }
    if (action == "encryption-cert") {
        SIGNET_ASSIGN(const auto answer, at.device.fetch_encryption_certificate(at.send));
        return report(context, action, answer, true);
    }
    if (action == "rotate") {
        SIGNET_ASSIGN(const auto answer, at.device.rotate(at.send));
        return report(context, action, answer, true);
    }
    if (action == "register") {
        SIGNET_ASSIGN(const auto answer, at.device.register_device(at.send));
        return report(context, action, answer, true);
    }
    return fail(ErrorCode::invalid_argument,
                "ACTION is new, snapshot, encryption-cert, rotate, register or run, not '" + action + "'");
}

}  // namespace signet::ctl
