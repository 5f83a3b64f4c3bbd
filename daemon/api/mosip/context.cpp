#include "daemon/api/mosip/context.h"

#include <algorithm>
#include <thread>

#include "base/file.h"
#include "daemon/service/keys.h"
#include "hsm/pki/jws.h"

namespace signet::api::mosip {
namespace {

Result<Signer> load_signer(std::string_view setting, const config::Signer& settings) {
    const auto at = [&](Error error) {
        error.message =
            "mosip." + std::string(setting) + ": " + settings.certificate.string() + ": " + error.message;
        return std::unexpected(std::move(error));
    };
    const auto text = read_file(settings.certificate, std::size_t{256} << 10);
    if (!text) return at(text.error());
    auto chain = pki::Certificate::parse_bundle(*text);
    if (!chain) return at(std::move(chain).error());
    if (chain->front().public_key().type() != pki::KeyType::rsa)
        return at({ErrorCode::invalid_argument, "expected an RSA key: answers are signed with RS256", {}});
    if (chain->size() > pki::kMaxJwsChain) chain->resize(pki::kMaxJwsChain, chain->front());
    return Signer{settings.key, *std::move(chain)};
}

}  // namespace

Result<std::shared_ptr<const Material>> load_material(const config::Mosip& settings) {
    auto material = std::make_shared<Material>();
    material->settings = settings;
    SIGNET_ASSIGN(material->mms, load_signer("mms", settings.mms));
    SIGNET_ASSIGN(material->provider, load_signer("registration.provider", settings.provider));
    return material;
}

std::shared_ptr<const Material> Context::material() const {
    const std::lock_guard lock(mutex_);
    return material_;
}

void Context::replace(std::shared_ptr<const Material> material) {
    const std::lock_guard lock(mutex_);
    material_ = std::move(material);
}

void Context::answered() {
    {
        const std::lock_guard lock(mutex_);
        ++answers_;
    }
    answered_.notify_all();
}

void Context::wait_for_answers(SteadyTime at) {
    // The answer is announced inside the transaction that keeps it: it can be read a moment after.
    constexpr std::chrono::milliseconds kMoment{20};
    std::unique_lock lock(mutex_);
    const auto before = answers_;
    answered_.wait_until(lock, std::min(at, std::chrono::steady_clock::now() + kMoment * 10),
                         [&] { return answers_ != before; });
    lock.unlock();
    std::this_thread::sleep_until(std::min(at, std::chrono::steady_clock::now() + kMoment));
}

Result<std::string> Context::sign(const Signer& signer, std::string_view payload, Deadline deadline) {
    SIGNET_ASSIGN(const auto key, services.keys.active(signer.key, KeyUsage::sign));
    if (key->public_key != signer.chain.front().public_key().spki())
        return fail(ErrorCode::failed_precondition, "the certificate configured for the key '" + signer.key +
                                                        "' is not the one of " + to_string(key->id));
    pki::JwsHeader header;
    header.algorithm = SignAlgorithm::rs256;
    header.type = "jwt";
    for (const auto& certificate : signer.chain)
        header.certificates.push_back(certificate.der());
    SIGNET_ASSIGN(auto jws, pki::sign_jws(services.token, key->id, KeyUsage::sign, header, as_bytes(payload),
                                          deadline));
    key->new_uses->fetch_add(1, std::memory_order_relaxed);
    return jws;
}

}  // namespace signet::api::mosip
