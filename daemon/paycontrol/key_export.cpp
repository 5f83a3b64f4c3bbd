#include "daemon/paycontrol/key_export.h"

#include "base/encoding.h"

namespace signet::paycontrol {

Bytes export_header(const ExportHeader& header) {
    std::string out = "signet-paycontrol-key-1";
    out += '\0';
    for (const auto text : {header.system_id, header.user_id}) {
        out += text;
        out += '\0';
    }
    for (const auto number : {std::int64_t{header.key_index}, std::int64_t{header.type},
                              std::int64_t{header.flags}, header.expires}) {
        out += std::to_string(number);
        out += '\0';
    }
    return to_bytes(out);
}

Bytes renewal_message(ByteView challenge, ByteView salt) {
    auto out = to_bytes("signet-paycontrol-renew-1");
    out.push_back(0);
    out.insert(out.end(), challenge.begin(), challenge.end());
    out.insert(out.end(), salt.begin(), salt.end());
    return out;
}

Sha256 renewal_context(std::string_view which, ByteView challenge, ByteView salt) {
    auto out = to_bytes(which);
    out.push_back(0);
    out.insert(out.end(), challenge.begin(), challenge.end());
    out.insert(out.end(), salt.begin(), salt.end());
    return sha256(out);
}

Bytes device_request_bytes(const DeviceRequest& request) {
    std::string out = "signet-paycontrol-device-1\n";
    for (const auto part : {request.verb, request.target}) {
        out += part;
        out += '\n';
    }
    out += std::to_string(request.step) + "\n" + std::to_string(request.key_index) + "\n";
    out += request.fingerprint;
    out += '\n';
    out += to_hex(sha256(as_bytes(request.body)));
    return to_bytes(out);
}

}  // namespace signet::paycontrol
