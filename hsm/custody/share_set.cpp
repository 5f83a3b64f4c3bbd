#include "hsm/custody/share_set.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/wire.h"
#include "base/yaml.h"

namespace signet::custody {
namespace {

constexpr std::string_view kFormat = "signet-share-set-1";

template <std::size_t N>
Status read_hex(const yaml::Node& node, std::array<std::uint8_t, N>& out) {
    SIGNET_ASSIGN(const auto text, node.text(2 * N));
    const auto bytes = from_hex(text);
    if (!bytes || bytes->size() != N) return node.error("expected " + std::to_string(2 * N) + " hex digits");
    std::ranges::copy(*bytes, out.begin());
    return {};
}

}  // namespace

std::string_view to_string(Purpose purpose) {
    return purpose == Purpose::pin ? "pin" : "backup";
}

std::optional<Purpose> purpose_from(std::string_view name) {
    if (name == "pin") return Purpose::pin;
    if (name == "backup") return Purpose::backup;
    return std::nullopt;
}

Sha256 hash_of(Purpose purpose, const Share& share) {
    // In locked memory: the message holds the share.
    constexpr std::string_view kPrefix = "signet-share-1";
    Secret message(kPrefix.size() + 2 + share.set.size() + share.value.size());
    auto* out = std::copy(kPrefix.begin(), kPrefix.end(), message.data());
    *out++ = static_cast<std::uint8_t>(purpose);
    out = std::copy(share.set.begin(), share.set.end(), out);
    *out++ = share.number;
    std::copy(share.value.data(), share.value.data() + share.value.size(), out);
    return sha256(message.view());
}

Result<std::string> ShareSet::check(const Share& share) const {
    if (share.set != id)
        return fail(ErrorCode::invalid_argument, "this share is of the set " + to_hex(share.set) +
                                                     ", and the set in use is " + to_hex(id));
    if (share.number == 0 || share.number > hashes.size())
        return fail(ErrorCode::invalid_argument,
                    "the set " + to_hex(id) + " has no share number " + std::to_string(share.number));
    const auto& custodian = custodians[share.number - 1U];
    if (share.value.size() != kKeySize ||
        !equal_constant_time(hash_of(purpose, share), hashes[share.number - 1U]))
        return fail(ErrorCode::invalid_argument, "share " + std::to_string(share.number) + " (" + custodian +
                                                     ") is not the one that was dealt");
    return custodian;
}

Status ShareSet::check_key(const Secret& key) const {
    if (equal_constant_time(hash_of(purpose, {id, 0, key.clone()}), key_check)) return {};
    return fail(ErrorCode::internal, "the shares do not give the key that was dealt");
}

std::string to_text(const ShareSet& set) {
    std::string out =
        "# Public: which shares belong together. It holds no secret; keep it beside what the shares open.\n";
    out += "format: " + std::string(kFormat) + "\npurpose: " + std::string(to_string(set.purpose)) +
           "\nset: \"" + to_hex(set.id) + "\"\nthreshold: " + std::to_string(set.threshold) +
           "\nkey_check: \"" + to_hex(set.key_check) + "\"\nshares:\n";
    for (std::size_t i = 0; i < set.hashes.size(); ++i)
        out +=
            "  - { custodian: \"" + set.custodians[i] + "\", sha256: \"" + to_hex(set.hashes[i]) + "\" }\n";
    return out;
}

Result<ShareSet> parse_share_set(std::string_view text, std::string name) {
    SIGNET_ASSIGN(const auto root, yaml::Node::parse(text, std::move(name)));
    SIGNET_TRY(root.only({"format", "purpose", "set", "threshold", "key_check", "shares", "sealed"}));
    SIGNET_ASSIGN(const auto format, root.required("format"));
    SIGNET_TRY(format.one_of({kFormat}));
    ShareSet set;
    SIGNET_ASSIGN(const auto purpose, root.required("purpose"));
    SIGNET_ASSIGN(const auto purpose_name, purpose.one_of({"pin", "backup"}));
    set.purpose = *purpose_from(purpose_name);
    SIGNET_ASSIGN(const auto id, root.required("set"));
    SIGNET_TRY(read_hex(id, set.id));
    SIGNET_ASSIGN(const auto check, root.required("key_check"));
    SIGNET_TRY(read_hex(check, set.key_check));
    SIGNET_ASSIGN(const auto shares, root.required("shares"));
    SIGNET_ASSIGN(const auto items, shares.items());
    if (items.size() < 2 || items.size() > kMostShares) return shares.error("expected 2 to 16 shares");
    for (const auto& item : items) {
        SIGNET_TRY(item.only({"custodian", "sha256"}));
        SIGNET_ASSIGN(const auto custodian, item.required("custodian"));
        SIGNET_ASSIGN(auto custodian_name, custodian.text(128));
        SIGNET_ASSIGN(const auto hash, item.required("sha256"));
        SIGNET_TRY(read_hex(hash, set.hashes.emplace_back()));
        set.custodians.push_back(std::move(custodian_name));
    }
    SIGNET_ASSIGN(const auto threshold, root.required("threshold"));
    SIGNET_ASSIGN(const auto number, threshold.integer(2, static_cast<std::int64_t>(items.size())));
    set.threshold = static_cast<std::uint8_t>(number);
    return set;
}

}  // namespace signet::custody
