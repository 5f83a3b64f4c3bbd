// Requests of the software device, each with its HMAC: over TLS to pc_external_url, or over the application socket.
#pragma once

#include <boost/json/fwd.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "daemon/ctl/context.h"
#include "daemon/ctl/device_file.h"

namespace signet::ctl {

class DeviceClient {
  public:
    // `trust`: PEM of trust anchors for TLS; empty: those of the machine.
    static Result<DeviceClient> connect(Context& context, const Device& device,
                                        const std::filesystem::path& trust);
    DeviceClient(DeviceClient&&) noexcept;
    ~DeviceClient();

    // `target` below the user: "/transactions/get_list". Returns answer[answer_type] (null for result_only). `proven` false:
    // without HMAC. Errors: unprocessable with PayControl's code and message, and those of the connection.
    Result<boost::json::value> send(const Device& device, http::Verb verb, std::string_view target,
                                    const boost::json::value* body = nullptr, bool proven = true);
    // A body that is no JSON.
    Result<std::string> fetch(const Device& device, std::string_view target);
    // The code of the last answer.
    std::uint64_t last_code() const { return last_code_; }

  private:
    struct Impl;
    explicit DeviceClient(std::unique_ptr<Impl> impl);
    Result<std::string> exchange(const Device& device, http::Verb verb, std::string_view target,
                                 std::string_view body, bool proven);
    std::unique_ptr<Impl> impl_;
    std::uint64_t last_code_ = 0;
};

// The member answer[answer_type] of an envelope. Error: unprocessable for every error_code but 0, which `code` gets.
Result<boost::json::value> opened(std::string_view envelope, std::uint64_t& code);

}  // namespace signet::ctl
