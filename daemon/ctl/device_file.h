// The software device of PayControl: what it keeps, in one file of mode 0600. Its private key is PKCS#8 under a password
// (PBES2, scrypt); its two secrets are wrapped under a key that scrypt makes of the same password.
#pragma once

#include <openssl/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "base/secret.h"

namespace signet::ctl {

struct FreeDeviceKey {
    void operator()(EVP_PKEY* key) const;
};
using DeviceKey = std::unique_ptr<EVP_PKEY, FreeDeviceKey>;

struct Device {
    std::string system_id;
    std::string user_id;
    std::uint32_t key_index = 1;
    std::uint32_t key_flags = 0;
    std::uint32_t confirm_interval = 180;  // s
    std::uint32_t auth_interval = 180;     // s
    std::int64_t expires = 0;              // s
    std::string external_url;              // pc_external_url; empty: the Unix socket
    std::string fingerprint;               // hex
    Secret secrets;                        // K1 ‖ K2, 64 bytes
    DeviceKey key;                         // P-256
    // A renewal whose answer did not arrive: where the server says that the key was replaced, it arrived there.
    Secret next_secrets;

    ByteView k1() const { return secrets.view().first(32); }
    ByteView k2() const { return secrets.view().last(32); }
};

DeviceKey make_device_key();
Result<Bytes> public_key_of(const Device& device);  // DER SubjectPublicKeyInfo
// ECDSA with SHA-256, DER.
Result<Bytes> sign_with(const Device& device, ByteView message);

Result<Device> load_device(const std::filesystem::path& file, const Secret& password);
Status save_device(const std::filesystem::path& file, const Device& device, const Secret& password);

// A key JSON, as KEY_JSON, a QR code or a deep link carries it. `code`: the password or activation code; unused for keys in
// clear. `release_key`: with online_credentials, what the server gave for the code. Errors: invalid_argument,
// unprocessable (a wrong code).
struct KeyJson {
    Device device;  // without secrets and key
    std::string system_name;
    std::string user_name;
    std::string app_extra;
    std::uint32_t type = 0;
    bool online = false;  // the code goes to the server first
    bool clear = false;
    Bytes data, mac, salt;  // encrypted_key
    Bytes clear_key;
    std::uint32_t n = 0, r = 0, p = 0;
};
Result<KeyJson> read_key_json(std::string_view text);
Result<Secret> open_key_json(const KeyJson& json, ByteView password);

}  // namespace signet::ctl
