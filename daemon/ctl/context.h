// What every command works with: where the appliance is, how to talk to its daemon, and where to print.
#pragma once

#include <boost/json/fwd.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "daemon/config/config.h"
#include "daemon/ctl/command.h"
#include "daemon/ctl/command_line.h"
#include "daemon/ctl/output.h"
#include "daemon/http/message.h"

namespace signet::ctl {

enum class Surface : std::uint8_t { api, admin };

struct Answer {
    unsigned status = 0;
    std::string content_type;
    std::string body;
    std::string request_id;
};

class Context {
  public:
    Context(GlobalOptions options, Output& output);
    ~Context();

    Output& out() { return out_; }
    const GlobalOptions& options() const { return options_; }
    // Loaded once. Errors: those of config::load, with a hint at --config when the file is missing.
    Result<const config::Config*> config();
    // --socket, or the configured Unix socket of that surface.
    Result<std::filesystem::path> socket(Surface surface);

    // One request over the socket. Answers from 400 on come back as the Error of their problem document; its detail
    // names the request. Errors: token_unavailable when nobody listens, and what the daemon answered.
    Result<Answer> send(Surface surface, http::Verb verb, const std::string& target,
                        std::string_view body = {}, std::string_view content_type = "application/json",
                        std::string_view idempotency_key = {});
    // As `send`, with JSON both ways.
    Result<boost::json::value> get(const std::string& target, Surface surface = Surface::api);
    Result<boost::json::value> post(const std::string& target, const boost::json::value& body,
                                    Surface surface = Surface::api, std::string_view idempotency_key = {});

  private:
    struct Clients;
    GlobalOptions options_;
    Output& out_;
    std::optional<config::Config> config_;
    std::unique_ptr<Clients> clients_;
};

// The error of an answer from 400 on: by its problem document, or by its status where there is none.
Error error_of(const Answer& answer);

// Percent-encodes one segment of a path (RFC 3986 section 3.3; unreserved characters stay).
std::string path_segment(std::string_view text);

// Members of an answer: empty or 0 when absent or of another type, so that a daemon one version older does not crash us.
std::string text_of(const boost::json::value& object, std::string_view member);
std::uint64_t number_of(const boost::json::value& object, std::string_view member);
bool flag_of(const boost::json::value& object, std::string_view member);
// The JSON text of a list of strings, or of one string, joined with ", ".
std::string join_of(const boost::json::value& object, std::string_view member);

}  // namespace signet::ctl
