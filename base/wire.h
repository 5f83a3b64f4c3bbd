// Big-endian fields in a growing buffer, and the strict reader for them; for the token socket's frames and
// hashed records.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"

namespace signet {

class WireWriter {
  public:
    WireWriter() = default;
    // Appends to `buffer`, whose memory is used again: `WireWriter writer(std::move(buffer)); …; buffer = writer.take();`
    explicit WireWriter(Bytes buffer) : buffer_(std::move(buffer)) {}

    template <std::unsigned_integral T>
    void number(T value) {
        for (int shift = static_cast<int>(sizeof(T)) * 8 - 8; shift >= 0; shift -= 8)
            buffer_.push_back(static_cast<std::uint8_t>(value >> shift));
    }
    // A 4-byte length, then the bytes.
    void bytes(ByteView value) {
        number(static_cast<std::uint32_t>(value.size()));
        raw(value);
    }
    void text(std::string_view value) { bytes(as_bytes(value)); }
    void flag(bool value) { number(std::uint8_t{value}); }
    void raw(ByteView value) { buffer_.insert(buffer_.end(), value.begin(), value.end()); }

    std::size_t size() const { return buffer_.size(); }
    const Bytes& buffer() const { return buffer_; }
    Bytes take() { return std::move(buffer_); }
    // Overwrites the 4 bytes at `offset`, for a length known only afterwards.
    void patch_u32(std::size_t offset, std::uint32_t value) {
        for (int i = 0; i < 4; ++i)
            buffer_[offset + static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
    }

  private:
    Bytes buffer_;
};

// Once a field does not fit, `ok` is false for good and every further read gives zeros: check once, at the
// end.
class WireReader {
  public:
    explicit WireReader(ByteView input) : rest_(input) {}

    template <std::unsigned_integral T>
    T number() {
        const auto field = raw(sizeof(T));
        T value = 0;
        for (const auto byte : field)
            value = static_cast<T>((value << 8) | byte);
        return value;
    }
    ByteView bytes(std::size_t max_size) {
        const auto size = number<std::uint32_t>();
        if (size > max_size) {
            ok_ = false;
            return {};
        }
        return raw(size);
    }
    std::string text(std::size_t max_size) { return std::string(as_text(bytes(max_size))); }
    bool flag() {
        const auto value = number<std::uint8_t>();
        if (value > 1) ok_ = false;
        return value == 1;
    }
    ByteView raw(std::size_t size) {
        if (!ok_ || size > rest_.size()) {
            ok_ = false;
            return {};
        }
        const auto field = rest_.first(size);
        rest_ = rest_.subspan(size);
        return field;
    }
    void reject() { ok_ = false; }

    bool ok() const { return ok_; }
    // Everything was read and every field was whole.
    bool finished() const { return ok_ && rest_.empty(); }
    std::size_t remaining() const { return rest_.size(); }

  private:
    ByteView rest_;
    bool ok_ = true;
};

}  // namespace signet
