#include "base/secret.h"

#include <openssl/crypto.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <new>
#include <utility>

namespace signet {

Secret::Secret(std::size_t size) : size_(size) {
    if (size == 0) return;
    // A mapping of its own: mlock and MADV_DONTDUMP work by page, and a neighbour on the page would undo
    // them.
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    mapped_ = (size + page - 1) / page * page;
    void* mapping = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED) throw std::bad_alloc();
    // Neither call may fail the program: RLIMIT_MEMLOCK can be 0 for people's tools; the daemons' units raise
    // it.
    (void)mlock(mapping, mapped_);
    (void)madvise(mapping, mapped_, MADV_DONTDUMP);
    data_ = static_cast<std::uint8_t*>(mapping);
}

Secret Secret::copy_of(ByteView bytes) {
    Secret secret(bytes.size());
    if (!bytes.empty()) std::memcpy(secret.data_, bytes.data(), bytes.size());
    return secret;
}

Secret::Secret(Secret&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      mapped_(std::exchange(other.mapped_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
    if (this != &other) {
        clear();
        data_ = std::exchange(other.data_, nullptr);
        size_ = std::exchange(other.size_, 0);
        mapped_ = std::exchange(other.mapped_, 0);
    }
    return *this;
}

Secret::~Secret() {
    clear();
}

void Secret::clear() noexcept {
    if (data_ == nullptr) return;
    OPENSSL_cleanse(data_, mapped_);
    (void)munlock(data_, mapped_);
    (void)munmap(data_, mapped_);
    data_ = nullptr;
    size_ = 0;
    mapped_ = 0;
}

void Secret::truncate(std::size_t size) noexcept {
    if (size >= size_) return;
    OPENSSL_cleanse(data_ + size, size_ - size);
    size_ = size;
}

void wipe(void* data, std::size_t size) noexcept {
    OPENSSL_cleanse(data, size);
}

}  // namespace signet
