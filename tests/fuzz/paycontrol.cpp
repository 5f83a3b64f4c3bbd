#include "tests/fuzz/paycontrol.h"

#include <cstdlib>
#include <string>

#include "base/encoding.h"
#include "daemon/api/paycontrol/body.h"
#include "daemon/api/paycontrol/dates.h"
#include "daemon/api/paycontrol/key_delivery.h"
#include "daemon/api/paycontrol/key_params.h"
#include "daemon/api/paycontrol/scoring.h"
#include "daemon/api/paycontrol/templates.h"
#include "daemon/api/paycontrol/transaction_input.h"
#include "daemon/paycontrol/tlv.h"

namespace signet::testing {
namespace {

namespace pc = api::paycontrol;

void require(bool good) {
    if (!good) std::abort();
}

// What Create Transaction, the codes and the events read.
void fuzz_transaction(const api::JsonObject& body) {
    sqlite::PcTransaction transaction;
    if (pc::read_data(body, transaction) && pc::read_snippet(body, transaction)) {
        require(transaction.text.size() <= pc::kMaxText && transaction.binary.size() <= pc::kMaxBinary);
        require(is_utf8(transaction.text) && transaction.data_hash.size() == 32);
        require(!transaction.text.empty() || !transaction.binary.empty());
    }
    if (const auto length = pc::read_code_length(body, true); length && *length)
        require(**length == 64 || (**length >= 6 && **length <= 10));
    if (const auto interval = pc::read_interval(body, 180)) require(*interval > 0);
    (void)pc::read_push(body);
    if (const auto scoring = pc::read_scoring(body)) (void)pc::is_high_risk(*scoring);
    for (const auto name : body.names())
        if (const auto value = pc::text_or_empty(body, name, 256))
            if (const auto date = pc::parse_date(*value))
                require(pc::parse_date(pc::format_date(*date)) == date);
}

void fuzz_body(std::string_view text) {
    const auto strict = api::JsonObject::parse(text);
    const auto cleaned = pc::without_trailing_commas(text);
    require(cleaned.size() <= text.size());
    // What is good needs no tolerance, and what tolerance makes is not made again.
    if (strict) require(cleaned == text);
    const auto body = pc::parse_body(text);
    require(body.has_value() || !strict);
    if (!body) return;
    require(is_utf8(text));
    (void)pc::read_delivery(*body);
    fuzz_transaction(*body);
    const auto flags = pc::read_key_params(*body);
    if (!flags) return;
    api::JsonWriter json;
    json.begin_object();
    json.key("key_params");
    pc::write_key_params(json, *flags);
    json.end_object();
    const auto again = pc::parse_body(json.view());
    require(again && pc::read_key_params(*again) == *flags);
}

// A reader of records, to hold the writer to its format.
Bytes record(ByteView tlv, std::uint8_t tag) {
    while (tlv.size() >= 5) {
        std::size_t size = 0;
        for (std::size_t i = 1; i < 5; ++i)
            size = size << 8 | tlv[i];
        require(size <= tlv.size() - 5);
        if (tlv[0] == tag) return to_bytes(tlv.subspan(5, size));
        tlv = tlv.subspan(5 + size);
    }
    require(tlv.empty());
    return {};
}

void fuzz_tlv(ByteView input) {
    const auto third = input.size() / 3;
    const auto text = as_text(input.first(third));
    const auto binary = input.subspan(third, third);
    const auto user = as_text(input.subspan(2 * third));
    std::uint64_t step = input.size();
    for (const auto byte : input.first(third))
        step = step << 7 ^ byte;
    const auto tlv = paycontrol::tlv({.text = text, .binary = binary, .user_id = user}, step);
    auto data = to_bytes(text);
    data.insert(data.end(), binary.begin(), binary.end());
    require(record(tlv, 0x11) == data);
    require(record(tlv, 0x12) == to_bytes(user));
    const auto number = record(tlv, 0x14);
    std::uint64_t read = 0;
    for (const auto byte : number)
        read = read << 8 | byte;
    require(read == step && (number.empty() || number.front() != 0 || number.size() == 1));
    if (!user.empty())
        require(paycontrol::tlv({.text = text, .binary = binary, .user_id = user.substr(1)}, step) != tlv);
    require(paycontrol::tlv({.text = text, .binary = binary, .user_id = user, .snippet = "s"}, step) != tlv);
}

}  // namespace

void fuzz_paycontrol(ByteView input) {
    fuzz_body(as_text(input));
    fuzz_tlv(input);
    const auto text = as_text(input);
    const auto encoded = pc::url_encoded(text);
    require(encoded.size() >= text.size());
    require(pc::fill_template(text, {}) == text);
}

}  // namespace signet::testing
