#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/file.h"
#include "base/random.h"
#include "daemon/ctl/context.h"
#include "daemon/ctl/files.h"

namespace signet::ctl {

Outcome mosip_device(Context& context, const Arguments& arguments);  // mosip_device_commands.cpp

namespace {

namespace json = boost::json;
constexpr auto kAdmin = Surface::admin;
constexpr std::size_t kPartLines = 2000;  // of a CSV, in one request
constexpr std::size_t kPartBytes = std::size_t{700} << 10;
constexpr std::size_t kMaxPem = std::size_t{48} << 10;

std::string vendor_path(const Arguments& arguments, const std::string& rest = {}) {
    return "/v1/mosip/vendors/" + path_segment(arguments.text("PROVIDER")) + rest;
}

std::string device_path(const Arguments& arguments, const std::string& rest = {}) {
    return "/v1/mosip/devices/" + path_segment(arguments.text("PROVIDER")) + "/" +
           path_segment(arguments.text("SERIAL")) + rest;
}

const json::array& list_of(const json::value& answer, std::string_view member) {
    static const json::array kNone;
    const auto* found = answer.is_object() ? answer.get_object().if_contains(member) : nullptr;
    return found != nullptr && found->is_array() ? found->get_array() : kNone;
}

void more(Context& context, const json::value& answer) {
    if (flag_of(answer, "more"))
        context.out().note("there are more: --after " + std::to_string(number_of(answer, "next_after")));
}

void print_vendor(Context& context, const json::value& answer) {
    context.out().fields({{"provider", text_of(answer, "providerId")},
                          {"name", text_of(answer, "name")},
                          {"state", text_of(answer, "state")}});
    std::vector<std::vector<std::string>> rows;
    for (const auto& one : list_of(answer, "certificates"))
        rows.push_back({text_of(one, "sha256"), text_of(one, "not_after"), text_of(one, "subject")});
    context.out().line("");
    context.out().table({"CERTIFICATE", "VALID UNTIL", "SUBJECT"}, rows);
    context.out().document(answer);
}

Outcome add_vendor(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto pem, read_input(arguments.text("FILE"), kMaxPem));
    const json::object body{{"providerId", arguments.text("PROVIDER")},
                            {"name", arguments.text("--name", arguments.text("PROVIDER"))},
                            {"certificates", pem}};
    SIGNET_ASSIGN(const auto answer, context.post("/v1/mosip/vendors", body, kAdmin, random_uuid()));
    print_vendor(context, answer);
    return ExitCode::ok;
}

Outcome list_vendors(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto after, arguments.number("--after", 0, 0, INT64_MAX));
    SIGNET_ASSIGN(const auto answer,
                  context.get("/v1/mosip/vendors?limit=1000&after=" + std::to_string(after), kAdmin));
    std::vector<std::vector<std::string>> rows;
    for (const auto& one : list_of(answer, "vendors"))
        rows.push_back({text_of(one, "providerId"), text_of(one, "state"), text_of(one, "name")});
    context.out().table({"PROVIDER", "STATE", "NAME"}, rows);
    more(context, answer);
    context.out().document(answer);
    return ExitCode::ok;
}

Outcome show_vendor(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto answer, context.get(vendor_path(arguments), kAdmin));
    print_vendor(context, answer);
    return ExitCode::ok;
}

Outcome trust_vendor(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto pem, read_input(arguments.text("FILE"), kMaxPem));
    SIGNET_ASSIGN(const auto answer, context.post(vendor_path(arguments, "/certificates"),
                                                  json::object{{"certificates", pem}}, kAdmin));
    print_vendor(context, answer);
    return ExitCode::ok;
}

Outcome distrust_vendor(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto answer,
                  context.post(vendor_path(arguments, "/certificates/" +
                                                          path_segment(arguments.text("SHA256")) + "/remove"),
                               json::object{}, kAdmin));
    print_vendor(context, answer);
    return ExitCode::ok;
}

Outcome change_vendor(Context& context, const Arguments& arguments, const std::string& verb) {
    SIGNET_ASSIGN(const auto answer,
                  context.post(vendor_path(arguments, "/" + verb), json::object{}, kAdmin));
    print_vendor(context, answer);
    return ExitCode::ok;
}
Outcome disable_vendor(Context& context, const Arguments& arguments) {
    return change_vendor(context, arguments, "disable");
}
Outcome enable_vendor(Context& context, const Arguments& arguments) {
    return change_vendor(context, arguments, "enable");
}

