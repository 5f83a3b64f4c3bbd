// Requests of devices: an HMAC with the second secret of the user's key over verb, path, time and body.
#include <array>
#include <charconv>

#include "base/encoding.h"
#include "daemon/api/paycontrol/dispatch.h"
#include "daemon/api/paycontrol/key_params.h"
#include "daemon/api/paycontrol/lookup.h"
#include "daemon/api/paycontrol/user_handlers.h"
#include "daemon/config/paycontrol.h"
#include "daemon/paycontrol/key_export.h"
#include "hsm/frames/token_interface.h"
#include "sqlite/read_pool.h"

namespace signet::api::paycontrol {
namespace {

namespace users = sqlite::paycontrol_user_store;
namespace shared = signet::paycontrol;

constexpr std::array<std::string_view, 2> kRoots{"/pc-api/ext", "/pc-client-api/jsonrequest_v3"};
constexpr std::size_t kFields = 5;

struct Proof {
    std::uint32_t key_index = 0;
    std::uint64_t step = 0;
    std::string_view fingerprint;
    Bytes hmac;
};

template <class T>
bool read_number(std::string_view text, T& out) {
    const auto* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, out);
    return error == std::errc{} && rest == end;
}

// "1;<key_index>;<step>;<fingerprint>;<hmac hex>"
std::optional<Proof> read_proof(const http::Headers& headers) {
    if (headers.count(shared::kDeviceHeader) != 1) return std::nullopt;
    std::array<std::string_view, kFields> fields;
    auto rest = headers.get(shared::kDeviceHeader);
    for (std::size_t i = 0; i < kFields; ++i) {
        const auto end = rest.find(';');
        if ((end == std::string_view::npos) != (i + 1 == kFields)) return std::nullopt;
        fields[i] = rest.substr(0, end);
        if (end != std::string_view::npos) rest.remove_prefix(end + 1);
    }
    Proof proof;
    proof.fingerprint = fields[3];
    auto hmac = from_hex(fields[4]);
    if (fields[0] != "1" || !read_number(fields[1], proof.key_index) || !read_number(fields[2], proof.step) ||
        !from_hex(fields[3]) || fields[3].size() > 128 || !hmac || hmac->size() != 32)
        return std::nullopt;
    proof.hmac = *std::move(hmac);
    return proof;
}

std::string_view below_root(std::string_view target) {
    for (const auto root : kRoots)
        if (target.starts_with(root)) return target.substr(root.size());
    return target;
}

Outcome<void> in_time(const Call& call, std::uint64_t step) {
    const auto interval = static_cast<std::uint64_t>(call.context.settings()->auth_interval.count());
    const auto now = static_cast<std::uint64_t>(to_unix_ms(call.context.now()) / 1000) / interval;
    if (step + 1 < now || step > now + 1) return fail(Code::time_sync_error);
    return {};
}

// The first request with a key: it is in use from now on, and a delayed one comes into force.
Outcome<void> note_first_use(Call& call, Device& device) {
    const bool delayed = device.key.state == sqlite::PayControlKeyState::delayed;
    if (device.key.activated && !delayed) return {};
    const auto now = call.context.now();
    std::optional<Failure> refused;
    const auto noted = call.services().writer.run([&](sqlite::Transaction& t) -> Status {
        refused.reset();
        const auto work = [&]() -> Outcome<void> {
            SIGNET_ASSIGN(auto user, users::find(t.db(), device.user.user_id));
            SIGNET_ASSIGN(auto key, users::find_key(t.db(), device.key.key_id));
            if (!user || !key || key->ended) return fail(Code::key_index_obsoleted);
            if (!key->activated) key->activated = now;
            if (key->state == sqlite::PayControlKeyState::delayed) {
                SIGNET_ASSIGN(auto old, users::find_key(t.db(), user->active_key));
                if (!old) return fail(Code::key_info_not_found);
                SIGNET_TRY(put_in_force(t, *user, *old, *key, now));
                SIGNET_TRY(t.audit({.request_id = call.exchange.id(),
                                    .principal = "device:" + user->user_id,
                                    .action = "paycontrol.device",
                                    .object = "paycontrol/" + user->system_id + "/" + user->user_id,
                                    .outcome = "ok",
                                    .details = R"({"event":"delayed key in force","key_index":)" +
                                               std::to_string(key->key_index) + "}"}));
            } else {
                SIGNET_TRY(users::update_key(t, *key));
            }
            device.user = *std::move(user);
            device.key = *std::move(key);
            return {};
        };
        auto done = work();
        if (done) return {};
        refused = std::move(done).error();
        return refused->cause ? Status(std::unexpected(*refused->cause))
                              : signet::fail(ErrorCode::conflict, refused->message);
    });
    if (noted) return {};
    if (refused) return std::unexpected(*std::move(refused));
    return std::unexpected(Failure(noted.error()));
}

}  // namespace

Outcome<Device> authenticate_device(Call& call) {
    auto& exchange = call.exchange;
    auto proof = read_proof(exchange.request().headers);
    if (!proof) return fail(Code::http_auth_code_invalid);
    Device device;
    WrappedKey secret;
    {
        SIGNET_ASSIGN(const auto db, call.services().readers.lease());
        SIGNET_ASSIGN(auto found, find_user(*db, exchange.parameter("system"), exchange.parameter("user"),
                                            Need::present, call.context.now()));
        call.event.system_id = found.system.system_id;
        call.event.user_id = found.user.user_id;
        device.user = std::move(found.user);
        if (found.key.key_index == proof->key_index) {
            device.key = std::move(found.key);
        } else {
            SIGNET_ASSIGN(auto key, users::find_key(*db, device.user.number, proof->key_index));
            if (!key) return fail(Code::key_index_wrong);
            if (key->ended) return fail(Code::key_index_obsoleted);
            device.key = *std::move(key);
        }
        SIGNET_ASSIGN(secret, user_secret(*db, device.user, device.key, kRequestKey));
    }
    call.event.key_index = device.key.key_index;
    call.event.device_fingerprint = proof->fingerprint;
    const auto verb = http::to_string(exchange.request().verb);
    auto bytes = shared::device_request_bytes({.verb = verb,
                                               .target = below_root(exchange.request().target),
                                               .step = proof->step,
                                               .key_index = proof->key_index,
                                               .fingerprint = proof->fingerprint,
                                               .body = exchange.body()});
    SIGNET_ASSIGN(const bool good,
                  call.services().token.mac_verify({std::move(secret), MacAlgorithm::hs256, std::move(bytes)},
                                                   proof->hmac, Deadline{exchange.deadline()}));
    if (!good) return fail(Code::http_auth_code_invalid);
    call.event.request_hmac = to_hex(proof->hmac);
    // From here on the caller holds the key: what is wrong can be told in detail.
    SIGNET_TRY(in_time(call, proof->step));
    if (device.user.blocked) return fail(Code::user_is_blocked);
    const auto& key = device.key;
    const bool renews = exchange.request().path.find("/key/renew/") != std::string::npos;
    if (key.expires <= call.context.now() && !renews) return fail(Code::key_expired);
    if (!key.activation_mac.empty() && !key.activated) return fail(Code::key_not_activated);
    if ((key.flags & flag::kWithFingerPrint) != 0 && !key.device_fingerprint.empty()) {
        if (proof->fingerprint.empty()) return fail(Code::fprint_is_empty);
        if (proof->fingerprint != key.device_fingerprint) return fail(Code::device_fingerprint_mismatch);
    }
    SIGNET_TRY(note_first_use(call, device));
    return device;
}

}  // namespace signet::api::paycontrol
