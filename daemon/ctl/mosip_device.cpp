#include "daemon/ctl/mosip_device.h"

#include <boost/json.hpp>

#include "base/encoding.h"
#include "base/file.h"
#include "base/random.h"
#include "hsm/pki/chain.h"
#include "hsm/pki/jws.h"
#include "hsm/pki/pem.h"
#include "hsm/pki/signature.h"

namespace signet::ctl {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

std::string member(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string().c_str()) : std::string();
}

Result<json::object> parse_object(std::string_view text, std::string_view what) {
    json::error_code error;
    auto value = json::parse(json::string_view(text.data(), text.size()), error);
    if (error || !value.is_object())
        return fail(ErrorCode::unprocessable, std::string(what) + " is no JSON object");
    return std::move(value.as_object());
}

std::string now_text() {
    return to_rfc3339(SystemClock{}.now());
}

}  // namespace

struct MosipDevice::State {
    fs::path directory;
    json::object data;  // device.json
    SoftwareKey vendor_key;
    Bytes vendor_certificate;
    std::optional<SoftwareKey> device_key{};  // after the first rotation
    Bytes device_certificate{};
    std::vector<pki::Certificate> anchors{};

    Status save() const {
        return write_file_atomic(directory / "device.json", as_bytes(json::serialize(data) + "\n"), 0600);
    }

    Result<std::string> sign(const SoftwareKey& key, const Bytes& certificate,
                             std::string_view payload) const {
        pki::JwsHeader header;
        header.algorithm = SignAlgorithm::rs256;
        header.type = "jwt";
        header.certificates.push_back(certificate);
        SIGNET_ASSIGN(auto input, pki::jws_signing_input(header, as_bytes(payload)));
        SIGNET_ASSIGN(const auto signature, key.sign_rs256(as_bytes(input)));
        return pki::jws_attach_signature(std::move(input), SignAlgorithm::rs256, signature);
    }
    // With the device's own key where it has one, else with the vendor's.
    Result<std::string> sign_as_device(std::string_view payload) const {
        return device_key ? sign(*device_key, device_certificate, payload)
                          : sign(vendor_key, vendor_certificate, payload);
    }

    json::object request() const {
        return {{"uniqueTransactionId", random_uuid()},
                {"timeStamp", now_text()},
                {"serialNumber", member(data, "serialNumber")},
                {"deviceCodeUUID", member(data, "deviceCode")},
                {"modelID", member(data, "modelID")},
                {"deviceProviderId", member(data, "deviceProviderId")},
                {"bioType", member(data, "bioType")},
                {"certificationLevel", "L0"},
                {"devicePurpose", member(data, "devicePurpose")},
                {"env", member(data, "env")},
                {"deviceServiceVersion", member(data, "deviceServiceVersion")},
                {"specVersion", "0.9.5"},
                {"hostos", "Linux"}};
    }

    Result<std::string> verify(std::string_view compact) const {
        static constexpr SignAlgorithm kAllowed[] = {SignAlgorithm::rs256};
        SIGNET_ASSIGN(const auto jws, pki::parse_jws(compact, kAllowed));
        if (jws.header.certificates.empty()) return fail(ErrorCode::unprocessable, "the answer has no x5c");
        SIGNET_ASSIGN(const auto leaf, pki::Certificate::parse(as_text(jws.header.certificates.front())));
        SIGNET_TRY(pki::verify_chain(leaf, {}, anchors, {.now = SystemClock{}.now(), .strict = false}));
        SIGNET_ASSIGN(const bool good, pki::verify(leaf.public_key(), SignAlgorithm::rs256,
                                                   as_bytes(jws.signing_input), jws.signature));
        if (!good) return fail(ErrorCode::unprocessable, "the signature of the answer does not verify");
        return std::string(as_text(jws.payload));
    }

    Result<MosipAnswer> ask(const char* operation, const json::object& request, const Send& send) const {
        SIGNET_ASSIGN(const auto jws, sign(vendor_key, vendor_certificate, json::serialize(request)));
        SIGNET_ASSIGN(const auto body, send(json::serialize(json::object{{operation, jws}})));
        SIGNET_ASSIGN(const auto answer, parse_object(body, "the answer"));
        if (answer.contains("responseCode"))
            return MosipAnswer{member(answer, "responseCode"), member(answer, "description"), {}};
        if (answer.size() != 1 || !answer.contains(operation))
            return fail(ErrorCode::unprocessable, "the answer is not one to " + std::string(operation));
        SIGNET_ASSIGN(auto payload, verify(member(answer, operation)));
        SIGNET_ASSIGN(const auto object, parse_object(payload, "the answer's payload"));
        if (member(object, "uniqueTransactionId") != member(request, "uniqueTransactionId"))
            return fail(ErrorCode::unprocessable, "the answer is one to another request");
        return MosipAnswer{member(object, "responseCode"), member(object, "description"), std::move(payload)};
    }
};