void print_device(Context& context, const json::value& answer) {
    const auto yes = [&](std::string_view member) { return flag_of(answer, member) ? "yes" : "no"; };
    context.out().fields({{"provider", text_of(answer, "providerId")},
                          {"serial number", text_of(answer, "serialNumber")},
                          {"model", text_of(answer, "modelID")},
                          {"purpose", text_of(answer, "devicePurpose")},
                          {"bio type", text_of(answer, "bioType")},
                          {"white-listed", yes("whiteListed")},
                          {"valid until", text_of(answer, "validUntil")},
                          {"blocked", yes("blocked")},
                          {"registered", yes("registered")},
                          {"device code", text_of(answer, "deviceCode")},
                          {"last sync", text_of(answer, "lastSync")},
                          {"device service", text_of(answer, "deviceServiceVersion")},
                          {"certificate", text_of(answer, "certificate")},
                          {"key expires", text_of(answer, "keyExpires")}});
    context.out().document(answer);
}

Outcome add_device(Context& context, const Arguments& arguments) {
    json::object body{{"providerId", arguments.text("PROVIDER")},
                      {"serialNumber", arguments.text("SERIAL")},
                      {"modelID", arguments.text("--model")},
                      {"devicePurpose", arguments.text("--purpose")},
                      {"bioType", arguments.text("--bio-type")}};
    if (arguments.has("--valid-until")) body["validUntil"] = arguments.text("--valid-until");
    SIGNET_ASSIGN(const auto answer, context.post("/v1/mosip/devices", body, kAdmin, random_uuid()));
    print_device(context, answer);
    return ExitCode::ok;
}

Outcome list_devices(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto after, arguments.number("--after", 0, 0, INT64_MAX));
    std::string target = "/v1/mosip/devices?limit=1000&after=" + std::to_string(after);
    if (arguments.has("--provider")) target += "&provider=" + path_segment(arguments.text("--provider"));
    SIGNET_ASSIGN(const auto answer, context.get(target, kAdmin));
    std::vector<std::vector<std::string>> rows;
    for (const auto& one : list_of(answer, "devices"))
        rows.push_back({text_of(one, "providerId"), text_of(one, "serialNumber"), text_of(one, "modelID"),
                        text_of(one, "devicePurpose"), flag_of(one, "whiteListed") ? "yes" : "no",
                        flag_of(one, "registered") ? "yes" : "no", text_of(one, "lastSync")});
    context.out().table({"PROVIDER", "SERIAL", "MODEL", "PURPOSE", "LISTED", "REGISTERED", "LAST SYNC"},
                        rows);
    more(context, answer);
    context.out().document(answer);
    return ExitCode::ok;
}

Outcome show_device(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto answer, context.get(device_path(arguments), kAdmin));
    print_device(context, answer);
    return ExitCode::ok;
}

Outcome history(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto limit, arguments.number("--limit", 50, 1, 1000));
    SIGNET_ASSIGN(const auto answer,
                  context.get(device_path(arguments, "/history?limit=" + std::to_string(limit)), kAdmin));
    std::vector<std::vector<std::string>> rows;
    for (const auto& one : list_of(answer, "events"))
        rows.push_back({text_of(one, "at"), text_of(one, "event")});
    context.out().table({"AT", "EVENT"}, rows);
    context.out().document(answer);
    return ExitCode::ok;
}

Outcome change_device(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto answer, context.post(device_path(arguments, "/" + arguments.text("CHANGE")),
                                                  json::object{}, kAdmin));
    print_device(context, answer);
    return ExitCode::ok;
}

