// What signetctl prints: lines and tables for people, or one JSON document with --json. Never both.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace signet::ctl {

class Output {
  public:
    explicit Output(bool json, std::FILE* out = stdout, std::FILE* error = stderr)
        : json_(json), out_(out), error_(error) {}

    bool json() const { return json_; }

    // For people; silent with --json. Control characters, which could drive a terminal, come out as '?'.
    void line(std::string_view text);
    // "name:  value", aligned over the whole list; pairs with an empty value are left out.
    void fields(const std::vector<std::pair<std::string, std::string>>& fields);
    // Columns as wide as their widest cell; the last one is not padded.
    void table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows);
    // Progress and remarks, on stderr; silent with --json.
    void note(std::string_view text);

    // The one document of --json, on one line; silent without.
    void document(const boost::json::value& value);
    // To the letter, in both modes: file contents (PEM, DER) that were asked for.
    void raw(std::string_view content);

    // "signetctl: what happened …" on stderr, and {"error":{"code","message","detail"}} as the document.
    void error(const Error& error);

    // Whether everything reached its file: a full disk or a closed pipe must not look like success.
    bool flush();

  private:
    bool json_;
    std::FILE* out_;
    std::FILE* error_;
};

// Control characters and malformed UTF-8 as '?'.
std::string printable(std::string_view text);

}  // namespace signet::ctl
