// A biometric device (MDS) in software, for trials and tests of the management server: a directory with its keys and what it
// knows. It speaks the four operations and checks the answers as a device does.
#pragma once

#include <boost/json/fwd.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "daemon/ctl/software_key.h"
#include "hsm/pki/certificate.h"

namespace signet::ctl {

struct MosipDeviceSettings {
    std::string provider_id;
    std::string serial_number;
    std::string model;
    std::string bio_type = "Finger";
    std::string purpose = "Auth";
    std::string env = "Staging";
    std::string service_version = "1.0.0";
};

// What became of an operation.
struct MosipAnswer {
    std::string code;         // "0", "-102", …
    std::string description;  // of the server
    std::string payload;      // JSON, verified; empty when the answer was not signed
};

class MosipDevice {
  public:
    // Sends the body of a request and gives the body of the answer.
    using Send = std::function<Result<std::string>(const std::string& body)>;

    // Makes the vendor's key with a self-signed certificate (vendor.pem: to be registered on the server), and device.json.
    // Error: already_exists.
    static Result<MosipDevice> create(const std::filesystem::path& directory,
                                      const MosipDeviceSettings& settings);
    static Result<MosipDevice> load(const std::filesystem::path& directory);
    ~MosipDevice();
    MosipDevice(MosipDevice&&) noexcept;
    MosipDevice& operator=(MosipDevice&&) noexcept;

    // Trusts answers signed by this certificate, or by one it issued.
    void trust(std::vector<pki::Certificate> anchors);

    // Errors: those of `send`; unprocessable when the answer is not one of the trusted server. An answer with another code
    // than "0" is a value.
    Result<MosipAnswer> snapshot(const Send& send);
    Result<MosipAnswer> fetch_encryption_certificate(const Send& send);
    Result<MosipAnswer> rotate(const Send& send);
    Result<MosipAnswer> register_device(const Send& send);

    // What the last snapshot asked for.
    bool must_rotate() const;
    bool must_register() const;
    bool must_fetch_encryption_certificate() const;
    std::optional<SystemTime> snapshot_validity() const;
    std::string device_code() const;

  private:
    struct State;
    explicit MosipDevice(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace signet::ctl
