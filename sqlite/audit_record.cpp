#include "sqlite/audit_record.h"

#include <array>
#include <cstring>

#include "base/encoding.h"

namespace signet::sqlite {
namespace {

constexpr std::string_view kDomain{"signet-audit-1\0", 15};
constexpr std::size_t kMaxText = 1024;
constexpr std::size_t kMaxDetails = std::size_t{256} << 10;

template <class T>
std::uint8_t* put_number(std::uint8_t* out, T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i)
        out[i] = static_cast<std::uint8_t>(value >> (8 * (sizeof(T) - 1 - i)));
    return out + sizeof(T);
}

std::uint8_t* put(std::uint8_t* out, const void* data, std::size_t size) {
    std::memcpy(out, data, size);
    return out + size;
}

}  // namespace

Sha256 chain_hash(const Sha256& previous, const AuditRecord& record) {
    const std::array<std::string_view, 6> texts{record.request_id, record.principal, record.action,
                                                record.object,     record.outcome,   record.details};
    std::size_t size = kDomain.size() + previous.size() + 16;
    for (const auto text : texts)
        size += 4 + text.size();
    // One buffer a thread: this runs for every record that is written or verified.
    thread_local Bytes buffer;
    if (buffer.size() < size) buffer.resize(size);
    auto* out = put(buffer.data(), kDomain.data(), kDomain.size());
    out = put(out, previous.data(), previous.size());
    out = put_number(out, record.sequence);
    out = put_number(out, static_cast<std::uint64_t>(record.time_ms));
    for (const auto text : texts) {
        out = put_number(out, static_cast<std::uint32_t>(text.size()));
        out = put(out, text.data(), text.size());
    }
    return sha256({buffer.data(), size});
}

Status check_record(const AuditRecord& record) {
    const auto check = [](std::string_view name, std::string_view text, std::size_t limit) -> Status {
        if (text.size() > limit)
            return fail(ErrorCode::too_large, "the audit record's " + std::string(name) + " is over " +
                                                  std::to_string(limit) + " bytes");
        // SQLite ends a text at a zero byte in places, so none is let in.
        if (!is_utf8(text) || text.find('\0') != std::string_view::npos)
            return fail(ErrorCode::invalid_argument,
                        "the audit record's " + std::string(name) + " is not a UTF-8 text");
        return {};
    };
    SIGNET_TRY(check("request id", record.request_id, kMaxText));
    SIGNET_TRY(check("principal", record.principal, kMaxText));
    SIGNET_TRY(check("action", record.action, kMaxText));
    SIGNET_TRY(check("object", record.object, kMaxText));
    SIGNET_TRY(check("outcome", record.outcome, kMaxText));
    return check("details", record.details, kMaxDetails);
}

}  // namespace signet::sqlite
