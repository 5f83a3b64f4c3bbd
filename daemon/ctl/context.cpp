#include "daemon/ctl/context.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <map>

#include "daemon/http/client.h"

namespace signet::ctl {
namespace {

namespace json = boost::json;

std::optional<ErrorCode> code_named(std::string_view name) {
    for (unsigned value = 0; value < 256; ++value) {
        const auto code = error_code_from(static_cast<std::uint8_t>(value));
        if (code && to_string(*code) == name) return code;
    }
    return std::nullopt;
}

ErrorCode code_for_status(unsigned status) {
    switch (status) {
        case 400:
            return ErrorCode::invalid_argument;
        case 401:
            return ErrorCode::unauthenticated;
        case 403:
            return ErrorCode::permission_denied;
        case 404:
            return ErrorCode::not_found;
        case 409:
            return ErrorCode::conflict;
        case 413:
            return ErrorCode::too_large;
        case 422:
            return ErrorCode::unprocessable;
        case 429:
            return ErrorCode::rate_limited;
        case 503:
            return ErrorCode::overloaded;
        case 504:
            return ErrorCode::deadline_exceeded;
        default:
            return ErrorCode::internal;
    }
}

const json::value* member_of(const json::value& value, std::string_view member) {
    const auto* object = value.if_object();
    return object == nullptr ? nullptr : object->if_contains(member);
}

Result<json::value> parse_answer(const Answer& answer) {
    boost::system::error_code error;
    auto value = json::parse(answer.body, error);
    if (error) return fail(ErrorCode::internal, "the daemon's answer is not JSON", error.message());
    return value;
}

}  // namespace

struct Context::Clients {
    std::map<Surface, http::Client> by_surface;
};

Context::Context(GlobalOptions options, Output& output)
    : options_(std::move(options)), out_(output), clients_(std::make_unique<Clients>()) {}
Context::~Context() = default;

Result<const config::Config*> Context::config() {
    if (!config_) {
        auto loaded = config::load(options_.config);
        if (!loaded) {
            auto error = std::move(loaded).error();
            if (error.code == ErrorCode::not_found)
                error.message += "; name the appliance's signetd.yaml with --config";
            return std::unexpected(std::move(error));
        }
        config_ = *std::move(loaded);
    }
    return &*config_;
}

Result<std::filesystem::path> Context::socket(Surface surface) {
    if (options_.socket) return *options_.socket;
    SIGNET_ASSIGN(const auto* config, this->config());
    const auto* listener = config->local_listener(surface == Surface::admin);
    if (listener == nullptr)
        return fail(ErrorCode::failed_precondition,
                    options_.config.string() + " configures no Unix socket for " +
                        (surface == Surface::admin ? "administration (surface: admin)" : "applications") +
                        "; add a listener, or name one with --socket");
    return listener->unix_path;
}

Result<Answer> Context::send(Surface surface, http::Verb verb, const std::string& target,
                             std::string_view body, std::string_view content_type,
                             std::string_view idempotency_key) {
    SIGNET_ASSIGN(const auto path, socket(surface));
    auto found = clients_->by_surface.find(surface);
    if (found == clients_->by_surface.end())
        found = clients_->by_surface.emplace(surface, http::Client(http::Endpoint::unix_socket(path))).first;
    http::ClientHeaders headers;
    if (!idempotency_key.empty()) headers.emplace_back("Idempotency-Key", idempotency_key);
    if (!options_.approval.empty() && verb == http::Verb::post)
        headers.emplace_back("Signet-Approval", options_.approval);
    auto response = found->second.send(verb, target, body, content_type, headers);
    if (!response) {
        auto error = std::move(response).error();
        if (error.code == ErrorCode::not_found || error.code == ErrorCode::overloaded) {
            error.code = ErrorCode::token_unavailable;
            error.message = "no daemon listens on " + path.string() + "; start it: signetd --config " +
                            options_.config.string() + " --with-token";
        } else if (error.code == ErrorCode::permission_denied) {
            error.message = "you may not use " + path.string() +
                            "; run this as the appliance's user, or join the group of the socket";
        }
        return std::unexpected(std::move(error));
    }
    Answer answer{response->status, std::string(response->headers.get("Content-Type")),
                  std::move(response->body), std::string(response->headers.get("Signet-Request-Id"))};
    if (answer.status >= 400) return std::unexpected(error_of(answer));
    if (const auto id = std::string(response->headers.get("Signet-Approval"));
        answer.status == 202 && !id.empty())
        return fail(ErrorCode::conflict,
                    "nothing was done yet: this waits for the approval of others as " + id +
                        " (they run: signetctl approvals approve " + id +
                        " --key FILE); then run the same command again with --approval " + id,
                    "approval " + id);
    return answer;
}

Result<json::value> Context::get(const std::string& target, Surface surface) {
    SIGNET_ASSIGN(const auto answer, send(surface, http::Verb::get, target));
    return parse_answer(answer);
}

Result<json::value> Context::post(const std::string& target, const json::value& body, Surface surface,
                                  std::string_view idempotency_key) {
    SIGNET_ASSIGN(const auto answer, send(surface, http::Verb::post, target, json::serialize(body),
                                          "application/json", idempotency_key));
    if (answer.body.empty()) return json::value(json::object{});
    return parse_answer(answer);
}

Error error_of(const Answer& answer) {
    constexpr std::string_view kPrefix = "urn:signet:error:";
    Error error{code_for_status(answer.status), "the daemon answered " + std::to_string(answer.status), {}};
    if (!answer.request_id.empty()) error.detail = "request " + answer.request_id;
    boost::system::error_code malformed;
    const auto problem = json::parse(answer.body, malformed);
    if (malformed) return error;
    const auto type = text_of(problem, "type");
    if (type.starts_with(kPrefix)) {
        if (const auto code = code_named(type.substr(kPrefix.size()))) error.code = *code;
    }
    if (auto text = text_of(problem, "detail"); !text.empty()) error.message = std::move(text);
    return error;
}

std::string path_segment(std::string_view text) {
    constexpr std::string_view kUnreserved =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        if (kUnreserved.contains(c)) {
            out += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out += '%';
            out += kHex[byte >> 4];
            out += kHex[byte & 15];
        }
    }
    return out;
}

std::string text_of(const json::value& object, std::string_view member) {
    const auto* value = member_of(object, member);
    if (value == nullptr) return {};
    if (const auto* text = value->if_string()) return std::string(text->data(), text->size());
    if (value->is_number() || value->is_bool()) return json::serialize(*value);
    return {};
}

std::uint64_t number_of(const json::value& object, std::string_view member) {
    const auto* value = member_of(object, member);
    if (value == nullptr || !value->is_number()) return 0;
    boost::system::error_code inexact;
    const auto number = value->to_number<std::uint64_t>(inexact);
    return inexact ? 0 : number;
}

bool flag_of(const json::value& object, std::string_view member) {
    const auto* value = member_of(object, member);
    return value != nullptr && value->is_bool() && value->get_bool();
}

std::string join_of(const json::value& object, std::string_view member) {
    const auto* value = member_of(object, member);
    if (value == nullptr || !value->is_array()) return text_of(object, member);
    std::string out;
    for (const auto& item : value->get_array()) {
        if (!out.empty()) out += ", ";
        out += item.is_string() ? std::string(item.get_string().data(), item.get_string().size())
                                : json::serialize(item);
    }
    return out;
}

}  // namespace signet::ctl
