#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/encoding.h"
#include "base/file.h"
#include "base/secret.h"
#include "daemon/ctl/context.h"
#include "daemon/ctl/files.h"
#include "hsm/frames/key_types.h"

namespace signet::ctl {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxData = std::size_t{700} << 10;  // what fits a request body of 1 MiB as base64

std::string key_path(const Arguments& arguments, std::string_view operation) {
    return "/v1/keys/" + path_segment(arguments.text("KEY")) + std::string(operation);
}

// --algorithm, or what the key signs with when nothing else is said.
Result<SignAlgorithm> sign_algorithm(Context& context, const Arguments& arguments) {
    if (arguments.has("--algorithm")) {
        const auto name = arguments.text("--algorithm");
        const auto algorithm = sign_algorithm_from(name);
        if (!algorithm)
            return fail(ErrorCode::invalid_argument, "there is no signature algorithm '" + name +
                                                         "'; use RS256, PS256, ES256, ES384, EdDSA, …");
        return *algorithm;
    }
    SIGNET_ASSIGN(const auto key, context.get(key_path(arguments, "")));
    const auto kind = key_algorithm_from(text_of(key, "algorithm"));
    const auto algorithm = kind ? default_sign_algorithm(*kind) : std::nullopt;
    if (!algorithm)
        return fail(ErrorCode::unprocessable, "key '" + arguments.text("KEY") + "' is a " +
                                                  text_of(key, "algorithm") + " key: it does not sign");
    return *algorithm;
}

// {"algorithm", "digest"} of a file, or {"algorithm", "data"} for EdDSA, which signs the message itself.
Result<json::object> signing_input(const std::string& file, SignAlgorithm algorithm) {
    json::object body{{"algorithm", std::string(to_string(algorithm))}};
    if (const auto hash = hash_of(algorithm)) {
        SIGNET_ASSIGN(const auto digest, hash_input(file, *hash));
        body["digest"] = to_base64(digest);
    } else {
        SIGNET_ASSIGN(const auto data, read_input(file, kMaxData));
        body["data"] = to_base64(as_bytes(data));
    }
    return body;
}

// Bytes of an answer's base64 member: into --out, else as base64 on a line.
Status deliver(Context& context, const Arguments& arguments, const json::value& answer,
               std::string_view member) {
    if (arguments.has("--out")) {
        SIGNET_ASSIGN(const auto bytes, from_base64(text_of(answer, member)));
        SIGNET_TRY(write_file_atomic(arguments.text("--out"), bytes, 0644));
        context.out().note("wrote " + std::to_string(bytes.size()) + " bytes to " + arguments.text("--out"));
    } else {
        context.out().line(text_of(answer, member));
    }
    context.out().document(answer);
    return {};
}

void note_record(Context& context, const json::value& answer) {
    context.out().note(text_of(answer, "algorithm") + " by " + text_of(answer, "key") + "/" +
                       text_of(answer, "version") + ", audit record " + text_of(answer, "audit"));
}

Outcome sign(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto algorithm, sign_algorithm(context, arguments));
    SIGNET_ASSIGN(const auto body, signing_input(arguments.text("FILE"), algorithm));
    SIGNET_ASSIGN(const auto answer, context.post(key_path(arguments, "/sign"), body));
    note_record(context, answer);
    SIGNET_TRY(deliver(context, arguments, answer, "signature"));
    return ExitCode::ok;
}

// A signature as `sign` writes it: raw bytes with --out, a base64 line without.
Result<std::string> read_signature(const std::string& file) {
    SIGNET_ASSIGN(const auto content, read_input(file, 16384));
    const auto decoded = from_base64_wrapped(content);
    return to_base64(decoded ? ByteView(*decoded) : as_bytes(content));
}

Outcome valid_or_not(Context& context, const json::value& answer, const std::string& what) {
    const bool valid = flag_of(answer, "valid");
    context.out().line(what + (valid ? " is valid" : " is NOT valid"));
    context.out().document(answer);
    return valid ? ExitCode::ok : ExitCode::unsound;
}

Outcome verify(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto algorithm, sign_algorithm(context, arguments));
    SIGNET_ASSIGN(auto body, signing_input(arguments.text("FILE"), algorithm));
    SIGNET_ASSIGN(body["signature"], read_signature(arguments.text("SIGNATURE")));
    SIGNET_ASSIGN(const auto version, arguments.number("--key-version", 0, 0, 1'000'000));
    if (version != 0) body["version"] = version;
    SIGNET_ASSIGN(const auto answer, context.post(key_path(arguments, "/verify"), body));
    return valid_or_not(context, answer, "the signature");
}

Outcome mac(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto data, read_input(arguments.text("FILE"), kMaxData));
    json::object body{{"algorithm", arguments.text("--algorithm", "HS256")},
                      {"data", to_base64(as_bytes(data))}};
    if (arguments.has("--verify")) {
        SIGNET_ASSIGN(body["mac"], read_signature(arguments.text("--verify")));
        SIGNET_ASSIGN(const auto answer, context.post(key_path(arguments, "/mac-verify"), body));
        return valid_or_not(context, answer, "the MAC");
    }
    SIGNET_ASSIGN(const auto answer, context.post(key_path(arguments, "/mac"), body));
    note_record(context, answer);
    SIGNET_TRY(deliver(context, arguments, answer, "mac"));
    return ExitCode::ok;
}

