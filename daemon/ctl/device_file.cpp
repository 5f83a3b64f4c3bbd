#include "daemon/ctl/device_file.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/encoding.h"
#include "base/file.h"
#include "base/key_wrap.h"
#include "base/random.h"
#include "daemon/ctl/context.h"
#include "daemon/paycontrol/key_export.h"

namespace signet::ctl {
namespace {

namespace json = boost::json;

constexpr std::uint32_t kOnlineCredentials = 1U << 16;  // key_flags
constexpr std::size_t kSecrets = 64;

struct FreeBio {
    void operator()(BIO* bio) const { BIO_free_all(bio); }
};
using Bio = std::unique_ptr<BIO, FreeBio>;

Result<std::string> encrypted_pem(const DeviceKey& key, const Secret& password) {
    const Bio bio(BIO_new(BIO_s_mem()));
    char* text = nullptr;
    if (!bio || PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), EVP_aes_256_cbc(),
                                              const_cast<char*>(password.text().data()),
                                              static_cast<int>(password.size()), nullptr, nullptr) != 1)
        return fail(ErrorCode::internal, "the device's key cannot be written");
    const auto size = BIO_get_mem_data(bio.get(), &text);
    return std::string(text, static_cast<std::size_t>(size));
}

int give_password(char* buffer, int size, int, void* secret) {
    const auto& password = *static_cast<const Secret*>(secret);
    if (static_cast<std::size_t>(size) < password.size()) return -1;
    std::copy(password.text().begin(), password.text().end(), buffer);
    return static_cast<int>(password.size());
}

Result<DeviceKey> key_from_pem(const std::string& pem, const Secret& password) {
    const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    DeviceKey key(
        bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, give_password, const_cast<Secret*>(&password))
            : nullptr);
    if (!key) return fail(ErrorCode::unprocessable, "the password does not open the device's key");
    return key;
}

json::object sealed(const Secret& secrets, const Secret& password) {
    const auto salt = random_bytes(kScryptSalt);
    const auto kek = scrypt(password.view(), salt, 32);
    const auto data = kek ? wrap_key(*kek, secrets.view()) : Result<Bytes>(Bytes{});
    return {{"salt", to_base64(salt)}, {"data", data ? to_base64(*data) : ""}};
}

Result<Secret> unsealed(const json::value& value, const Secret& password) {
    SIGNET_ASSIGN(const auto salt, from_base64(text_of(value, "salt")));
    SIGNET_ASSIGN(const auto data, from_base64(text_of(value, "data")));
    SIGNET_ASSIGN(const auto kek, scrypt(password.view(), salt, 32));
    auto secrets = unwrap_key(kek, data);
    if (!secrets || secrets->size() != kSecrets)
        return fail(ErrorCode::unprocessable, "the password does not open the device's secrets");
    return secrets;
}

const json::value* member(const json::value& value, std::string_view name) {
    const auto* object = value.if_object();
    return object == nullptr ? nullptr : object->if_contains(name);
}

Result<json::value> parse(std::string_view text, std::string_view what) {
    std::error_code error;
    auto value = json::parse(text, error);
    if (error || !value.is_object())
        return fail(ErrorCode::invalid_argument, std::string(what) + " is not a JSON object");
    return value;
}

}  // namespace

void FreeDeviceKey::operator()(EVP_PKEY* key) const {
    EVP_PKEY_free(key);
}

DeviceKey make_device_key() {
    return DeviceKey(EVP_EC_gen("P-256"));
}

Result<Bytes> public_key_of(const Device& device) {
    unsigned char* der = nullptr;
    const int size = i2d_PUBKEY(device.key.get(), &der);
    if (size <= 0) return fail(ErrorCode::internal, "the device's public key cannot be written");
    Bytes out(der, der + size);
    OPENSSL_free(der);
    return out;
}

Result<Bytes> sign_with(const Device& device, ByteView message) {
    struct FreeContext {
        void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
    };
    const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
    std::size_t size = 0;
    if (!context ||
        EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, device.key.get()) != 1 ||
        EVP_DigestSign(context.get(), nullptr, &size, message.data(), message.size()) != 1)
        return fail(ErrorCode::internal, "the device cannot sign");
    Bytes out(size);
    if (EVP_DigestSign(context.get(), out.data(), &size, message.data(), message.size()) != 1)
        return fail(ErrorCode::internal, "the device cannot sign");
    out.resize(size);
    return out;
}

Result<Device> load_device(const std::filesystem::path& file, const Secret& password) {
    SIGNET_ASSIGN(const auto text, read_file(file, std::size_t{1} << 20));
    SIGNET_ASSIGN(const auto value, parse(text, file.string()));
    Device device;
    device.system_id = text_of(value, "system_id");
    device.user_id = text_of(value, "user_id");
    device.key_index = static_cast<std::uint32_t>(number_of(value, "key_index"));
    device.key_flags = static_cast<std::uint32_t>(number_of(value, "key_flags"));
    device.confirm_interval = static_cast<std::uint32_t>(number_of(value, "confirm_interval"));
    device.auth_interval = static_cast<std::uint32_t>(number_of(value, "auth_interval"));
    device.expires = static_cast<std::int64_t>(number_of(value, "expires"));
    device.external_url = text_of(value, "external_url");
    device.fingerprint = text_of(value, "fingerprint");
    SIGNET_ASSIGN(device.key, key_from_pem(text_of(value, "private_key"), password));
    const auto* secrets = member(value, "secrets");
    if (secrets == nullptr || device.confirm_interval == 0 || device.auth_interval == 0)
        return fail(ErrorCode::invalid_argument, file.string() + " is no file of a PayControl device");
    SIGNET_ASSIGN(device.secrets, unsealed(*secrets, password));
    if (const auto* next = member(value, "next_secrets")) {
        SIGNET_ASSIGN(device.next_secrets, unsealed(*next, password));
    }
    return device;
}

