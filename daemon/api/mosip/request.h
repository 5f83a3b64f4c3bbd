// A device's request, read and proved to come from its vendor.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "daemon/api/json.h"
#include "daemon/api/mosip/context.h"
#include "daemon/api/mosip/trust.h"
#include "sqlite/mosip_device_store.h"

namespace signet::api::mosip {

enum class Operation : std::uint8_t { snapshot, encryption_certificate, key_rotation, registration };
std::string_view to_string(Operation operation);  // "msbDeviceSnapshot", …
std::optional<Operation> operation_from(std::string_view name);

struct DeviceRequest {
    Operation operation = Operation::snapshot;
    JsonObject payload;
    // As sent; they are echoed. Up to 256 bytes each.
    std::string transaction_id{};
    std::string timestamp{};
    std::string serial_number{};
    std::string device_code{};  // empty before registration
    std::string model{};
    std::string provider_id{};
    std::string bio_type{};
    std::string certification_level{};
    std::string purpose{};
    std::string env{};
    std::string service_version{};
    std::string spec_version{};
    std::string host_os{};

    sqlite::MosipVendor vendor{};
    std::optional<sqlite::MosipDevice> device{};  // on the white list or once on it
    Trust trust{};
};

// The members of a payload, without trust. Error: invalid_argument naming the member.
Result<DeviceRequest> parse_payload(Operation operation, JsonObject payload);
// The one member of the body: the operation, and its JWS. Error: invalid_argument.
Result<std::pair<Operation, std::string>> parse_body(std::string_view body);

// All of it. Errors: what makes a request impossible to process: it is answered without a signature.
Result<DeviceRequest> read_request(Context& context, std::string_view body);

// What is wrong with a request that is the vendor's: its time, its env, a word of the document's lists, a transaction id that
// was used. Error: unprocessable.
Status check_request(Context& context, const DeviceRequest& request);

// L0 and LO are the same level, and case is not told apart.
bool same_word(std::string_view a, std::string_view b);

}  // namespace signet::api::mosip