// In parts, each with the header: a large list does not fit a request. Lines are counted as in the file.
Outcome import(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto csv, read_input(arguments.text("FILE")));
    std::string_view rest = csv;
    const auto take_line = [&] {
        const auto end = rest.find('\n');
        const auto line = rest.substr(0, end);
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
        return line;
    };
    const auto header = std::string(take_line()) + "\n";
    std::uint64_t counts[4] = {0, 0, 0, 0};
    constexpr std::string_view kNames[4] = {"added", "changed", "unchanged", "refused"};
    json::array errors;
    std::vector<std::vector<std::string>> rows;
    for (std::uint64_t before = 0; !rest.empty();) {
        std::string part = header;
        std::size_t lines = 0;
        for (; !rest.empty() && lines < kPartLines && part.size() < kPartBytes; ++lines)
            part.append(take_line()).append(1, '\n');
        SIGNET_ASSIGN(const auto answer, context.post("/v1/mosip/devices/import", json::object{{"csv", part}},
                                                      kAdmin, random_uuid()));
        for (std::size_t i = 0; i < 4; ++i)
            counts[i] += number_of(answer, kNames[i]);
        for (const auto& one : list_of(answer, "errors")) {
            const auto line = number_of(one, "line") + before;
            rows.push_back({std::to_string(line), text_of(one, "message")});
            errors.push_back(json::object{{"line", line}, {"message", text_of(one, "message")}});
        }
        before += lines;
    }
    json::object document;
    for (std::size_t i = 0; i < 4; ++i) {
        context.out().line(std::to_string(counts[i]) + " " + std::string(kNames[i]));
        document[kNames[i]] = counts[i];
    }
    if (!rows.empty()) context.out().table({"LINE", "REFUSED BECAUSE"}, rows);
    document["errors"] = std::move(errors);
    context.out().document(document);
    return counts[3] == 0 ? Outcome(ExitCode::ok)
                          : fail(ErrorCode::unprocessable, std::to_string(counts[3]) + " lines were refused");
}

Outcome policy(Context& context, const Arguments& arguments) {
    json::object body;
    constexpr std::pair<std::string_view, std::string_view> kNumbers[] = {
        {"--snapshot-validity", "snapshotValidity"},
        {"--resync-within", "resyncWithin"},
        {"--rotate-after", "rotateAfter"},
        {"--certificate-validity", "certificateValidity"}};
    for (const auto& [option, member] : kNumbers) {
        if (!arguments.has(option)) continue;
        SIGNET_ASSIGN(const auto value, arguments.number(option, 0, 1, INT32_MAX));
        body[member] = value;
    }
    constexpr std::pair<std::string_view, std::string_view> kTexts[] = {
        {"--rotate-issued-before", "rotateIssuedBefore"},
        {"--minimum-version", "minimumServiceVersion"},
        {"--download-url", "serviceDownloadURL"},
        {"--banner", "bannerMessage"}};
    for (const auto& [option, member] : kTexts)
        if (arguments.has(option)) body[member] = arguments.text(option);
    SIGNET_ASSIGN(const auto answer, body.empty() ? context.get("/v1/mosip/policy", kAdmin)
                                                  : context.post("/v1/mosip/policy", body, kAdmin));
    const auto seconds = [&](std::string_view member) {
        return std::to_string(number_of(answer, member)) + " s";
    };
    context.out().fields({{"snapshot validity", seconds("snapshotValidity")},
                          {"de-registered after", seconds("resyncWithin")},
                          {"rotation after", seconds("rotateAfter")},
                          {"certificate validity", seconds("certificateValidity")},
                          {"rotate those issued before", text_of(answer, "rotateIssuedBefore")},
                          {"minimum device service", text_of(answer, "minimumServiceVersion")},
                          {"download", text_of(answer, "serviceDownloadURL")},
                          {"banner", text_of(answer, "bannerMessage")}});
    context.out().document(answer);
    return ExitCode::ok;
}

Outcome encryption(Context& context, const Arguments& arguments) {
    if (arguments.has("FILE")) {
        SIGNET_ASSIGN(const auto pem, read_input(arguments.text("FILE"), kMaxPem));
        SIGNET_TRY(context.post("/v1/mosip/encryption-certificates", json::object{{"certificate", pem}},
                                kAdmin, random_uuid()));
    }
    SIGNET_ASSIGN(const auto answer, context.get("/v1/mosip/encryption-certificates", kAdmin));
    std::vector<std::vector<std::string>> rows;
    for (const auto& one : list_of(answer, "certificates"))
        rows.push_back({flag_of(one, "current") ? "*" : "", text_of(one, "thumbprint"),
                        text_of(one, "not_after"), text_of(one, "subject")});
    context.out().table({"", "THUMBPRINT", "VALID UNTIL", "SUBJECT"}, rows);
    context.out().document(answer);
    return ExitCode::ok;
}

}  // namespace

