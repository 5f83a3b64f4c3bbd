#include "tests/fuzz/mosip.h"

#include <cstdlib>

#include "base/encoding.h"
#include "daemon/api/mosip/registration.h"
#include "daemon/api/mosip/request.h"
#include "daemon/api/mosip/white_list.h"
#include "hsm/pki/csr.h"

namespace signet::testing {
namespace {

namespace mosip = api::mosip;

void require(bool promise) {
    if (!promise) std::abort();
}

void read_payload(mosip::Operation operation, ByteView bytes) {
    auto payload = api::JsonObject::parse(as_text(bytes));
    if (!payload) return;
    const auto request = mosip::parse_payload(operation, *std::move(payload));
    if (!request) return;
    require(!request->serial_number.empty() && request->serial_number.size() <= 256);
    const auto csr = request->payload.optional_text("csrData", pki::kMaxCsrSize);
    if (csr && *csr) (void)pki::parse_csr(**csr);
    // Nobody is trusted: whatever is nested must be refused, and not be followed anywhere.
    require(!mosip::read_registration(*request, SystemTime{}, std::chrono::minutes{1}));
}

}  // namespace

void fuzz_mosip(ByteView input) {
    const auto text = as_text(input);
    if (const auto parts = mosip::parse_body(text)) {
        const auto& [operation, compact] = *parts;
        require(mosip::operation_from(to_string(operation)) == operation);
        if (const auto jws = mosip::read_jws(compact)) {
            require(jws->header.algorithm == SignAlgorithm::rs256 && !jws->header.certificates.empty());
            require(!mosip::check_jws(*jws, {}, SystemTime{}));
            read_payload(operation, jws->payload);
        }
    }
    if (const auto two = mosip::read_two_part(text)) {
        require(to_base64url(two->payload) == two->encoded);
        require(!mosip::check_two_part(*two, {}, SystemTime{}));
    }
    if (const auto lines = mosip::read_csv(text)) {
        for (const auto& line : *lines) {
            require(line.line > 1);
            if (!line.entry) continue;
            auto again = *line.entry;
            require(mosip::check_entry(again).has_value() && again.purpose == line.entry->purpose);
        }
    }
}

}  // namespace signet::testing
