// Memory for PINs, passwords, shares and keys on their way: zeroed when it goes, never printed, never copied
// by accident.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/bytes.h"

namespace signet {

// Owns a byte string that is locked into memory where the limit allows (mlock), left out of core dumps
// (MADV_DONTDUMP), and overwritten with zeros before it is freed. Move-only; `clone` says when a copy is
// meant.
class Secret {
  public:
    Secret() = default;
    explicit Secret(std::size_t size);  // zero-filled
    static Secret copy_of(ByteView bytes);
    static Secret copy_of(std::string_view text) { return copy_of(as_bytes(text)); }

    Secret(Secret&& other) noexcept;
    Secret& operator=(Secret&& other) noexcept;
    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;
    ~Secret();

    Secret clone() const { return copy_of(view()); }
    void clear() noexcept;
    // Keeps the first `size` bytes (size <= this->size()); the rest is zeroed.
    void truncate(std::size_t size) noexcept;

    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    ByteView view() const { return {data_, size_}; }
    std::string_view text() const { return as_text(view()); }
    std::uint8_t* data() { return data_; }
    const std::uint8_t* data() const { return data_; }

  private:
    std::uint8_t* data_ = nullptr;
    std::size_t size_ = 0;
    std::size_t mapped_ = 0;
};

// Overwrites memory in a way the compiler may not remove (OPENSSL_cleanse).
void wipe(void* data, std::size_t size) noexcept;
inline void wipe(Bytes& bytes) noexcept {
    wipe(bytes.data(), bytes.size());
}
inline void wipe(std::string& text) noexcept {
    wipe(text.data(), text.size());
}

}  // namespace signet