MosipDevice::MosipDevice(std::unique_ptr<State> state) : state_(std::move(state)) {}
MosipDevice::~MosipDevice() = default;
MosipDevice::MosipDevice(MosipDevice&&) noexcept = default;
MosipDevice& MosipDevice::operator=(MosipDevice&&) noexcept = default;

Result<MosipDevice> MosipDevice::create(const fs::path& directory, const MosipDeviceSettings& settings) {
    if (fs::exists(directory / "device.json"))
        return fail(ErrorCode::already_exists, directory.string() + " holds a device already");
    std::error_code failure;
    fs::create_directories(directory, failure);
    if (failure)
        return fail(ErrorCode::permission_denied, "cannot make " + directory.string(), failure.message());
    SIGNET_ASSIGN(auto key, SoftwareKey::generate());
    SIGNET_TRY(key.save(directory / "vendor.key"));
    SIGNET_ASSIGN(const auto certificate, key.self_signed("MDS of " + settings.provider_id,
                                                          settings.provider_id, SystemClock{}.now()));
    SIGNET_TRY(
        write_file_atomic(directory / "vendor.pem", as_bytes(pki::to_pem("CERTIFICATE", certificate)), 0644));
    const json::object data{{"deviceProviderId", settings.provider_id},
                            {"serialNumber", settings.serial_number},
                            {"modelID", settings.model},
                            {"bioType", settings.bio_type},
                            {"devicePurpose", settings.purpose},
                            {"env", settings.env},
                            {"deviceServiceVersion", settings.service_version}};
    SIGNET_TRY(write_file_atomic(directory / "device.json", as_bytes(json::serialize(data) + "\n"), 0600));
    return load(directory);
}

Result<MosipDevice> MosipDevice::load(const fs::path& directory) {
    SIGNET_ASSIGN(const auto text, read_file(directory / "device.json", std::size_t{256} << 10));
    SIGNET_ASSIGN(auto data, parse_object(text, (directory / "device.json").string()));
    SIGNET_ASSIGN(auto key, SoftwareKey::load(directory / "vendor.key"));
    SIGNET_ASSIGN(const auto pem, read_file(directory / "vendor.pem", std::size_t{64} << 10));
    SIGNET_ASSIGN(const auto certificate, pki::Certificate::parse(pem));
    auto state =
        std::make_unique<State>(State{directory, std::move(data), std::move(key), certificate.der()});
    if (fs::exists(directory / "device.pem")) {
        SIGNET_ASSIGN(state->device_key, SoftwareKey::load(directory / "device.key"));
        SIGNET_ASSIGN(const auto own_pem, read_file(directory / "device.pem", std::size_t{64} << 10));
        SIGNET_ASSIGN(const auto own, pki::Certificate::parse(own_pem));
        state->device_certificate = own.der();
    }
    return MosipDevice(std::move(state));
}

void MosipDevice::trust(std::vector<pki::Certificate> anchors) {
    state_->anchors = std::move(anchors);
}

Result<MosipAnswer> MosipDevice::snapshot(const Send& send) {
    SIGNET_ASSIGN(auto answer, state_->ask("msbDeviceSnapshot", state_->request(), send));
    if (answer.payload.empty()) return answer;
    SIGNET_ASSIGN(const auto payload, parse_object(answer.payload, "the answer's payload"));
    state_->data["snapshot"] = payload;
    SIGNET_TRY(state_->save());
    return answer;
}

Result<MosipAnswer> MosipDevice::fetch_encryption_certificate(const Send& send) {
    SIGNET_ASSIGN(auto answer, state_->ask("msbEncryptionCert", state_->request(), send));
    if (answer.code != "0") return answer;
    SIGNET_ASSIGN(const auto payload, parse_object(answer.payload, "the answer's payload"));
    SIGNET_ASSIGN(const auto certificate, pki::Certificate::parse(member(payload, "encryptionCertData")));
    SIGNET_TRY(write_file_atomic(state_->directory / "encryption.pem", as_bytes(certificate.pem()), 0644));
    state_->data["thumbprint"] = to_base64url(certificate.fingerprint());
    SIGNET_TRY(state_->save());
    return answer;
}

