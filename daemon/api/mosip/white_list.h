// Entries of the white list, as JSON members or as lines of CSV.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace signet::api::mosip {

struct ListEntry {
    std::string provider_id{};
    std::string serial_number{};
    std::string model{};
    std::string purpose{};                    // "Auth" or "Registration"
    std::string bio_type{};                   // "Finger", "Iris" or "Face"
    std::optional<SystemTime> valid_until{};  // nullopt: without end
};
// Puts purpose and bio type into the document's spelling. Error: invalid_argument naming the member.
Status check_entry(ListEntry& entry);
// RFC 3339, or a date alone, which ends with its day (UTC).
Result<std::optional<SystemTime>> valid_until_in(std::string_view text);

// RFC 4180: a header line names the columns, of which providerId, serialNumber, modelID, devicePurpose and bioType must be
// there and validUntil may be. Fields may be quoted; a quoted field ends on its line.
struct CsvLine {
    std::size_t line = 0;  // 1 is the header
    Result<ListEntry> entry;
};
inline constexpr std::size_t kMaxCsvLines = 5000;
// Error: invalid_argument (the header), too_large.
Result<std::vector<CsvLine>> read_csv(std::string_view text);

}  // namespace signet::api::mosip
