#include "daemon/api/paycontrol/token_codes.h"

#include "daemon/config/paycontrol.h"
#include "hsm/frames/token_interface.h"

namespace signet::api::paycontrol {
namespace {

constexpr std::uint32_t kWithFingerprint = 1U << 0;

}  // namespace

signet::paycontrol::Covered covered_of(const UserOf& owner, const sqlite::PcTransaction& transaction) {
    signet::paycontrol::Covered out{
        .text = transaction.text, .binary = transaction.binary, .user_id = transaction.user_id};
    if ((owner.key.flags & kWithFingerprint) != 0) out.fingerprint = owner.key.device_fingerprint;
    if (transaction.snippet) out.snippet = *transaction.snippet;
    return out;
}

signet::paycontrol::MacFunction mac_with(Call& call, const WrappedKey& secret) {
    return [&call, &secret](const Bytes& data) {
        return call.services().token.mac({.key = secret, .algorithm = MacAlgorithm::hs256, .data = data},
                                         Deadline{call.exchange.deadline()});
    };
}

std::uint32_t default_interval(Call& call) {
    return static_cast<std::uint32_t>(call.context.settings()->confirm_interval.count());
}

}  // namespace signet::api::paycontrol
