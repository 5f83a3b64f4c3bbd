#include "hsm/token/raw_bench.h"

#include <sys/resource.h>

#include <array>
#include <atomic>
#include <chrono>
#include <optional>
#include <span>
#include <thread>

#include "hsm/pkcs11/der.h"
#include "hsm/pkcs11/mechanisms.h"
#include "hsm/token/key_cache.h"
#include "hsm/token/key_rules.h"
#include "hsm/token/token_context.h"

namespace signet::token {
namespace {

using pkcs11::CkStatus;

struct Work {
    std::string name;
    pkcs11::Mechanism mechanism;
    Bytes input;
    CK_OBJECT_HANDLE key;
};

Result<Work> work_for(const RawBenchCase& wanted, const TokenKey& key) {
    const Bytes digest32(32, 0x5A);
    if (const auto* mac = std::get_if<MacAlgorithm>(&wanted.algorithm)) {
        SIGNET_TRY(check_mac(key.algorithm(), key.usages(), key.name(), *mac, digest32));
        return Work{std::string(to_string(*mac)), pkcs11::hmac_mechanism(hash_of(*mac)), digest32,
                    key.object()};
    }
    const auto algorithm = std::get<SignAlgorithm>(wanted.algorithm);
    SIGNET_TRY(check_sign(key.algorithm(), key.usages(), key.name(), algorithm, KeyUsage::sign));
    const auto name = std::string(to_string(algorithm));
    const auto hash = hash_of(algorithm);
    const Bytes digest(hash ? hash_size(*hash) : 32, 0x5A);
    switch (algorithm) {
        case SignAlgorithm::rs256:
        case SignAlgorithm::rs384:
        case SignAlgorithm::rs512:
            return Work{name, CKM_RSA_PKCS, pkcs11::digest_info(hash.value_or(HashAlgorithm::sha256), digest),
                        key.object()};
        case SignAlgorithm::ps256:
        case SignAlgorithm::ps384:
        case SignAlgorithm::ps512:
            return Work{name, pkcs11::Mechanism::pss(hash.value_or(HashAlgorithm::sha256)), digest,
                        key.object()};
        case SignAlgorithm::es256:
        case SignAlgorithm::es384:
            return Work{name, CKM_ECDSA, digest, key.object()};
        case SignAlgorithm::eddsa:
            return Work{name, CKM_EDDSA, digest, key.object()};
    }
    return fail(ErrorCode::invalid_argument, "an unknown algorithm");
}

double cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// The functions themselves, without the error mark and the checks that our own calls have.
CkStatus sign_until(const pkcs11::Session& session, Work work, const std::atomic<bool>& stop,
                    std::uint64_t& count) {
    auto* functions = session.module().functions();
    auto mechanism = work.mechanism.raw();
    std::array<std::uint8_t, 512> signature{};
    while (!stop.load(std::memory_order_relaxed)) {
        if (const CK_RV rv = functions->C_SignInit(session.handle(), &mechanism, work.key); rv != CKR_OK) {
            return std::unexpected(pkcs11::Failure{rv, "C_SignInit"});
        }
        CK_ULONG size = signature.size();
        if (const CK_RV rv = functions->C_Sign(session.handle(), work.input.data(), work.input.size(),
                                               signature.data(), &size);
            rv != CKR_OK) {
            return std::unexpected(pkcs11::Failure{rv, "C_Sign"});
        }
        ++count;
    }
    return {};
}

Result<RawBenchResult> run(TokenContext& context, const Work& work, unsigned threads, double seconds) {
    std::vector<pkcs11::Session> sessions;
    for (unsigned i = 0; i < threads; ++i) {
        auto session =
            pkcs11::Session::open(context.module(), context.token().slot, pkcs11::Access::read_only);
        if (!session) return std::unexpected(context.explain(session.error(), "opening a session"));
        sessions.push_back(std::move(*session));
    }
    std::atomic<bool> stop = false;
    std::vector<std::uint64_t> counts(threads);
    std::vector<CkStatus> statuses(threads);
    const auto cpu_before = cpu_seconds();
    const auto start = std::chrono::steady_clock::now();
    {
        std::vector<std::jthread> workers;
        for (unsigned i = 0; i < threads; ++i) {
            workers.emplace_back([&, i] {
                std::uint64_t count = 0;  // its own, so that threads do not share a cache line
                statuses[i] = sign_until(sessions[i], work, stop, count);
                counts[i] = count;
            });
        }
        std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
        stop.store(true);
    }
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    const auto cpu = cpu_seconds() - cpu_before;

    RawBenchResult result{.algorithm = work.name};
    for (unsigned i = 0; i < threads; ++i) {
        if (!statuses[i])
            return std::unexpected(context.explain(statuses[i].error(), "measuring " + work.name));
        result.operations += counts[i];
    }
    if (result.operations == 0)
        return fail(ErrorCode::deadline_exceeded, "no operation ended in the time to measure");
    result.operations_per_second = static_cast<double>(result.operations) / elapsed.count();
    result.cpu_us = cpu * 1e6 / static_cast<double>(result.operations);
    return result;
}

}  // namespace

Result<std::vector<RawBenchResult>> raw_bench(const OperationsOptions& options, const Secret& pin,
                                              const std::vector<RawBenchCase>& cases, unsigned threads,
                                              double seconds) {
    constexpr unsigned kMaxThreads = 256;
    if (threads == 0 || threads > kMaxThreads || !(seconds > 0) || seconds > 3600) {
        return fail(ErrorCode::invalid_argument,
                    "a measurement has 1 to 256 threads and lasts an hour at most");
    }
    SIGNET_ASSIGN(auto module, pkcs11::Module::load(options.module, options.reserved));
    SIGNET_ASSIGN(const auto context, TokenContext::open(options, std::move(module), pin));
    KeyCache keys(*context);
    std::vector<RawBenchResult> results;
    for (const auto& wanted : cases) {
        SIGNET_ASSIGN(const auto key, keys.get(wanted.key));
        SIGNET_ASSIGN(const auto work, work_for(wanted, *key));
        SIGNET_ASSIGN(auto result, run(*context, work, threads, seconds));
        results.push_back(std::move(result));
    }
    return results;
}

}  // namespace signet::token