std::vector<Command> mosip_commands() {
    const Positional provider{"PROVIDER", Value::text, "deviceProviderId of the vendor"};
    const Positional serial{"SERIAL", Value::text, "serial number of the device"};
    const Positional pem{"FILE", Value::file, "certificates in PEM; - for standard input"};
    const Option after{"--after", "N", "go on after the page before", Value::number};
    const std::vector<std::string_view> bio_types{"Finger", "Iris", "Face"};
    const std::vector<std::string_view> purposes{"Auth", "Registration"};
    return {
        {"mosip",
         "vendor-add",
         "add a device vendor with the certificates its requests chain to",
         {provider, pem},
         {{"--name", "TEXT", "for people"}},
         add_vendor},
        {"mosip", "vendors", "list device vendors", {}, {after}, list_vendors},
        {"mosip", "vendor", "a device vendor and its certificates", {provider}, {}, show_vendor},
        {"mosip", "vendor-trust", "add certificates of a vendor", {provider, pem}, {}, trust_vendor},
        {"mosip",
         "vendor-distrust",
         "remove a certificate of a vendor",
         {provider, {"SHA256", Value::text, "its fingerprint"}},
         {},
         distrust_vendor},
        {"mosip", "vendor-disable", "refuse all devices of a vendor", {provider}, {}, disable_vendor},
        {"mosip", "vendor-enable", "serve the devices of a vendor again", {provider}, {}, enable_vendor},
        {"mosip",
         "device-add",
         "white-list a device",
         {provider, serial},
         {{"--model", "ID", "modelID", Value::text, true},
          {"--purpose", "WORD", "Auth or Registration", Value::text, true, false, purposes},
          {"--bio-type", "WORD", "Finger, Iris or Face", Value::text, true, false, bio_types},
          {"--valid-until", "DATE", "2030-12-31, or a time with its zone (default: without end)"}},
         add_device},
        {"mosip",
         "import",
         "white-list the devices of a CSV file, with a report by line",
         {{"FILE", Value::file,
           "columns providerId, serialNumber, modelID, devicePurpose, bioType, validUntil"}},
         {},
         import},
        {"mosip",
         "devices",
         "list devices",
         {},
         {{"--provider", "ID", "of this vendor only"}, after},
         list_devices},
        {"mosip", "device-show", "one device", {provider, serial}, {}, show_device},
        {"mosip",
         "device-change",
         "remove, block, unblock, rotate or deregister a device",
         {provider, serial, {"CHANGE", Value::text, "remove, block, unblock, rotate or deregister"}},
         {},
         change_device},
        {"mosip",
         "history",
         "what happened to a device, newest first",
         {provider, serial},
         {{"--limit", "N", "at most so many (default 50)", Value::number}},
         history},
        {"mosip",
         "policy",
         "show, or change, what devices are told",
         {},
         {{"--snapshot-validity", "SECONDS", "how long a snapshot is valid", Value::number},
          {"--resync-within", "SECONDS", "devices that do not synchronise so long are de-registered",
           Value::number},
          {"--rotate-after", "SECONDS", "age of a certificate from which rotation is mandatory",
           Value::number},
          {"--certificate-validity", "SECONDS", "of device certificates", Value::number},
          {"--rotate-issued-before", "TIME", "all older certificates must be rotated; empty to end that"},
          {"--minimum-version", "VERSION", "of the device service; empty for any"},
          {"--download-url", "URL", "where devices get a newer device service"},
          {"--banner", "TEXT", "message for devices"}},
         policy},
        {"mosip",
         "encryption",
         "show the encryption certificates, or set the next one",
         {{"FILE", Value::file, "the certificate that devices are to use from now on", false}},
         {},
         encryption},
        {"mosip",
         "device",
         "a device in software, for trials: new, snapshot, encryption-cert, rotate, register or run",
         {{"ACTION", Value::text,
           "new, snapshot, encryption-cert, rotate, register, or run for all in a loop"},
          {"DIRECTORY", Value::directory, "with the device's keys and state"}},
         {{"--trust", "FILE", "certificate of the management server, or of its CA", Value::file},
          {"--address", "HOST:PORT", "over TLS instead of the API socket"},
          {"--ca", "FILE", "with --address: whom to trust for TLS", Value::file},
          {"--rounds", "N", "run: end after so many (default: never)", Value::number},
          {"--provider", "ID", "new: deviceProviderId"},
          {"--serial", "NUMBER", "new: serial number"},
          {"--model", "ID", "new: modelID"},
          {"--bio-type", "WORD", "new: Finger, Iris or Face", Value::text, false, false, bio_types},
          {"--purpose", "WORD", "new: Auth or Registration", Value::text, false, false, purposes},
          {"--env", "WORD", "new: as the server's (default Staging)"},
          {"--service-version", "VERSION", "new: of the device service"}},
         mosip_device},
    };
}

}  // namespace signet::ctl
