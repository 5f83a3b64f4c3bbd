#include "daemon/api/mosip/white_list.h"

#include <algorithm>
#include <array>

#include "base/encoding.h"
#include "daemon/api/mosip/admin.h"
#include "daemon/api/mosip/request.h"

namespace signet::api::mosip {
namespace {

constexpr std::size_t kMaxFields = 16;
constexpr std::array<std::string_view, 6> kColumns{"providerId",    "serialNumber", "modelID",
                                                   "devicePurpose", "bioType",      "validUntil"};

Status spell(std::string_view member, std::string& value, std::initializer_list<std::string_view> words) {
    for (const auto word : words) {
        if (!same_word(word, value)) continue;
        value = word;
        return {};
    }
    std::string known;
    for (const auto word : words)
        known += (known.empty() ? "" : " or ") + std::string(word);
    return fail(ErrorCode::invalid_argument, std::string(member) + ": expected " + known);
}

Result<std::vector<std::string>> fields_of(std::string_view line) {
    std::vector<std::string> out;
    while (true) {
        std::string field;
        if (line.starts_with('"')) {
            line.remove_prefix(1);
            while (true) {
                const auto quote = line.find('"');
                if (quote == std::string_view::npos)
                    return fail(ErrorCode::invalid_argument, "a quoted field does not end on its line");
                field.append(line.substr(0, quote));
                line.remove_prefix(quote + 1);
                if (!line.starts_with('"')) break;
                field += '"';
                line.remove_prefix(1);
            }
        } else {
            const auto end = line.find(',');
            field = line.substr(0, end);
            line = end == std::string_view::npos ? std::string_view{} : line.substr(end);
            if (field.find('"') != std::string::npos)
                return fail(ErrorCode::invalid_argument, "a quote stands inside a field that is not quoted");
        }
        out.push_back(std::move(field));
        if (out.size() > kMaxFields) return fail(ErrorCode::invalid_argument, "too many fields");
        if (line.empty()) return out;
        if (!line.starts_with(','))
            return fail(ErrorCode::invalid_argument, "expected a comma after a quoted field");
        line.remove_prefix(1);
    }
}

// For each of kColumns its place in the file.
using Places = std::array<std::optional<std::size_t>, kColumns.size()>;

Result<Places> read_header(std::string_view line) {
    if (line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);
    SIGNET_ASSIGN(const auto names, fields_of(line));
    Places places;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const auto* const known = std::ranges::find(kColumns, names[i]);
        if (known == kColumns.end())
            return fail(ErrorCode::invalid_argument, "line 1: unknown column '" + names[i] + "'");
        auto& place = places[static_cast<std::size_t>(known - kColumns.begin())];
        if (place)
            return fail(ErrorCode::invalid_argument, "line 1: the column '" + names[i] + "' stands twice");
        place = i;
    }
    for (std::size_t i = 0; i + 1 < kColumns.size(); ++i) {
        if (!places[i])
            return fail(ErrorCode::invalid_argument,
                        "line 1: the column '" + std::string(kColumns[i]) + "' is missing");
    }
    return places;
}

Result<ListEntry> read_entry(std::string_view line, const Places& places, std::size_t columns) {
    SIGNET_ASSIGN(const auto fields, fields_of(line));
    if (fields.size() != columns)
        return fail(ErrorCode::invalid_argument,
                    "expected " + std::to_string(columns) + " fields, not " + std::to_string(fields.size()));
    const auto field = [&](std::size_t column) {
        return places[column] ? fields[*places[column]] : std::string();
    };
    ListEntry entry{field(0), field(1), field(2), field(3), field(4), std::nullopt};
    SIGNET_ASSIGN(entry.valid_until, valid_until_in(field(5)));
    SIGNET_TRY(check_entry(entry));
    return entry;
}

}  // namespace

Status check_entry(ListEntry& entry) {
    for (const auto& [member, value] :
         {std::pair{"providerId", &entry.provider_id}, std::pair{"serialNumber", &entry.serial_number},
          std::pair{"modelID", &entry.model}}) {
        SIGNET_TRY(check_name(member, *value));
        if (!is_utf8(*value)) return fail(ErrorCode::invalid_argument, std::string(member) + ": not UTF-8");
    }
    SIGNET_TRY(spell("devicePurpose", entry.purpose, {"Auth", "Registration"}));
    return spell("bioType", entry.bio_type, {"Finger", "Iris", "Face"});
}

Result<std::optional<SystemTime>> valid_until_in(std::string_view text) {
    if (text.empty()) return std::nullopt;
    auto time = text.size() == 10 ? from_rfc3339(std::string(text) + "T23:59:59.999Z") : from_rfc3339(text);
    if (!time)
        return fail(ErrorCode::invalid_argument,
                    "validUntil: expected a date such as 2030-12-31, or a time with its zone");
    return time;
}

Result<std::vector<CsvLine>> read_csv(std::string_view text) {
    std::vector<CsvLine> out;
    Places places;
    std::size_t columns = 0;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const auto end = text.find('\n');
        auto line = text.substr(0, end);
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (number == 1) {
            SIGNET_ASSIGN(places, read_header(line));
            columns = static_cast<std::size_t>(
                std::ranges::count_if(places, [](const auto& place) { return place.has_value(); }));
            continue;
        }
        if (line.empty()) continue;
        if (out.size() == kMaxCsvLines)
            return fail(ErrorCode::too_large,
                        "a white list is imported in parts of " + std::to_string(kMaxCsvLines) + " lines");
        out.push_back({number, read_entry(line, places, columns)});
    }
    if (columns == 0) return fail(ErrorCode::invalid_argument, "expected a header line with the columns");
    return out;
}

}  // namespace signet::api::mosip
