// `signetctl device`: a whole PayControl device in software, for tests, trials and servers that confirm by themselves.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <chrono>

#include "base/encoding.h"
#include "base/file.h"
#include "base/key_wrap.h"
#include "base/random.h"
#include "daemon/ctl/device_client.h"
#include "daemon/ctl/device_file.h"
#include "daemon/ctl/device_key_source.h"
#include "daemon/paycontrol/codes.h"
#include "daemon/paycontrol/key_export.h"
#include "daemon/paycontrol/tlv.h"

namespace signet::ctl {
namespace {

namespace json = boost::json;
namespace shared = signet::paycontrol;

constexpr std::uint32_t kWithFingerPrint = 1U;  // key_flags
constexpr std::uint64_t kKeyObsoleted = 336;

// A device file that is open, and the way to its server.
struct Opened {
    std::filesystem::path file;
    Secret password;
    Device device;
    DeviceClient client;
};

Result<Opened> open(Context& context, const Arguments& arguments) {
    const std::filesystem::path file = arguments.text("DEVICE");
    SIGNET_ASSIGN(auto password, read_secret_file(arguments.text("--password-file")));
    SIGNET_ASSIGN(auto device, load_device(file, password));
    SIGNET_ASSIGN(auto client, DeviceClient::connect(context, device, arguments.text("--trust")));
    return Opened{file, std::move(password), std::move(device), std::move(client)};
}

// As `send`. A renewal whose answer was lost is found out here: the server calls the old key obsolete, so the new one is it.
Result<json::value> ask(Opened& opened, http::Verb verb, const std::string& target,
                        const json::value* body = nullptr) {
    auto answer = opened.client.send(opened.device, verb, target, body);
    if (answer || opened.client.last_code() != kKeyObsoleted || opened.device.next_secrets.empty())
        return answer;
    auto& device = opened.device;
    device.secrets = std::move(device.next_secrets);
    device.next_secrets = {};
    ++device.key_index;
    SIGNET_TRY(save_device(opened.file, device, opened.password));
    return opened.client.send(device, verb, target, body);
}

std::string transaction_path(const Arguments& arguments, std::string_view what = {}) {
    return "/transactions/" + path_segment(arguments.text("TRANSACTION")) + std::string(what);
}

std::int64_t unix_now() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

// What a transaction's codes and signatures cover.
struct Shown {
    json::value data;
    std::string text, snippet;
    std::string binary;
    shared::Covered covered(const Device& device) const {
        return {.text = text,
                .binary = as_bytes(binary),
                .user_id = device.user_id,
                .fingerprint = (device.key_flags & kWithFingerPrint) != 0
                                   ? std::string_view(device.fingerprint)
                                   : std::string_view{},
                .snippet = snippet};
    }
};

Result<Shown> get_data(Opened& opened, const Arguments& arguments) {
    Shown out;
    SIGNET_ASSIGN(out.data, ask(opened, http::Verb::get, transaction_path(arguments, "/get_data")));
    out.text = text_of(out.data, "text");
    if (const auto* object = out.data.if_object()) {
        if (const auto* snippet = object->if_contains("snippet")) out.snippet = text_of(*snippet, "text");
        if (object->contains("binary_data_url")) {
            SIGNET_ASSIGN(out.binary, opened.client.fetch(opened.device,
                                                          transaction_path(arguments, "/get_binary_data")));
        }
    }
    return out;
}

Outcome personalize(Context& context, const Arguments& arguments) {
    const std::filesystem::path file = arguments.text("DEVICE");
    if (std::filesystem::exists(file))
        return fail(ErrorCode::already_exists, file.string() + " exists; a device is personalised once");
    SIGNET_ASSIGN(const auto text, read_key_source(arguments));
    SIGNET_ASSIGN(auto key, read_key_json(text));
    SIGNET_ASSIGN(const auto password, read_secret_file(arguments.text("--password-file")));
    Secret code;
    if (arguments.has("--code-file")) {
        SIGNET_ASSIGN(code, read_secret_file(arguments.text("--code-file")));
    } else if (!key.clear) {
        return fail(ErrorCode::invalid_argument,
                    "this key is under a password or an activation code; give it with --code-file");
    }
    auto& device = key.device;
    device.key = make_device_key();
    const auto made = random_bytes(32);
    device.fingerprint = arguments.text("--fingerprint", to_hex(made));
    SIGNET_ASSIGN(auto client, DeviceClient::connect(context, device, arguments.text("--trust")));
    if (key.online) {
        const json::value body{{"key_index", device.key_index}, {"activation_code", code.text()}};
        SIGNET_ASSIGN(const auto answer,
                      client.send(device, http::Verb::post, "/key/credentials/activate", &body, false));
        SIGNET_ASSIGN(auto release, from_base64(text_of(answer, "release_key")));
        code = Secret::copy_of(release);
        wipe(release);
    }
    SIGNET_ASSIGN(device.secrets, open_key_json(key, code.view()));
    SIGNET_TRY(save_device(file, device, password));
    SIGNET_ASSIGN(const auto spki, public_key_of(device));
    json::object settings{{"public_key", to_hex(spki)}, {"device_fingerprint", device.fingerprint}};
    // This device has one key pair for both.
    if ((device.key_flags & (1U << 10)) != 0) settings["autosign_public_key"] = to_hex(spki);
    if (arguments.has("--push-id"))
        settings["push_address"] = {{"device_type", arguments.text("--device-type", "Android")},
                                    {"device_push_id", arguments.text("--push-id")},
                                    {"app_id", "signetctl"}};
    const json::value body(settings);
    SIGNET_TRY(client.send(device, http::Verb::patch, "", &body));
    context.out().fields({{"system", key.system_name},
                          {"user", device.user_id},
                          {"name", key.user_name},
                          {"key index", std::to_string(device.key_index)},
                          {"app extra", key.app_extra},
                          {"file", file.string()}});
    context.out().document(json::object{{"system_id", device.system_id},
                                        {"user_id", device.user_id},
                                        {"key_index", device.key_index},
                                        {"public_key", to_hex(spki)}});
    return ExitCode::ok;
}

Outcome list(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(auto opened, open(context, arguments));
    SIGNET_ASSIGN(const auto answer, ask(opened, http::Verb::get,
                                         arguments.has("--autosign") ? "/transactions/get_autoconfirm_list"
                                                                     : "/transactions/get_list"));
    if (const auto* ids = answer.if_array())
        for (const auto& id : *ids)
            if (id.is_string()) context.out().line(std::string_view(id.get_string()));
    context.out().document(answer);
    return ExitCode::ok;
}

Outcome show(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(auto opened, open(context, arguments));
    SIGNET_ASSIGN(const auto shown, get_data(opened, arguments));
    context.out().fields(
        {{"text", shown.text},
         {"snippet", shown.snippet},
         {"binary data", shown.binary.empty() ? "" : std::to_string(shown.binary.size()) + " bytes"}});
    context.out().document(shown.data);
    return ExitCode::ok;
}

Outcome confirm(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(auto opened, open(context, arguments));
    SIGNET_ASSIGN(const auto shown, get_data(opened, arguments));
    const auto step = shared::time_step(unix_now(), opened.device.confirm_interval);
    const auto tlv = shared::tlv(shown.covered(opened.device), step);
    SIGNET_ASSIGN(const auto signature, sign_with(opened.device, tlv));
    const json::value body{{"confirm_code", to_hex(hmac_sha256(opened.device.k1(), tlv))},
                           {"signature", to_hex(signature)}};
    SIGNET_TRY(ask(opened, http::Verb::post, transaction_path(arguments, "/confirm"), &body));
    context.out().line("confirmed");
    context.out().document(body);
    return ExitCode::ok;
}

Outcome autosign(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(auto opened, open(context, arguments));
    SIGNET_ASSIGN(const auto shown, get_data(opened, arguments));
    const auto step = shared::time_step(unix_now(), opened.device.confirm_interval);
    SIGNET_ASSIGN(const auto signature,
                  sign_with(opened.device, shared::tlv(shown.covered(opened.device), step)));
    const json::value body{{"signature", to_hex(signature)}, {"scoring", json::object{}}};
    SIGNET_TRY(ask(opened, http::Verb::post, transaction_path(arguments, "/autoconfirm"), &body));
    context.out().line("confirmed");
    context.out().document(body);
    return ExitCode::ok;
}

Outcome decline(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(auto opened, open(context, arguments));
    const bool wrong = arguments.text("--reason") == "wrong-data";
    SIGNET_ASSIGN(const auto shown, get_data(opened, arguments));
    const auto step = shared::time_step(unix_now(), opened.device.confirm_interval);
    const auto tlv =
        shared::tlv(shown.covered(opened.device), step,
                    wrong ? shared::DeclineReason::wrong_data : shared::DeclineReason::not_authorized);
    const json::value body{{"decline_code", to_hex(hmac_sha256(opened.device.k1(), tlv))},
                           {"decline_reason", wrong ? "wrong data" : "not authorized"}};
    SIGNET_TRY(ask(opened, http::Verb::post, transaction_path(arguments, "/decline"), &body));
    context.out().line("declined");
    context.out().document(body);
    return ExitCode::ok;
}

// Without any connection: from the transaction's QR code, or from its text.
Outcome code(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto password, read_secret_file(arguments.text("--password-file")));
    SIGNET_ASSIGN(const auto device, load_device(arguments.text("DEVICE"), password));
    Shown shown;
    std::uint64_t digits = 6;
    if (arguments.has("--qr") || arguments.has("--from")) {
        SIGNET_ASSIGN(const auto text, read_key_source(arguments));
        SIGNET_ASSIGN(const auto transaction, read_transaction_json(text));
        if (text_of(transaction, "user_id") != device.user_id)
            return fail(ErrorCode::unprocessable, "the transaction is another user's");
        shown.text = text_of(transaction, "text");
        if (const auto* snippet = transaction.as_object().if_contains("snippet"))
            shown.snippet =
                snippet->is_string() ? std::string(snippet->get_string()) : text_of(*snippet, "text");
        digits = number_of(transaction, "confirm_code_length");
    } else if (arguments.has("--text-file")) {
        SIGNET_ASSIGN(shown.text, read_file(arguments.text("--text-file"), std::size_t{10} << 10));
    } else {
        return fail(ErrorCode::invalid_argument, "say what the code is for: --qr, --from or --text-file");
    }
    SIGNET_ASSIGN(digits, arguments.number("--digits", digits, 6, 10));
    if (digits < 6 || digits > 10)
        return fail(ErrorCode::unprocessable, "this transaction takes no code of 6 to 10 digits");
    const auto step = shared::time_step(unix_now(), device.confirm_interval);
    const auto tlv = shared::tlv(shown.covered(device), step);
    const auto text = shared::short_code(hmac_sha256(device.k1(), tlv), static_cast<std::uint32_t>(digits));
    context.out().line(text);
    context.out().document(json::object{{"confirm_code", text}});
    return ExitCode::ok;
}

Result<Secret> next_secrets(const Device& device, ByteView challenge, ByteView salt) {
    Secret out(64);
    std::size_t at = 0;
    for (const auto& [key, which] : {std::pair(device.k1(), "k1"), std::pair(device.k2(), "k2")}) {
        const auto context = shared::renewal_context(which, challenge, salt);
        SIGNET_ASSIGN(const auto next, encrypt_aes_ecb(Secret::copy_of(key), context));
        std::ranges::copy(next.view(), out.data() + at);
        at += 32;
    }
    return out;
}

Outcome renew(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(auto opened, open(context, arguments));
    const json::value nothing = json::object{};
    SIGNET_ASSIGN(const auto begun, ask(opened, http::Verb::post, "/key/renew/challenge", &nothing));
    auto& device = opened.device;
    SIGNET_ASSIGN(const auto challenge, from_hex(text_of(begun, "challenge")));
    const auto salt = random_bytes(32);
    const auto message = shared::renewal_message(challenge, salt);
    SIGNET_ASSIGN(const auto signature, sign_with(device, message));
    SIGNET_ASSIGN(device.next_secrets, next_secrets(device, challenge, salt));
    // First the file: should the answer be lost, the next request finds the new key.
    SIGNET_TRY(save_device(opened.file, device, opened.password));
    const json::value body{{"salt", to_hex(salt)},
                           {"signature", to_hex(signature)},
                           {"hmac", to_hex(hmac_sha256(device.k1(), message))}};
    SIGNET_ASSIGN(const auto renewed,
                  opened.client.send(device, http::Verb::post, "/key/renew/response", &body));
    device.secrets = std::move(device.next_secrets);
    device.next_secrets = {};
    device.key_index = static_cast<std::uint32_t>(number_of(renewed, "key_index"));
    device.expires = static_cast<std::int64_t>(number_of(renewed, "expiration_timestamp"));
    SIGNET_TRY(save_device(opened.file, device, opened.password));
    context.out().line("renewed; key index " + std::to_string(device.key_index));
    context.out().document(renewed);
    return ExitCode::ok;
}

Outcome event(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(auto opened, open(context, arguments));
    json::object body{{"event_type", arguments.text("TYPE")},
                      {"event",
                       {{"device_event_id", random_uuid()},
                        {"session_id", random_uuid()},
                        {"device_time", unix_now() * 1000},
                        {"device_info", arguments.text("--info", "signetctl")}}}};
    if (arguments.has("--push-id"))
        body["push_address"] = {{"device_type", arguments.text("--device-type", "Android")},
                                {"device_push_id", arguments.text("--push-id")}};
    const json::value value(body);
    SIGNET_ASSIGN(const auto answer, ask(opened, http::Verb::post, "/events", &value));
    context.out().line("event " + std::to_string(number_of(answer, "event_id")));
    context.out().document(answer);
    return ExitCode::ok;
}

Outcome info(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(auto opened, open(context, arguments));
    SIGNET_ASSIGN(const auto answer, ask(opened, http::Verb::get, ""));
    context.out().fields({{"user", text_of(answer, "user_id")},
                          {"system", text_of(answer, "system_name")},
                          {"blocked", flag_of(answer, "blocked") ? "yes" : "no"},
                          {"public key", text_of(answer, "public_key")}});
    context.out().document(answer);
    return ExitCode::ok;
}

Outcome password(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(auto opened, open(context, arguments));
    SIGNET_ASSIGN(const auto value, read_secret_file(arguments.text("--server-password-file")));
    json::object body{{"password", value.text()}};
    if (arguments.has("--current-file")) {
        SIGNET_ASSIGN(const auto current, read_secret_file(arguments.text("--current-file")));
        body["current_password"] = current.text();
    }
    const json::value sent(body);
    SIGNET_TRY(ask(opened, http::Verb::post,
                   arguments.has("--verify") ? "/key/credentials/verify" : "/key/credentials/set", &sent));
    context.out().line(arguments.has("--verify") ? "the password is right" : "the password is set");
    context.out().document(json::object{{"result", "ok"}});
    return ExitCode::ok;
}

}  // namespace

