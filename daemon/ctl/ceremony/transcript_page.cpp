// The transcript as a page for people: prints on A4 or letter, needs nothing but itself.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "base/file.h"
#include "daemon/ctl/ceremony/qr.h"
#include "daemon/ctl/ceremony/transcript.h"
#include "daemon/ctl/context.h"

namespace signet::ctl::ceremony {
namespace {

namespace json = boost::json;

constexpr std::string_view kStyle = R"(
@page { margin: 18mm 16mm; }
body { font: 10pt/1.4 "DejaVu Sans", Arial, sans-serif; color: #111; max-width: 178mm; margin: 8mm auto; }
h1 { font-size: 16pt; margin: 0 0 2mm; } h2 { font-size: 12pt; margin: 7mm 0 2mm; break-after: avoid; }
table { border-collapse: collapse; width: 100%; } tr { break-inside: avoid; }
th, td { text-align: left; vertical-align: top; border-bottom: .3pt solid #999; padding: 1mm 2mm 1mm 0; }
code, pre { font: 8.5pt/1.35 "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; white-space: pre-wrap; margin: 0; }
.hash { display: flex; gap: 8mm; align-items: center; border: 1pt solid #111; padding: 4mm; break-inside: avoid; }
.rehearsal { border: 2pt solid #b00; color: #b00; font-weight: bold; padding: 3mm; margin-bottom: 4mm; text-align: center; }
.sign td { height: 11mm; } .sign td:nth-child(3) { width: 70mm; }
)";

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '&')
            out += "&amp;";
        else if (c == '<')
            out += "&lt;";
        else if (c == '>')
            out += "&gt;";
        else if (c == '"')
            out += "&quot;";
        else
            out += c;
    }
    return out;
}

std::string cell(std::string_view text) {
    return "<td>" + escaped(text) + "</td>";
}

std::string value_text(const json::value& value) {
    if (value.is_string()) return std::string(value.get_string());
    return json::serialize(value);
}

const json::array& list_of(const json::value& object, std::string_view name) {
    static const json::array empty;
    const auto* found = object.is_object() ? object.get_object().if_contains(name) : nullptr;
    return found != nullptr && found->is_array() ? found->get_array() : empty;
}

std::string facts(const json::value& line) {
    const auto* data = line.get_object().if_contains("data");
    if (data == nullptr || !data->is_object()) return {};
    std::string out;
    for (const auto& [name, value] : data->get_object()) {
        if (name == "pem" || name == "text") continue;
        if (value.is_object()) {
            for (const auto& [inner, flag] : value.get_object())
                out += std::string(inner) + ": " + value_text(flag) + "\n";
        } else {
            out += std::string(name) + ": " + value_text(value) + "\n";
        }
    }
    return out;
}

std::string steps_table(const json::value& body) {
    std::string out = "<table><tr><th>time</th><th>step</th><th></th><th>facts</th></tr>\n";
    for (const auto& line : list_of(body, "steps")) {
        if (!line.is_object()) continue;
        out += "<tr>" + cell(text_of(line, "time")) + cell(text_of(line, "step")) +
               cell(text_of(line, "state")) + "<td><pre>" + escaped(facts(line)) + "</pre></td></tr>\n";
    }
    return out + "</table>\n";
}

std::string people_tables(const json::value& body) {
    std::string present = "<table><tr><th>name</th><th>role</th><th>present since</th></tr>\n";
    std::string sign = "<table class=\"sign\"><tr><th>name</th><th>role</th><th>signature</th></tr>\n";
    for (const auto& one : list_of(body, "participants")) {
        present += "<tr>" + cell(text_of(one, "name")) + cell(text_of(one, "role")) +
                   cell(text_of(one, "present")) + "</tr>\n";
        sign += "<tr>" + cell(text_of(one, "name")) + cell(text_of(one, "role")) + "<td></td></tr>\n";
    }
    return "<h2>Present</h2>\n" + present + "</table>\n<h2>Signatures of those present</h2>\n" + sign +
           "</table>\n";
}

}  // namespace

Result<std::string> write_transcript_page(const std::filesystem::path& transcript) {
    SIGNET_ASSIGN(const auto text, read_file(transcript));
    boost::system::error_code malformed;
    const auto file = json::parse(text, malformed);
    if (malformed || !file.is_object() || file.get_object().if_contains("transcript") == nullptr)
        return fail(ErrorCode::internal, "the transcript that was just written cannot be read");
    const auto& body = file.get_object().at("transcript");
    const auto& plan = body.get_object().at("file");
    const auto hash = text_of(file, "sha256");
    SIGNET_ASSIGN(const auto qr, qr_svg("signet-ceremony-transcript:sha256:" + hash, 38));
    const auto title = escaped(text_of(body, "title"));
    std::string page =
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Transcript: " + title +
        "</title><style>" + std::string(kStyle) + "</style></head><body>\n";
    if (flag_of(body, "rehearsal"))
        page += "<div class=\"rehearsal\">REHEARSAL on a disposable token: nothing here is real</div>\n";
    page += "<h1>" + title + "</h1>\n<p>Transcript of a key ceremony, " + escaped(text_of(body, "began")) +
            " to " + escaped(text_of(body, "ended")) + ", on " + escaped(text_of(body, "host")) + ", with " +
            escaped(text_of(body, "tool")) + ", interrupted " + text_of(body, "interruptions") +
            " times.</p>\n";
    page += "<div class=\"hash\"><div>" + qr + "</div><div><b>SHA-256 of the transcript</b><br><code>" +
            hash + "</code><br><br><code>" + escaped(text_of(file, "words")) + "</code></div></div>\n";
    page += "<h2>The ceremony's file</h2>\n<p><code>" + escaped(text_of(plan, "name")) +
            "</code>, SHA-256 <code>" + text_of(plan, "sha256") + "</code><br><code>" +
            escaped(text_of(plan, "words")) + "</code></p>\n";
    page += people_tables(body);
    page += "<h2>Steps</h2>\n" + steps_table(body);
    page += "<h2>The file to the letter</h2>\n<pre>" + escaped(text_of(plan, "text")) + "</pre>\n";
    page += "<p>Check it: <code>signetctl ceremony verify " + escaped(transcript.filename().string()) +
            " --key AUDIT-KEY.pem</code></p>\n</body></html>\n";
    auto path = transcript;
    path.replace_extension(".html");
    SIGNET_TRY(write_file_atomic(path, as_bytes(page), 0644));
    return text_of(file, "words");
}

}  // namespace signet::ctl::ceremony
