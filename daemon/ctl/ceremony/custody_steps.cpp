#include "daemon/ctl/ceremony/custody_steps.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/encoding.h"
#include "base/file.h"
#include "daemon/ctl/backup/make_backup.h"
#include "daemon/ctl/custody/dialogue.h"
#include "hsm/custody/sealed_pins.h"

namespace signet::ctl::ceremony {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

json::object facts(const custody::ShareSet& set) {
    json::array shares;
    for (std::size_t i = 0; i < set.hashes.size(); ++i)
        shares.push_back(json::object{{"custodian", set.custodians[i]}, {"sha256", to_hex(set.hashes[i])}});
    return {{"set", to_hex(set.id)}, {"threshold", set.threshold}, {"shares", std::move(shares)}};
}

Result<CustodyClient> connect(const CustodyParts& parts) {
    SIGNET_ASSIGN(const auto socket, custody_socket_of(parts.site.token_config()));
    return CustodyClient::connect(socket);
}

Result<custody::ShareSet> set_in(const fs::path& file) {
    SIGNET_ASSIGN(const auto text, read_file(file, std::size_t{64} << 10));
    return custody::parse_share_set(text, file.string());
}

}  // namespace

Result<json::object> make_backup_step(const CustodyParts& parts, Offline& place, bool resumed) {
    const auto directory = parts.site.outputs / "backup";
    std::error_code failure;
    if (!resumed || !fs::exists(directory / "manifest.json", failure)) {
        fs::remove_all(directory, failure);
        SIGNET_ASSIGN(const auto client, connect(parts));
        SIGNET_TRY(deal_shares(parts.terminal, parts.out, client, custody::Purpose::backup,
                               parts.plan.backup->threshold, parts.plan.backup->custodians, false));
        SIGNET_TRY(make_backup(place, directory, parts.out));
        SIGNET_TRY(client.ask({.ask = custody::Ask::forget}));
    }
    SIGNET_ASSIGN(const auto manifest, read_backup(directory, std::nullopt));
    SIGNET_ASSIGN(const auto set, custody::parse_share_set(manifest.share_set, "backup-shares.yaml"));
    auto out = facts(set);
    json::array keys;
    for (const auto& key : manifest.keys)
        keys.emplace_back(to_string(key.key.id));
    out["keys"] = std::move(keys);
    SIGNET_ASSIGN(const auto text, read_file(directory / "manifest.json", std::size_t{64} << 20));
    out["manifest_sha256"] = to_hex(sha256(as_bytes(text)));
    return out;
}

Result<json::object> share_pin_step(const CustodyParts& parts, bool resumed) {
    const auto file = parts.site.appliance / "secrets" / "pin-shares.yaml";
    std::error_code ignored;
    if (!resumed || !fs::exists(file, ignored)) {
        SIGNET_ASSIGN(const auto client, connect(parts));
        SIGNET_TRY(deal_shares(parts.terminal, parts.out, client, custody::Purpose::pin,
                               parts.plan.custody->threshold, parts.plan.custody->custodians, false));
        SIGNET_TRY(await_pin_change(parts.out, client));
    }
    SIGNET_ASSIGN(const auto set, set_in(file));
    return facts(set);
}

}  // namespace signet::ctl::ceremony