std::vector<Command> device_commands() {
    const Positional file{"DEVICE", Value::file, "the device's file"};
    const Positional transaction{"TRANSACTION", Value::text, "its id"};
    const Option secret{"--password-file", "FILE",
                        "the password of the device's file, in a file of mode 0600", Value::file, true};
    const Option trust{"--trust", "FILE", "trust anchors of the server (PEM) in place of the machine's",
                       Value::file};
    const Option push{"--push-id", "ID", "device_push_id to register"};
    const Option type{"--device-type",
                      "TYPE",
                      "of the push address (default Android)",
                      Value::text,
                      false,
                      false,
                      {"Android", "iOS", "Huawei", "ServerSigner", "Telegram", "Edna"}};
    const Option from{"--from", "FILE", "a file with the JSON, or with the deep link that carries it",
                      Value::file};
    const Option qr{"--qr", "IMAGE", "an image of the QR code (needs zbar-tools)", Value::file};
    return {
        {"device",
         "personalize",
         "make a device of a key JSON, a QR code or a deep link, and register it",
         {file},
         {secret,
          from,
          qr,
          {"--code-file", "FILE", "the password or activation code", Value::file},
          {"--fingerprint", "HEX", "device fingerprint (default: a random one)"},
          push,
          type,
          trust},
         personalize},
        {"device", "info", "what the server knows about the device's user", {file}, {secret, trust}, info},
        {"device",
         "list",
         "transactions that wait for the user",
         {file},
         {secret, trust, {"--autosign", "", "those that may be confirmed automatically"}},
         list},
        {"device", "show", "what a transaction says", {file, transaction}, {secret, trust}, show},
        {"device",
         "confirm",
         "confirm a transaction: code and signature",
         {file, transaction},
         {secret, trust},
         confirm},
        {"device",
         "autosign",
         "confirm a transaction automatically: signature alone",
         {file, transaction},
         {secret, trust},
         autosign},
        {"device",
         "decline",
         "decline a transaction",
         {file, transaction},
         {secret,
          trust,
          {"--reason",
           "REASON",
           "why (default not-authorized)",
           Value::text,
           false,
           false,
           {"not-authorized", "wrong-data"}}},
         decline},
        {"device",
         "code",
         "a code for a transaction, without any connection",
         {file},
         {secret,
          from,
          qr,
          {"--text-file", "FILE", "the text to confirm", Value::file},
          {"--digits", "N", "6 to 10 (default: as the transaction says, or 6)", Value::number}},
         code},
        {"device",
         "renew",
         "replace the device's secrets by ones derived from them",
         {file},
         {secret, trust},
         renew},
        {"device",
         "event",
         "send an event",
         {file, {"TYPE", Value::text, "event_type, such as password_incorrect"}},
         {secret, trust, {"--info", "TEXT", "device_info"}, push, type},
         event},
        {"device",
         "password",
         "set or verify the password that the server checks (online credentials)",
         {file},
         {secret,
          trust,
          {"--server-password-file", "FILE", "that password", Value::file, true},
          {"--current-file", "FILE", "the one before, to change it", Value::file},
          {"--verify", "", "verify instead of setting"}},
         password},
    };
}

}  // namespace signet::ctl
