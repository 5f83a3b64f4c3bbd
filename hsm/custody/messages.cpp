#include "hsm/custody/messages.h"

#include <algorithm>

#include "base/wire.h"

namespace signet::custody {
namespace {

constexpr std::size_t kText = 4096;
constexpr std::size_t kName = 128;

void put(WireWriter& writer, const std::vector<std::string>& texts) {
    writer.number(static_cast<std::uint32_t>(texts.size()));
    for (const auto& text : texts)
        writer.text(text);
}

std::vector<std::string> take_texts(WireReader& reader) {
    const auto count = reader.number<std::uint32_t>();
    if (count > kMostShares) reader.reject();
    std::vector<std::string> out;
    for (std::uint32_t i = 0; reader.ok() && i < count; ++i)
        out.push_back(reader.text(kName));
    return out;
}

void put(WireWriter& writer, const Share& share) {
    writer.raw(share.set);
    writer.number(share.number);
    writer.bytes(share.value.view());
}

Share take_share(WireReader& reader) {
    Share share;
    const auto set = reader.raw(share.set.size());
    if (set.size() == share.set.size()) std::ranges::copy(set, share.set.begin());
    share.number = reader.number<std::uint8_t>();
    share.value = Secret::copy_of(reader.bytes(kKeySize));
    return share;
}

void put(WireWriter& writer, const DeskStatus& status) {
    writer.flag(status.locked);
    writer.flag(status.changing);
    writer.flag(status.backup_key);
    writer.text(status.last);
    writer.number(static_cast<std::uint32_t>(status.sets.size()));
    for (const auto& set : status.sets) {
        writer.text(set.purpose);
        writer.text(set.set);
        writer.number(set.threshold);
        put(writer, set.custodians);
        put(writer, set.given);
    }
    put(writer, status.undealt);
}

DeskStatus take_status(WireReader& reader) {
    DeskStatus status;
    status.locked = reader.flag();
    status.changing = reader.flag();
    status.backup_key = reader.flag();
    status.last = reader.text(kText);
    const auto sets = reader.number<std::uint32_t>();
    if (sets > 8) reader.reject();
    for (std::uint32_t i = 0; reader.ok() && i < sets; ++i) {
        SetStatus set;
        set.purpose = reader.text(kName);
        set.set = reader.text(kName);
        set.threshold = reader.number<std::uint32_t>();
        set.custodians = take_texts(reader);
        set.given = take_texts(reader);
        status.sets.push_back(std::move(set));
    }
    status.undealt = take_texts(reader);
    return status;
}

std::unexpected<Error> malformed() {
    return fail(ErrorCode::invalid_argument, "a message on the custodians' socket is malformed");
}

}  // namespace

Bytes encode(const Request& request) {
    WireWriter writer;
    writer.number(static_cast<std::uint8_t>(request.ask));
    writer.number(static_cast<std::uint8_t>(request.purpose));
    writer.number(request.number);
    put(writer, request.custodians);
    writer.text(request.header);
    put(writer, request.share);
    writer.bytes(request.check);
    return writer.take();
}

Result<Request> decode_request(ByteView message) {
    WireReader reader(message);
    Request request;
    const auto ask = reader.number<std::uint8_t>();
    const auto purpose = reader.number<std::uint8_t>();
    if (ask < static_cast<std::uint8_t>(Ask::status) || ask > static_cast<std::uint8_t>(Ask::change_pin) ||
        purpose < 1 || purpose > 2)
        return malformed();
    request.ask = static_cast<Ask>(ask);
    request.purpose = static_cast<Purpose>(purpose);
    request.number = reader.number<std::uint32_t>();
    request.custodians = take_texts(reader);
    request.header = reader.text(kText);
    request.share = take_share(reader);
    request.check = to_bytes(reader.bytes(64));
    if (!reader.finished()) return malformed();
    return request;
}

Bytes encode(const Result<Answer>& answer) {
    WireWriter writer;
    writer.flag(answer.has_value());
    if (!answer) {
        writer.number(static_cast<std::uint8_t>(answer.error().code));
        writer.text(std::string_view(answer.error().message).substr(0, kText));
        return writer.take();
    }
    put(writer, answer->status);
    writer.text(answer->text);
    put(writer, answer->share);
    return writer.take();
}

Result<Answer> decode_answer(ByteView message) {
    WireReader reader(message);
    if (!reader.flag()) {
        const auto code = error_code_from(reader.number<std::uint8_t>());
        auto text = reader.text(kText);
        if (!reader.finished() || !code) return malformed();
        return fail(*code, std::move(text));
    }
    Answer answer;
    answer.status = take_status(reader);
    answer.text = reader.text(kText);
    answer.share = take_share(reader);
    if (!reader.finished()) return malformed();
    return answer;
}

}  // namespace signet::custody
