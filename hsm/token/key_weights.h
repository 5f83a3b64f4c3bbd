// Remembers which keys are slow to sign with (RSA of more than 2048 bits), so that their requests wait in a lane of
// their own and nobody waits behind them. A wrong entry costs time, never correctness.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <string_view>

#include "hsm/frames/key_types.h"
#include "hsm/frames/messages.h"

namespace signet::token {

enum class KeyWeight : std::uint8_t { unknown, light, heavy };

class KeyWeights {
  public:
    KeyWeight find(const frames::KeyPeek& key) const {
        const auto hash = hash_of(key);
        const auto entry = entries_[place(hash)].load(std::memory_order_relaxed);
        if ((entry | 1) != (hash | 1)) return KeyWeight::unknown;
        return (entry & 1) != 0 ? KeyWeight::heavy : KeyWeight::light;
    }
    void learn(const frames::KeyPeek& key, KeyAlgorithm algorithm) {
        const auto hash = hash_of(key);
        const bool heavy = algorithm == KeyAlgorithm::rsa_3072 || algorithm == KeyAlgorithm::rsa_4096;
        entries_[place(hash)].store((hash & ~std::uint64_t{1}) | std::uint64_t{heavy},
                                    std::memory_order_relaxed);
    }

  private:
    static constexpr std::size_t kEntries = 4096;
    static std::size_t place(std::uint64_t hash) { return (hash >> 8) % kEntries; }
    static std::uint64_t hash_of(const frames::KeyPeek& key) {
        return (std::hash<std::string_view>{}(key.label) + key.version) * 0x9E3779B97F4A7C15ULL;
    }
    std::array<std::atomic<std::uint64_t>, kEntries> entries_{};
};

}  // namespace signet::token