// The plaintext may be a secret: it goes into a private file, never onto the terminal.
Outcome decrypt(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto ciphertext, read_input(arguments.text("FILE"), 4096));
    const json::object body{{"algorithm", arguments.text("--algorithm", "RSA-OAEP-256")},
                            {"ciphertext", to_base64(as_bytes(ciphertext))}};
    SIGNET_ASSIGN(const auto answer, context.post(key_path(arguments, "/decrypt"), body));
    SIGNET_ASSIGN(auto plaintext, from_base64(text_of(answer, "data")));
    const auto written = write_file_atomic(arguments.text("--out"), plaintext, 0600);
    wipe(plaintext);
    SIGNET_TRY(written);
    context.out().note("wrote " + std::to_string(plaintext.size()) + " bytes to " + arguments.text("--out"));
    context.out().document(json::object{{"file", arguments.text("--out")}, {"bytes", plaintext.size()}});
    return ExitCode::ok;
}

Outcome random(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto bytes, arguments.number("BYTES", 32, 1, 4096));
    SIGNET_ASSIGN(const auto answer, context.get("/v1/random?bytes=" + std::to_string(bytes)));
    SIGNET_TRY(deliver(context, arguments, answer, "random"));
    return ExitCode::ok;
}

Outcome jws(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto algorithm, sign_algorithm(context, arguments));
    SIGNET_ASSIGN(const auto payload, read_input(arguments.text("FILE"), kMaxData));
    json::object body{{"algorithm", std::string(to_string(algorithm))},
                      {"payload", to_base64(as_bytes(payload))}};
    if (arguments.has("--type")) body["typ"] = arguments.text("--type");
    SIGNET_ASSIGN(const auto answer, context.post(key_path(arguments, "/jws"), body));
    note_record(context, answer);
    context.out().line(text_of(answer, "jws"));
    context.out().document(answer);
    return ExitCode::ok;
}

Outcome cms(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto content, read_input(arguments.text("FILE"), kMaxData));
    json::object body{{"data", to_base64(as_bytes(content))}};
    if (arguments.has("--certificate")) {
        SIGNET_ASSIGN(body["certificate"], read_input(arguments.text("--certificate"), 65536));
    }
    SIGNET_ASSIGN(const auto answer, context.post(key_path(arguments, "/cms"), body));
    note_record(context, answer);
    SIGNET_TRY(deliver(context, arguments, answer, "cms"));
    return ExitCode::ok;
}

}  // namespace

std::vector<Command> signing_commands() {
    const Positional key{"KEY", Value::key, "label of the key"};
    const Positional file{"FILE", Value::file, "the file; - for standard input"};
    const Option algorithm{"--algorithm", "NAME",
                           "RS256, PS256, ES256, ES384, EdDSA, … (default: by the key's kind)"};
    const Option out{"--out", "FILE", "write the bytes here instead of base64 on standard output",
                     Value::file};
    return {
        {"", "sign", "sign a file; the signature is DER for ECDSA", {key, file}, {algorithm, out}, sign},
        {"",
         "verify",
         "verify a signature of one of the appliance's keys; exit code 8 when it is wrong",
         {key, file, {"SIGNATURE", Value::file, "the signature, raw or base64"}},
         {algorithm,
          {"--key-version", "N", "by which version of the key (default: the active one)", Value::number}},
         verify},
        {"",
         "mac",
         "make or verify an HMAC over a file",
         {key, file},
         {{"--algorithm",
           "NAME",
           "HS256, HS384 or HS512 (default HS256)",
           Value::text,
           false,
           false,
           {"HS256", "HS384", "HS512"}},
          {"--verify", "MAC", "a file with the MAC to verify; exit code 8 when it is wrong", Value::file},
          out},
         mac},
        {"",
         "decrypt",
         "decrypt a file with an RSA key (OAEP)",
         {key, file},
         {{"--algorithm",
           "NAME",
           "RSA-OAEP-256 (default) or RSA-OAEP",
           Value::text,
           false,
           false,
           {"RSA-OAEP-256", "RSA-OAEP"}},
          {"--out", "FILE", "where the plaintext goes (mode 0600)", Value::file, true}},
         decrypt},
        {"",
         "random",
         "random bytes from the token",
         {{"BYTES", Value::number, "how many, 1 to 4096 (default 32)", false}},
         {out},
         random},
        {"",
         "jws",
         "sign a file as a compact JWS (RFC 7515)",
         {key, file},
         {algorithm, {"--type", "TYP", "the `typ` of the header"}},
         jws},
        {"",
         "cms",
         "sign a file as a detached CMS signature (RFC 5652)",
         {key, file},
         {{"--certificate", "FILE", "the signer's certificate (default: the key's own)", Value::file}, out},
         cms},
    };
}

}  // namespace signet::ctl
