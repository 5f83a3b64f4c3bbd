// What the handlers of the MOSIP family share.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "daemon/api/handler.h"
#include "daemon/api/services.h"
#include "daemon/config/mosip.h"
#include "hsm/pki/certificate.h"

namespace signet::api::mosip {

// A signing key of the token with its chain, leaf first.
struct Signer {
    std::string key;
    std::vector<pki::Certificate> chain;
};

// What the configuration says, with its files read.
struct Material {
    config::Mosip settings;
    Signer mms;
    Signer provider;
};
// Errors name the file; invalid_argument when a leaf's key is not RSA.
Result<std::shared_ptr<const Material>> load_material(const config::Mosip& settings);

class Context {
  public:
    Context(Services& its_services, std::shared_ptr<const Material> material)
        : services(its_services), material_(std::move(material)) {}

    Services& services;

    std::shared_ptr<const Material> material() const;
    void replace(std::shared_ptr<const Material> material);

    // Handlers that wait for MOSIP's answer to a registration sleep here until something was answered, or `at` passed.
    void answered();
    void wait_for_answers(SteadyTime at);

    // A compact JWS by a key of the token, RS256, typ jwt, with x5c. failed_precondition when the certificate is not the
    // active key's.
    Result<std::string> sign(const Signer& signer, std::string_view payload, Deadline deadline);

  private:
    mutable std::mutex mutex_;
    std::shared_ptr<const Material> material_;
    std::condition_variable answered_;
    std::uint64_t answers_ = 0;
};

}  // namespace signet::api::mosip
