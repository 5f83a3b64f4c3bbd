#include "daemon/http/body_reader.h"

#include <algorithm>

namespace signet::http {
namespace {

constexpr std::size_t kFramingLimit = 8192;

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool is_text(char c) {
    return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
}

}  // namespace

BodyReader BodyReader::of_length(std::uint64_t size, std::size_t limit) {
    return {false, size, limit};
}

BodyReader BodyReader::chunked(std::size_t limit) {
    return {true, 0, limit};
}

BodyReader::State BodyReader::feed(std::string_view& input, std::string& body) {
    if (chunked_) return feed_chunked(input, body);
    if (left_ > limit_) return State::too_large;
    const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size()));
    body.append(input.substr(0, taken));
    input.remove_prefix(taken);
    left_ -= taken;
    limit_ -= taken;
    return left_ == 0 ? State::done : State::more;
}

BodyReader::State BodyReader::feed_chunked(std::string_view& input, std::string& body) {
    while (!input.empty()) {
        if (step_ == Step::data) {
            const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size()));
            body.append(input.substr(0, taken));
            input.remove_prefix(taken);
            left_ -= taken;
            if (left_ == 0) step_ = Step::data_cr;
            continue;
        }
        const auto state = frame(input.front());
        input.remove_prefix(1);
        if (state != State::more) return state;
    }
    return State::more;
}

BodyReader::State BodyReader::frame(char c) {
    const auto expect = [&](char wanted, Step next) {
        if (c != wanted) return State::malformed;
        step_ = next;
        return State::more;
    };
    switch (step_) {
        case Step::size:
            if (const int digit = hex_digit(c); digit >= 0) {
                if (++digits_ > 8) return State::too_large;
                left_ = left_ * 16 + static_cast<unsigned>(digit);
                return State::more;
            }
            if (digits_ == 0) return State::malformed;
            digits_ = 0;
            if (left_ > limit_) return State::too_large;
            if (c == ';') {
                step_ = Step::extension;
                return State::more;
            }
            return expect('\r', Step::size_end);
        case Step::extension:
            if (c == '\r') return expect('\r', Step::size_end);
            return is_text(c) && ++framing_ <= kFramingLimit ? State::more : State::malformed;
        case Step::size_end:
            limit_ -= static_cast<std::size_t>(left_);
            return expect('\n', left_ == 0 ? Step::trailer_start : Step::data);
        case Step::data_cr:
            return expect('\r', Step::data_lf);
        case Step::data_lf:
            return expect('\n', Step::size);
        case Step::trailer_start:
            if (c == '\r') return expect('\r', Step::last_lf);
            step_ = Step::trailer;
            [[fallthrough]];
        case Step::trailer:
            if (c == '\r') return expect('\r', Step::trailer_lf);
            return is_text(c) && ++framing_ <= kFramingLimit ? State::more : State::malformed;
        case Step::trailer_lf:
            return expect('\n', Step::trailer_start);
        case Step::last_lf:
            return c == '\n' ? State::done : State::malformed;
        case Step::data:
            break;
    }
    return State::malformed;
}

}  // namespace signet::http