Status save_device(const std::filesystem::path& file, const Device& device, const Secret& password) {
    json::object out{{"system_id", device.system_id},
                     {"user_id", device.user_id},
                     {"key_index", device.key_index},
                     {"key_flags", device.key_flags},
                     {"confirm_interval", device.confirm_interval},
                     {"auth_interval", device.auth_interval},
                     {"expires", device.expires},
                     {"external_url", device.external_url},
                     {"fingerprint", device.fingerprint},
                     {"secrets", sealed(device.secrets, password)}};
    if (!device.next_secrets.empty()) out["next_secrets"] = sealed(device.next_secrets, password);
    SIGNET_ASSIGN(out["private_key"], encrypted_pem(device.key, password));
    return write_file_atomic(file, as_bytes(json::serialize(out) + "\n"), 0600);
}

Result<KeyJson> read_key_json(std::string_view text) {
    SIGNET_ASSIGN(const auto value, parse(text, "the key"));
    if (number_of(value, "pc_key_version") != signet::paycontrol::kKeyVersion)
        return fail(ErrorCode::invalid_argument, "this is no PayControl key of version 7");
    KeyJson out;
    auto& device = out.device;
    device.system_id = text_of(value, "system_id");
    device.user_id = text_of(value, "user_id");
    device.key_index = static_cast<std::uint32_t>(number_of(value, "key_index"));
    device.key_flags = static_cast<std::uint32_t>(number_of(value, "key_flags"));
    device.expires = static_cast<std::int64_t>(number_of(value, "expiration_timestamp"));
    device.external_url = text_of(value, "pc_external_url");
    if (const auto* settings = member(value, "system_settings")) {
        device.confirm_interval =
            static_cast<std::uint32_t>(number_of(*settings, "confirm_code_time_sampling_interval"));
        device.auth_interval =
            static_cast<std::uint32_t>(number_of(*settings, "auth_code_time_sampling_interval"));
    }
    if (device.system_id.empty() || device.user_id.empty() || device.key_index == 0 ||
        device.confirm_interval == 0 || device.auth_interval == 0)
        return fail(ErrorCode::invalid_argument,
                    "the key lacks system_id, user_id, key_index or system_settings");
    out.system_name = text_of(value, "system_name");
    out.user_name = text_of(value, "user_name");
    out.app_extra = text_of(value, "app_extra");
    out.type = static_cast<std::uint32_t>(number_of(value, "type"));
    if (out.type != 0)
        return fail(ErrorCode::unsupported, "this device makes ECDSA keys only, not GOST ones");
    const auto* encrypted = member(value, "encrypted_key");
    out.clear = encrypted == nullptr;
    out.online = !out.clear && (device.key_flags & kOnlineCredentials) != 0;
    if (out.clear) {
        SIGNET_ASSIGN(out.clear_key, from_base64(text_of(value, "key")));
        return out;
    }
    SIGNET_ASSIGN(out.data, from_base64(text_of(*encrypted, "data")));
    SIGNET_ASSIGN(out.mac, from_base64(text_of(*encrypted, "hmac")));
    SIGNET_ASSIGN(out.salt, from_base64(text_of(*encrypted, "iv")));
    const auto* kdf = member(value, "kdf");
    if (kdf == nullptr || text_of(*kdf, "name") != "scrypt")
        return fail(ErrorCode::unsupported, "the key is under a password by another KDF than scrypt");
    out.n = static_cast<std::uint32_t>(number_of(*kdf, "n"));
    out.r = static_cast<std::uint32_t>(number_of(*kdf, "r"));
    out.p = static_cast<std::uint32_t>(number_of(*kdf, "p"));
    return out;
}

Result<Secret> open_key_json(const KeyJson& json, ByteView password) {
    if (json.clear) {
        if (json.clear_key.size() != kSecrets)
            return fail(ErrorCode::invalid_argument, "the key is no key in clear");
        return Secret::copy_of(json.clear_key);
    }
    const auto wrong = [] {
        return fail(ErrorCode::unprocessable, "the password or activation code is wrong");
    };
    SIGNET_ASSIGN(const auto derived, scrypt(password, json.salt, 64, {json.n, json.r, json.p}));
    const auto& device = json.device;
    auto covered = signet::paycontrol::export_header(
        {device.system_id, device.user_id, device.key_index, json.type, device.key_flags, device.expires});
    covered.insert(covered.end(), json.data.begin(), json.data.end());
    if (!equal_constant_time(hmac_sha256(derived.view().last(32), covered), json.mac) ||
        json.data.size() != 80)
        return wrong();
    const auto kek = Secret::copy_of(derived.view().first(32));
    const auto k1 = unwrap_key(kek, ByteView(json.data).first(40));
    const auto k2 = unwrap_key(kek, ByteView(json.data).last(40));
    if (!k1 || !k2 || k1->size() != 32 || k2->size() != 32) return wrong();
    Secret out(kSecrets);
    std::ranges::copy(k1->view(), out.data());
    std::ranges::copy(k2->view(), out.data() + 32);
    return out;
}

}  // namespace signet::ctl
