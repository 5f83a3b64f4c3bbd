// RSA keys in software, in private files: for the simulated device. What is real has its key in a secure element.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "hsm/provider/openssl_ptr.h"

namespace signet::ctl {

class SoftwareKey {
  public:
    static Result<SoftwareKey> generate();  // RSA-2048
    // PKCS#8 PEM, mode 0600.
    static Result<SoftwareKey> load(const std::filesystem::path& path);
    Status save(const std::filesystem::path& path) const;

    Result<Bytes> sign_rs256(ByteView data) const;
    // CN and O; a certificate that signs itself (DER), or a PKCS#10 request (DER).
    Result<Bytes> self_signed(const std::string& name, const std::string& organisation, SystemTime now) const;
    Result<Bytes> request(const std::string& name, const std::string& organisation) const;

  private:
    explicit SoftwareKey(provider::PkeyPtr key) : key_(std::move(key)) {}
    provider::PkeyPtr key_;
};

}  // namespace signet::ctl