Result<MosipAnswer> MosipDevice::rotate(const Send& send) {
    SIGNET_ASSIGN(auto key, SoftwareKey::generate());
    SIGNET_ASSIGN(const auto csr, key.request(member(state_->data, "serialNumber"),
                                              member(state_->data, "deviceProviderId")));
    auto request = state_->request();
    request["csrData"] = to_base64(csr);
    SIGNET_ASSIGN(auto answer, state_->ask("msbKeyRotation", request, send));
    if (answer.code != "0") return answer;
    SIGNET_ASSIGN(const auto payload, parse_object(answer.payload, "the answer's payload"));
    SIGNET_ASSIGN(const auto certificate,
                  pki::Certificate::parse(member(payload, "signedDeviceCertificate")));
    SIGNET_TRY(key.save(state_->directory / "device.key"));
    SIGNET_TRY(write_file_atomic(state_->directory / "device.pem", as_bytes(certificate.pem()), 0644));
    state_->device_key = std::move(key);
    state_->device_certificate = certificate.der();
    return answer;
}

Result<MosipAnswer> MosipDevice::register_device(const Send& send) {
    const auto& data = state_->data;
    const json::object digital_id{{"serialNo", member(data, "serialNumber")},
                                  {"make", member(data, "deviceProviderId")},
                                  {"model", member(data, "modelID")},
                                  {"type", member(data, "bioType")},
                                  {"deviceSubType", "Single"},
                                  {"deviceProvider", member(data, "deviceProviderId")},
                                  {"deviceProviderId", member(data, "deviceProviderId")},
                                  {"dateTime", now_text()}};
    SIGNET_ASSIGN(const auto digital_id_jwt, state_->sign_as_device(json::serialize(digital_id)));
    const json::object info{{"deviceSubId", "1"}, {"certification", "L0"}, {"digitalId", digital_id_jwt},
                            {"firmware", "1.0"},  {"deviceExpiry", ""},    {"timeStamp", now_text()}};
    SIGNET_ASSIGN(const auto info_jwt, state_->sign_as_device(json::serialize(info)));
    const json::object device_data{{"deviceId", member(data, "serialNumber")},
                                   {"purpose", member(data, "devicePurpose")},
                                   {"deviceInfo", info_jwt},
                                   {"foundationalTrustProviderId", ""}};
    SIGNET_ASSIGN(const auto device_data_jwt, state_->sign_as_device(json::serialize(device_data)));
    auto request = state_->request();
    request["deviceRegistrationRequest"] =
        json::serialize(json::object{{"id", "io.mosip.deviceregister"},
                                     {"metadata", ""},
                                     {"version", "0.9.5"},
                                     {"requesttime", now_text()},
                                     {"request", json::object{{"deviceData", device_data_jwt}}}});
    SIGNET_ASSIGN(auto answer, state_->ask("msbDeviceRegistration", request, send));
    if (answer.code != "0") return answer;
    SIGNET_ASSIGN(const auto payload, parse_object(answer.payload, "the answer's payload"));
    SIGNET_ASSIGN(const auto response,
                  parse_object(member(payload, "deviceRegistrationResponse"), "deviceRegistrationResponse"));
    const auto jwt = member(response, "response");
    const auto first = jwt.find('.');
    const auto second = jwt.find('.', first + 1);
    if (first == std::string::npos || second == std::string::npos)
        return fail(ErrorCode::unprocessable, "the registration response is no JWT");
    SIGNET_ASSIGN(const auto bytes, from_base64url(jwt.substr(first + 1, second - first - 1)));
    SIGNET_ASSIGN(const auto registered, parse_object(as_text(bytes), "the registration response"));
    state_->data["deviceCode"] = member(registered, "deviceCode");
    SIGNET_TRY(state_->save());
    return answer;
}

namespace {

std::string of_snapshot(const json::object& data, std::string_view name) {
    const auto* snapshot = data.if_contains("snapshot");
    return snapshot != nullptr && snapshot->is_object() ? member(snapshot->get_object(), name)
                                                        : std::string();
}

}  // namespace

bool MosipDevice::must_rotate() const {
    return of_snapshot(state_->data, "mandatoryKeyRotation") == "true";
}

bool MosipDevice::must_register() const {
    return of_snapshot(state_->data, "isDeviceRegistered") == "false";
}

bool MosipDevice::must_fetch_encryption_certificate() const {
    const auto thumbprint = of_snapshot(state_->data, "encryptionCertThumbprint");
    return member(state_->data, "devicePurpose") == "Auth" && !thumbprint.empty() &&
           thumbprint != member(state_->data, "thumbprint");
}

std::optional<SystemTime> MosipDevice::snapshot_validity() const {
    return from_rfc3339(of_snapshot(state_->data, "snapshotValidity"));
}

std::string MosipDevice::device_code() const {
    return member(state_->data, "deviceCode");
}

}  // namespace signet::ctl
