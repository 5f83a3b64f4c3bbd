// The only user of libgfshare: its random source is a global of the library, set before each use.
#include <openssl/rand.h>

#include <cstdlib>
#include <memory>
#include <mutex>

extern "C" {
#include <libgfshare.h>
}

#include "base/random.h"
#include "hsm/custody/share_set.h"

namespace signet::custody {
namespace {

// Predictable coefficients would give the key away with fewer shares than the threshold.
void fill_random(unsigned char* out, unsigned int size) {
    if (RAND_priv_bytes(out, static_cast<int>(size)) != 1) std::abort();
}

std::mutex& library_mutex() {
    static std::mutex mutex;
    return mutex;
}

struct FreeContext {
    void operator()(gfshare_ctx* context) const { gfshare_ctx_free(context); }
};
using Context = std::unique_ptr<gfshare_ctx, FreeContext>;

}  // namespace

Secret new_key() {
    Secret key(kKeySize);
    if (RAND_priv_bytes(key.data(), static_cast<int>(key.size())) != 1) std::abort();
    return key;
}

Result<Dealt> deal(Purpose purpose, const Secret& key, unsigned threshold,
                   std::vector<std::string> custodians) {
    const auto count = custodians.size();
    if (key.size() != kKeySize || threshold < 2 || threshold > count || count > kMostShares)
        return fail(ErrorCode::invalid_argument,
                    "a secret is shared among 2 to 16 custodians, with a threshold from 2 to their number");
    for (const auto& name : custodians) {
        if (name.empty() || name.size() > 128 || name.find_first_of("\r\n\t\"\\") != std::string::npos)
            return fail(ErrorCode::invalid_argument,
                        "a custodian's name has 1 to 128 bytes on one line, without quotes and backslashes");
    }
    std::array<unsigned char, kMostShares> numbers{};
    for (std::size_t i = 0; i < count; ++i)
        numbers[i] = static_cast<unsigned char>(i + 1);

    Dealt out;
    out.set.purpose = purpose;
    const auto id = random_bytes(out.set.id.size());
    std::copy(id.begin(), id.end(), out.set.id.begin());
    out.set.threshold = static_cast<std::uint8_t>(threshold);
    out.set.custodians = std::move(custodians);
    const std::lock_guard lock(library_mutex());
    gfshare_fill_rand = fill_random;
    const Context context(gfshare_ctx_init_enc(numbers.data(), static_cast<unsigned>(count),
                                               static_cast<unsigned char>(threshold), kKeySize));
    if (!context) return fail(ErrorCode::internal, "cannot prepare the shares");
    auto copy = key.clone();
    gfshare_ctx_enc_setsecret(context.get(), copy.data());
    for (std::size_t i = 0; i < count; ++i) {
        Share share{out.set.id, numbers[i], Secret(kKeySize)};
        gfshare_ctx_enc_getshare(context.get(), static_cast<unsigned char>(i), share.value.data());
        out.set.hashes.push_back(hash_of(purpose, share));
        out.shares.push_back(std::move(share));
    }
    out.set.key_check = hash_of(purpose, {out.set.id, 0, key.clone()});
    return out;
}

Result<Secret> combine(const ShareSet& set, const std::vector<Share>& shares) {
    if (shares.size() < set.threshold)
        return fail(ErrorCode::failed_precondition,
                    std::to_string(set.threshold - shares.size()) + " more shares are needed");
    std::array<unsigned char, kMostShares> numbers{};
    for (std::size_t i = 0; i < set.threshold; ++i)
        numbers[i] = shares[i].number;
    Secret key(kKeySize);
    {
        const std::lock_guard lock(library_mutex());
        gfshare_fill_rand = fill_random;
        const Context context(gfshare_ctx_init_dec(numbers.data(), set.threshold, kKeySize));
        if (!context) return fail(ErrorCode::internal, "cannot combine the shares");
        for (std::size_t i = 0; i < set.threshold; ++i) {
            auto value = shares[i].value.clone();
            gfshare_ctx_dec_giveshare(context.get(), static_cast<unsigned char>(i), value.data());
        }
        gfshare_ctx_dec_extract(context.get(), key.data());
    }
    SIGNET_TRY(set.check_key(key));
    return key;
}

}  // namespace signet::custody
