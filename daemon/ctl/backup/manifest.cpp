#include "daemon/ctl/backup/manifest.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "base/encoding.h"
#include "base/file.h"
#include "daemon/ctl/ceremony/transcript.h"
#include "daemon/ctl/context.h"
#include "sqlite/output_file.h"

namespace signet::ctl {
namespace {

namespace json = boost::json;

constexpr std::string_view kFormat = "signet-backup-1";
constexpr std::size_t kLargest = std::size_t{64} << 20;

std::unexpected<Error> wrong(std::string what) {
    return fail(ErrorCode::unprocessable, std::move(what));
}

json::object to_json(const KeyInfo& info) {
    return {{"label", info.id.label},
            {"version", info.id.version},
            {"algorithm", to_string(info.algorithm)},
            {"usages", info.usages.bits()},
            {"public_key", to_base64(info.public_key)}};
}

Result<Bytes> base64_of(const json::value& value, std::string_view member) {
    auto bytes = from_base64(text_of(value, member));
    if (!bytes) return wrong("the manifest's member " + std::string(member) + " is malformed");
    return bytes;
}

Result<KeyInfo> info_from(const json::value& value) {
    KeyInfo info;
    info.id = {text_of(value, "label"), static_cast<std::uint32_t>(number_of(value, "version"))};
    const auto algorithm = key_algorithm_from(text_of(value, "algorithm"));
    if (!algorithm || !check_label(info.id.label)) return wrong("a key of the manifest is malformed");
    info.algorithm = *algorithm;
    info.usages = KeyUsages::from_bits(static_cast<std::uint16_t>(number_of(value, "usages")));
    info.attributes.extractable = true;
    SIGNET_ASSIGN(info.public_key, base64_of(value, "public_key"));
    return info;
}

json::object to_json(const WrappedKey& key) {
    return {{"wrapping_key", key.wrapping_key.label},
            {"wrapping_version", key.wrapping_key.version},
            {"binding_key", key.binding_key.label},
            {"binding_version", key.binding_key.version},
            {"owner", key.binding.owner},
            {"class", key.binding.key_class},
            {"blob", to_base64(key.blob)},
            {"mac", to_base64(key.mac)}};
}

Result<WrappedKey> wrapped_from(const json::value& value) {
    WrappedKey key;
    key.wrapping_key = {text_of(value, "wrapping_key"),
                        static_cast<std::uint32_t>(number_of(value, "wrapping_version"))};
    key.binding_key = {text_of(value, "binding_key"),
                       static_cast<std::uint32_t>(number_of(value, "binding_version"))};
    key.binding = {
        text_of(value, "owner"), text_of(value, "class"), 1, 1, KeyAlgorithm::hmac_256, KeyUsage::mac};
    SIGNET_ASSIGN(key.blob, base64_of(value, "blob"));
    SIGNET_ASSIGN(key.mac, base64_of(value, "mac"));
    return key;
}

json::object to_json(const Challenge& challenge) {
    json::object answers;
    for (const auto& [name, answer] : challenge.answers)
        answers[name] = to_base64(answer);
    json::object wrapped;
    for (const auto& [name, key] : challenge.wrapped) {
        auto one = to_json(key);
        one["answer"] = to_base64(challenge.wrapped_macs.at(name));
        wrapped[name] = std::move(one);
    }
    return {{"value", to_base64(challenge.value)},
            {"answers", std::move(answers)},
            {"wrapped", std::move(wrapped)}};
}

const json::value& member(const json::value& value, std::string_view name) {
    static const json::value nothing;
    const auto* object = value.if_object();
    const auto* found = object == nullptr ? nullptr : object->if_contains(name);
    return found == nullptr ? nothing : *found;
}

const json::array& list_of(const json::value& value, std::string_view name) {
    static const json::array empty;
    const auto& found = member(value, name);
    return found.is_array() ? found.get_array() : empty;
}

Result<Challenge> challenge_from(const json::value& value) {
    Challenge out;
    SIGNET_ASSIGN(out.value, base64_of(value, "value"));
    if (const auto& answers = member(value, "answers"); answers.is_object()) {
        for (const auto& [name, answer] : answers.get_object()) {
            SIGNET_ASSIGN(out.answers[std::string(name)], base64_of(answers, name));
        }
    }
    if (const auto& wrapped = member(value, "wrapped"); wrapped.is_object()) {
        for (const auto& [name, one] : wrapped.get_object()) {
            SIGNET_ASSIGN(out.wrapped[std::string(name)], wrapped_from(one));
            SIGNET_ASSIGN(out.wrapped_macs[std::string(name)], base64_of(one, "answer"));
        }
    }
    return out;
}

// No way out of the backup's directory.
bool is_inside(const std::string& name) {
    const std::filesystem::path path(name);
    return !name.empty() && path.is_relative() && path.lexically_normal() == path &&
           std::ranges::none_of(path, [](const auto& part) { return part == ".."; });
}

}  // namespace

std::string to_json_text(const BackupManifest& manifest) {
    json::array files;
    for (const auto& file : manifest.files)
        files.push_back(
            json::object{{"name", file.name}, {"sha256", to_hex(file.sha256)}, {"size", file.size}});
    json::array keys;
    for (const auto& key : manifest.keys) {
        auto one = to_json(key.key);
        one["blob"] = to_base64(key.blob);
        one["mac"] = to_base64(key.mac);
        keys.push_back(std::move(one));
    }
    json::array left_out;
    for (const auto& name : manifest.left_out)
        left_out.emplace_back(name);
    return json::serialize(json::object{
        {"format", kFormat},
        {"created", manifest.created},
        {"token", json::object{{"label", manifest.token_label}, {"serial", manifest.token_serial}}},
        {"audit_key", manifest.audit_key},
        {"files", std::move(files)},
        {"keys", std::move(keys)},
        {"left_out", std::move(left_out)},
        {"challenge", to_json(manifest.challenge)},
        {"share_set", manifest.share_set}});
}

Result<BackupManifest> parse_manifest(const std::string& text) {
    boost::system::error_code malformed;
    const auto value = json::parse(text, malformed);
    if (malformed || text_of(value, "format") != kFormat) return wrong("the manifest is of another format");
    BackupManifest out;
    out.created = text_of(value, "created");
    out.token_label = text_of(member(value, "token"), "label");
    out.token_serial = text_of(member(value, "token"), "serial");
    out.audit_key = text_of(value, "audit_key");
    out.share_set = text_of(value, "share_set");
    for (const auto& file : list_of(value, "files")) {
        BackupFile one{text_of(file, "name"), {}, number_of(file, "size")};
        const auto digest = from_hex(text_of(file, "sha256"));
        if (!is_inside(one.name) || !digest || digest->size() != one.sha256.size())
            return wrong("a file of the manifest is malformed");
        std::ranges::copy(*digest, one.sha256.begin());
        out.files.push_back(std::move(one));
    }
    for (const auto& key : list_of(value, "keys")) {
        BackedUpKey one;
        SIGNET_ASSIGN(one.key, info_from(key));
        SIGNET_ASSIGN(one.blob, base64_of(key, "blob"));
        SIGNET_ASSIGN(one.mac, base64_of(key, "mac"));
        out.keys.push_back(std::move(one));
    }
    for (const auto& name : list_of(value, "left_out")) {
        if (name.is_string()) out.left_out.emplace_back(name.get_string());
    }
    SIGNET_ASSIGN(out.challenge, challenge_from(member(value, "challenge")));
    return out;
}

Result<BackupManifest> read_backup(const std::filesystem::path& backup,
                                   const std::optional<pki::PublicKey>& known) {
    SIGNET_ASSIGN(const auto text, read_file(backup / "manifest.json", kLargest));
    boost::system::error_code malformed;
    const auto file = json::parse(text, malformed);
    if (malformed) return wrong((backup / "manifest.json").string() + " is not JSON");
    const auto body = json::serialize(member(file, "manifest"));
    const auto digest = to_hex(sha256(as_bytes(body)));
    if (digest != text_of(file, "sha256"))
        return wrong("the manifest was changed: its SHA-256 is not the one it states");
    SIGNET_ASSIGN(const auto proof, ceremony::check_proof(member(file, "proof"), known));
    if (proof.action != "backup.make" || proof.sha256 != digest)
        return wrong("the audit chain holds another hash than this manifest's");
    SIGNET_ASSIGN(auto manifest, parse_manifest(body));
    for (const auto& one : manifest.files) {
        const auto found = sqlite::digest_file(backup / one.name);
        if (!found) return wrong("the backup lacks " + one.name);
        if (*found != one.sha256) return wrong(one.name + " in the backup was changed");
    }
    return manifest;
}

}  // namespace signet::ctl
