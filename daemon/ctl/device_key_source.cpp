#include "daemon/ctl/device_key_source.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <optional>

#include "base/encoding.h"
#include "daemon/ctl/files.h"
#include "daemon/ctl/programs.h"

namespace signet::ctl {
namespace {

constexpr std::size_t kLongest = std::size_t{64} << 10;
constexpr std::string_view kZbar = "/usr/bin/zbarimg";

std::string_view trimmed(std::string_view text) {
    const auto space = [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; };
    while (!text.empty() && space(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && space(text.back()))
        text.remove_suffix(1);
    return text;
}

std::optional<std::string> percent_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        const auto byte = from_hex(text.substr(i + 1, 2));
        if (!byte || byte->size() != 1) return std::nullopt;
        out += static_cast<char>(byte->front());
        i += 2;
    }
    return out;
}

std::optional<std::string> object_in(const std::string& value) {
    if (trimmed(value).starts_with('{')) return value;
    if (const auto decoded = from_base64(value); decoded && as_text(*decoded).starts_with('{'))
        return std::string(as_text(*decoded));
    return std::nullopt;
}

}  // namespace

Result<std::string> json_in(std::string_view text) {
    text = trimmed(text);
    if (text.starts_with('{')) return std::string(text);
    const auto query = text.find('?');
    auto rest = query == std::string_view::npos ? std::string_view{} : text.substr(query + 1);
    rest = rest.substr(0, rest.find('#'));
    while (!rest.empty()) {
        const auto end = rest.find('&');
        const auto pair = rest.substr(0, end);
        const auto equals = pair.find('=');
        if (equals != std::string_view::npos) {
            const auto value = percent_decoded(pair.substr(equals + 1));
            const auto found = value ? object_in(*value) : std::nullopt;
            if (found) return *found;
        }
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    }
    return fail(ErrorCode::invalid_argument, "this is neither a JSON object nor a link that carries one");
}

Result<std::string> read_key_source(const Arguments& arguments) {
    if (arguments.has("--from") == arguments.has("--qr"))
        return fail(ErrorCode::invalid_argument, "give either --from or --qr");
    if (arguments.has("--from")) {
        SIGNET_ASSIGN(const auto text, read_input(arguments.text("--from"), kLongest));
        return json_in(text);
    }
    const auto scanned =
        run_program(kZbar, {"--quiet", "--raw", "--oneshot", "-Sbinary", arguments.text("--qr")},
                    std::chrono::seconds(60));
    if (!scanned && scanned.error().code == ErrorCode::not_found)
        return fail(ErrorCode::not_found, "zbarimg reads QR codes; install the package zbar-tools");
    SIGNET_TRY(scanned);
    if (scanned->code != 0 || scanned->output.empty())
        return fail(ErrorCode::invalid_argument, arguments.text("--qr") + " shows no QR code");
    return json_in(scanned->output);
}

Result<boost::json::value> read_transaction_json(std::string_view text) {
    std::error_code error;
    auto value = boost::json::parse(text, error);
    if (error || !value.is_object())
        return fail(ErrorCode::invalid_argument, "this is no transaction of PayControl");
    return value;
}

}  // namespace signet::ctl
