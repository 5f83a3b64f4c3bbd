// Bytes that the server and a device must make alike to hand over keys, to renew them, and to prove requests
// (docs/paycontrol-protocol.md: "Key export", "Renewal", "Requests of devices").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/digest.h"

namespace signet::paycontrol {

inline constexpr int kKeyVersion = 7;  // pc_key_version, pc_api_version

// What the MAC of `encrypted_key` covers before the data: "signet-paycontrol-key-1", then the fields, each followed by a
// zero byte, numbers in decimal.
struct ExportHeader {
    std::string_view system_id;
    std::string_view user_id;
    std::uint32_t key_index;
    std::uint32_t type;
    std::uint32_t flags;
    std::int64_t expires;  // s
};
Bytes export_header(const ExportHeader& header);

// What a device signs and MACs to renew: "signet-paycontrol-renew-1" ‖ 0 ‖ challenge ‖ salt.
Bytes renewal_message(ByteView challenge, ByteView salt);
// The context of the derivation of the next secret: SHA-256(which ‖ 0 ‖ challenge ‖ salt); `which` is "k1" or "k2".
Sha256 renewal_context(std::string_view which, ByteView challenge, ByteView salt);

// What the HMAC of a device's request covers: "signet-paycontrol-device-1", verb, target below the devices' root with its
// query, step, key index, device fingerprint, SHA-256 of the body in hex; each but the last followed by a line feed.
struct DeviceRequest {
    std::string_view verb;    // "POST"
    std::string_view target;  // "/{system}/users/{user}/…"
    std::uint64_t step;       // floor(unix time / auth_code_time_sampling_interval)
    std::uint32_t key_index;
    std::string_view fingerprint;  // hex, or empty
    std::string_view body;
};
Bytes device_request_bytes(const DeviceRequest& request);
// The header field of such a request: PC-Auth: "1;<key_index>;<step>;<fingerprint>;<hmac hex>".
inline constexpr std::string_view kDeviceHeader = "PC-Auth";

}  // namespace signet::paycontrol
