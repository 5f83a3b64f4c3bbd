// The MOSIP management server, asked by `signetctl mosip device` and by messages that openssl signed.
#include <fstream>
#include <set>

#include "base/clock.h"
#include "base/random.h"
#include "tests/api/fake_mosip.h"
#include "tests/api/json.h"

namespace signet::testing {
namespace {

constexpr const char* kUrl = "/mms/MSBDeviceRequest/";

class Mosip : public ::testing::Test {
  protected:
    static void SetUpTestSuite() {
        Appliance::Options options;
        options.families = {"mosip"};
        appliance = std::make_unique<Appliance>(options);
        make_vendor();
    }
    static void TearDownTestSuite() { appliance.reset(); }

    // A vendor of ours: a root, and a certificate that signs for devices, by openssl.
    static void make_vendor() {
        const auto ok = [](std::vector<std::string> arguments) {
            const auto ended = Appliance::openssl(std::move(arguments));
            ASSERT_EQ(ended.code, 0) << ended.output;
        };
        ok({"req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=Vendor root",
            "-keyout", file("root.key"), "-out", file("root.pem")});
        ok({"req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=MDS", "-keyout", file("mds.key"),
            "-out", file("mds.csr")});
        save("mds.ext", "basicConstraints=CA:FALSE\n");
        ok({"x509", "-req", "-in", file("mds.csr"), "-CA", file("root.pem"), "-CAkey", file("root.key"),
            "-CAcreateserial", "-days", "30", "-extfile", file("mds.ext"), "-out", file("mds.pem")});
        admin("/v1/mosip/vendors",
              {{"providerId", "V1"}, {"name", "a vendor"}, {"certificates", read(file("root.pem"))}}, 201);
        white_list("V1", "SN-1", "Auth");
    }

    static std::string file(const std::string& name) { return appliance->scratch(name).string(); }
    static std::string save(const std::string& name, std::string_view content) {
        std::ofstream(file(name), std::ios::binary) << content;
        return file(name);
    }
    static std::string read(const std::string& path) {
        std::ifstream in(path, std::ios::binary);
        return std::string((std::istreambuf_iterator<char>(in)), {});
    }
    static json::value admin(const std::string& target, const json::object& body, long status = 200) {
        return expect_json(
            appliance->admin({.verb = "POST", .target = target, .body = json::serialize(body)}), status);
    }
    static json::value shown(const std::string& target) {
        return expect_json(appliance->admin({.verb = "GET", .target = target}));
    }
    static void white_list(const std::string& provider, const std::string& serial,
                           const std::string& purpose) {
        admin("/v1/mosip/devices",
              {{"providerId", provider},
               {"serialNumber", serial},
               {"modelID", "M1"},
               {"devicePurpose", purpose},
               {"bioType", "Finger"}},
              201);
    }
    static std::string sign(const std::string& input, const std::string& key) {
        const auto out = file("signature");
        EXPECT_EQ(
            Appliance::openssl({"dgst", "-sha256", "-sign", file(key), "-out", out, save("input", input)})
                .code,
            0);
        return to_base64url(as_bytes(read(out)));
    }
    static std::string x5c(const std::string& name, bool wrapped = false) {
        EXPECT_EQ(
            Appliance::openssl({"x509", "-in", file(name), "-outform", "DER", "-out", file("x5c.der")}).code,
            0);
        auto text = to_base64(as_bytes(read(file("x5c.der"))));
        if (wrapped)
            for (std::size_t at = 76; at < text.size(); at += 78)
                text.insert(at, "\r\n");
        return text;
    }
    struct Signing {
        std::string algorithm = "RS256";
        std::string key = "mds.key";
        std::string certificate = "mds.pem";
        bool wrapped = false;
    };
    static std::string jws(const json::object& payload, const Signing& signing) {
        json::object header{{"alg", signing.algorithm}, {"typ", "jwt"}};
        if (!signing.certificate.empty())
            header["x5c"] = json::array{x5c(signing.certificate, signing.wrapped)};
        const auto input = to_base64url(as_bytes(json::serialize(header))) + "." +
                           to_base64url(as_bytes(json::serialize(payload)));
        return input + "." + sign(input, signing.key);
    }
    static std::string now() { return to_rfc3339(SystemClock{}.now()); }
    static json::object request(const std::string& serial = "SN-1") {
        return {{"uniqueTransactionId", random_uuid()},
                {"timeStamp", now()},
                {"serialNumber", serial},
                {"deviceCodeUUID", ""},
                {"modelID", "M1"},
                {"deviceProviderId", "V1"},
                {"bioType", "Finger"},
                {"certificationLevel", "LO"},
                {"devicePurpose", "Auth"},
                {"env", "Staging"},
                {"deviceServiceVersion", "1.0"},
                {"specVersion", "0.9.5"},
                {"hostos", "Linux"}};
    }
    static HttpAnswer post(const std::string& body) { return appliance->post(kUrl, body); }
    static json::value answer_of(const HttpAnswer& answer, const std::string& operation) {
        const auto document = expect_json(answer);
        const auto compact = text(document, operation);
        const auto first = compact.find('.');
        const auto second = compact.find('.', first + 1);
        if (second == std::string::npos) {
            ADD_FAILURE() << answer.body;
            return json::object{};
        }
        return parse_json(
            std::string(as_text(*from_base64url(compact.substr(first + 1, second - first - 1)))));
    }
    static json::value ask(const std::string& operation, const json::object& payload,
                           const Signing& signing) {
        return answer_of(post(json::serialize(json::object{{operation, jws(payload, signing)}})), operation);
    }
    static json::value ask(const std::string& operation, const json::object& payload) {
        return ask(operation, payload, Signing{});
    }
    // Not signed, HTTP 200, and nothing of it kept.
    static void expect_unsigned(const HttpAnswer& answer, const std::string& what) {
        EXPECT_EQ(answer.status, 200) << what;
        const auto document = parse_json(answer.body);
        EXPECT_EQ(text(document, "responseCode"), "-1001") << what << answer.body;
        EXPECT_FALSE(text(document, "description").empty()) << what;
    }
    static Ended device(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), {"--json", "mosip", "device"});
        return appliance->ctl(std::move(arguments));
    }
    static std::string mms() { return appliance->path("ca/mosip.mms.pem").string(); }

    static std::unique_ptr<Appliance> appliance;
};
std::unique_ptr<Appliance> Mosip::appliance;

TEST_F(Mosip, TheSimulatedDeviceGoesAllTheWay) {
    const auto home = file("device-a");
    ASSERT_EQ(device({"new", home, "--provider", "V2", "--serial", "SN-A", "--model", "M1"}).code, 0);
    admin("/v1/mosip/vendors",
          {{"providerId", "V2"}, {"name", "self-signed"}, {"certificates", read(home + "/vendor.pem")}}, 201);
    const auto refused = device({"snapshot", home, "--trust", mms()});
    EXPECT_NE(refused.code, 0);
    EXPECT_NE(refused.output.find("-102"), std::string::npos) << refused.output;
    white_list("V2", "SN-A", "Auth");
    admin("/v1/mosip/encryption-certificates", {{"certificate", read(file("mds.pem"))}}, 201);

    const auto run = device({"run", home, "--trust", mms(), "--rounds", "1"});
    ASSERT_EQ(run.code, 0) << run.output;
    const auto code = text(parse_json(run.output), "deviceCode");
    EXPECT_EQ(code.size(), 36U);
    const auto row = shown("/v1/mosip/devices/V2/SN-A");
    EXPECT_EQ(text(row, "registered"), "true");
    EXPECT_EQ(text(row, "deviceCode"), code);
    EXPECT_EQ(read(home + "/encryption.pem"), read(file("mds.pem")));
    EXPECT_EQ(Appliance::openssl({"verify", "-CAfile", appliance->path("ca/mosip.device-ca.pem").string(),
                                  home + "/device.pem"})
                  .code,
              0);
    const auto first = text(row, "certificate");
    ASSERT_EQ(device({"rotate", home, "--trust", mms()}).code, 0);
    EXPECT_EQ(text(expect_json(appliance->get("/v1/ca/mosip.device-ca/certificates/" + first)), "reason"),
              "superseded");
    // The device's own key signs what is nested from now on; asked again, the code stays.
    ASSERT_EQ(device({"register", home, "--trust", mms()}).code, 0);
    EXPECT_EQ(text(shown("/v1/mosip/devices/V2/SN-A"), "deviceCode"), code);

    EXPECT_EQ(appliance->stop(), 0);
    appliance->start();
    const auto snapshot = device({"snapshot", home, "--trust", mms()});
    ASSERT_EQ(snapshot.code, 0) << snapshot.output;
    const auto payload = parse_json(snapshot.output);
    EXPECT_EQ(text(payload, "isDeviceRegistered"), "true");
    EXPECT_EQ(text(payload, "mandatoryKeyRotation"), "false");
    EXPECT_EQ(text(payload, "deviceCodeUUID"), code);
    EXPECT_NE(device({"snapshot", home, "--trust", file("root.pem")}).code, 0)
        << "another server's certificate";
    std::set<std::string> events;
    const auto history = shown("/v1/mosip/devices/V2/SN-A/history");
    for (const auto& event : history.at("events").as_array())
        events.insert(text(event, "event"));
    for (const auto* event : {"white-listed", "registered", "key rotated"})
        EXPECT_TRUE(events.contains(event)) << event;
}

TEST_F(Mosip, AnswersHaveExactlyTheDocumentedMembers) {
    const auto payload = ask("msbDeviceSnapshot", request());
    std::string names;
    for (const auto& member : payload.as_object()) {
        names += std::string(member.key()) + " ";
        EXPECT_TRUE(member.value().is_string()) << member.key();
    }
    EXPECT_EQ(names,
              "uniqueTransactionId timeStamp serialNumber deviceCodeUUID modelID deviceProviderId bioType "
              "certificationLevel devicePurpose env serverTimeStamp isWhiteListed isDeviceValid "
              "isDeviceRegistered deviceServiceUpdateRequired deviceServiceDownloadURL mandatoryKeyRotation "
              "keyExpiryTimeStamp encryptionCertThumbprint snapshotValidity bannerMessage responseCode "
              "description ");
    EXPECT_EQ(text(payload, "responseCode"), "0");
    EXPECT_EQ(text(payload, "isWhiteListed"), "true");
    EXPECT_EQ(text(payload, "isDeviceRegistered"), "false") << "not registered is no error";
    EXPECT_EQ(text(payload, "certificationLevel"), "LO") << "as sent";
    const auto validity = from_rfc3339(text(payload, "snapshotValidity"));
    ASSERT_TRUE(validity);
    EXPECT_GT(*validity, SystemClock{}.now() + std::chrono::days{6});
    EXPECT_EQ(appliance->get(kUrl).status, 200) << "a ping";
    EXPECT_EQ(text(ask("msbDeviceSnapshot", request(), {.wrapped = true}), "responseCode"), "0");
}

TEST_F(Mosip, WhatIsNoRequestOfAVendorGetsNoSignature) {
    const auto body = [](const json::object& payload, const Signing& signing) {
        return json::serialize(json::object{{"msbDeviceSnapshot", jws(payload, signing)}});
    };
    for (const auto* text :
         {"", "x", "[]", "{}", R"({"msbDeviceSnapshot":1})", R"({"other":"a.b.c"})",
          R"({"msbDeviceSnapshot":"a.b.c","msbEncryptionCert":"a.b.c"})",
          R"({"msbDeviceSnapshot":"a.b.c","msbDeviceSnapshot":"a.b.c"})",
          R"({"msbDeviceSnapshot":"e30.e30.e30"})", R"({"msbDeviceSnapshot":"%%%.e30.e30"})"})
        expect_unsigned(post(text), text);
    expect_unsigned(post(std::string(2000, '[')), "deep");
    expect_unsigned(post(std::string("{\"msbDeviceSnapshot\":\"\xff\"}")), "not UTF-8");
    for (const auto* algorithm : {"none", "HS256", "PS256", "ES256", "rs256"})
        expect_unsigned(post(body(request(), {.algorithm = algorithm})), algorithm);
    expect_unsigned(post(body(request(), {.certificate = ""})), "no x5c");
    expect_unsigned(post(body(request(), {.key = "root.key"})), "another key's signature");
    ASSERT_EQ(
        Appliance::openssl({"req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj",
                            "/CN=Stranger", "-keyout", file("stranger.key"), "-out", file("stranger.pem")})
            .code,
        0);
    expect_unsigned(post(body(request(), {.key = "stranger.key", .certificate = "stranger.pem"})),
                    "a stranger");
    auto foreign = request();
    foreign["deviceProviderId"] = "nobody";
    expect_unsigned(post(body(foreign, {})), "another provider's id");
    auto incomplete = request();
    incomplete.erase("serialNumber");
    expect_unsigned(post(body(incomplete, {})), "a member missing");
    admin("/v1/mosip/vendors/V1/disable", {});
    expect_unsigned(post(body(request(), {})), "a disabled vendor");
    admin("/v1/mosip/vendors/V1/enable", {});
    EXPECT_EQ(text(ask("msbDeviceSnapshot", request()), "responseCode"), "0");
}

TEST_F(Mosip, TimeReplayAndPlaceAreChecked) {
    auto once = request();
    EXPECT_EQ(text(ask("msbDeviceSnapshot", once), "responseCode"), "0");
    EXPECT_EQ(text(ask("msbDeviceSnapshot", once), "responseCode"), "-1001") << "the same transaction id";
    EXPECT_EQ(text(ask("msbEncryptionCert", once), "responseCode"), "-1001") << "in another operation";
    const auto with = [&](const char* member, const std::string& value) {
        auto changed = request();
        changed[member] = value;
        return text(ask("msbDeviceSnapshot", changed), "responseCode");
    };
    EXPECT_EQ(with("timeStamp", to_rfc3339(SystemClock{}.now() - std::chrono::minutes{20})), "-1001");
    EXPECT_EQ(with("timeStamp", to_rfc3339(SystemClock{}.now() + std::chrono::minutes{20})), "-1001");
    EXPECT_EQ(with("timeStamp", now().substr(0, 19) + "Z"), "0") << "without milliseconds";
    EXPECT_EQ(with("timeStamp", "yesterday"), "-1001");
    EXPECT_EQ(with("env", "Production"), "-1001");
    EXPECT_EQ(with("bioType", "Voice"), "-1001");
    EXPECT_EQ(with("bioType", "Iris"), "-102");
    EXPECT_EQ(with("modelID", "M2"), "-102");
    EXPECT_EQ(with("devicePurpose", "Registration"), "-102");
    EXPECT_EQ(with("deviceCodeUUID", random_uuid()), "-101");
    EXPECT_EQ(with("serialNumber", "SN-unknown"), "-102");
}

TEST_F(Mosip, TheWhiteListDecides) {
    white_list("V1", "SN-W", "Auth");
    const auto code = [&] { return text(ask("msbDeviceSnapshot", request("SN-W")), "responseCode"); };
    const auto change = [&](const std::string& verb) { admin("/v1/mosip/devices/V1/SN-W/" + verb, {}); };
    EXPECT_EQ(code(), "0");
    change("block");
    EXPECT_EQ(code(), "-102");
    change("unblock");
    EXPECT_EQ(code(), "0");
    change("remove");
    const auto gone = ask("msbDeviceSnapshot", request("SN-W"));
    EXPECT_EQ(text(gone, "responseCode"), "-102");
    EXPECT_EQ(text(gone, "isWhiteListed"), "false");
    const auto report = admin("/v1/mosip/devices/import",
                              {{"csv",
                                "providerId,serialNumber,modelID,devicePurpose,bioType,validUntil\r\n"
                                "V1,SN-W,M1,Auth,Finger,2099-12-31\r\n"
                                "V1,\"SN, quoted\",M1,auth,Finger,\r\n"
                                "V1,SN-bad,M1,Sleep,Finger,\n"
                                "V9,SN-W,M1,Auth,Finger,\n"
                                "V1,SN-short\n"}});
    EXPECT_EQ(number(report, "added"), 1U);
    EXPECT_EQ(number(report, "changed"), 1U);
    EXPECT_EQ(number(report, "refused"), 3U);
    std::string lines;
    for (const auto& error : report.at("errors").as_array())
        lines += text(error, "line") + " ";
    EXPECT_EQ(lines, "4 5 6 ");
    EXPECT_EQ(code(), "0");
}

TEST_F(Mosip, RotationChecksTheRequest) {
    white_list("V1", "SN-R", "Auth");
    const auto csr = [&](const std::string& subject, const std::string& kind = "rsa:2048") {
        EXPECT_EQ(Appliance::openssl({"req", "-new", "-newkey", kind, "-nodes", "-subj", subject, "-keyout",
                                      file("dev.key"), "-outform", "DER", "-out", file("dev.csr")})
                      .code,
                  0);
        return to_base64(as_bytes(read(file("dev.csr"))));
    };
    const auto rotate = [&](const std::string& data) {
        auto payload = request("SN-R");
        payload["csrData"] = data;
        return ask("msbKeyRotation", payload);
    };
    const auto good = csr("/CN=SN-R fingerprint reader");
    const auto rotated = rotate(good);
    ASSERT_EQ(text(rotated, "responseCode"), "0") << json::serialize(rotated);
    save("dev.pem", "-----BEGIN CERTIFICATE-----\n" + text(rotated, "signedDeviceCertificate") +
                        "\n-----END CERTIFICATE-----\n");
    save("dev.der", as_text(*from_base64(text(rotated, "signedDeviceCertificate"))));
    const auto described =
        Appliance::openssl({"x509", "-inform", "DER", "-in", file("dev.der"), "-noout", "-subject"}).output;
    EXPECT_NE(described.find("CN = SN-R fingerprint reader"), std::string::npos) << described;
    const auto days = *from_rfc3339(text(rotated, "keyExpiryTimeStamp")) - SystemClock{}.now();
    EXPECT_GT(days, std::chrono::days{29});
    EXPECT_LE(days, std::chrono::days{30});
    EXPECT_EQ(text(rotate(good), "responseCode"), "-105") << "the same key again";
    white_list("V1", "SN-R2", "Auth");
    auto thief = request("SN-R2");
    thief["csrData"] = good;
    EXPECT_EQ(text(ask("msbKeyRotation", thief), "responseCode"), "-105") << "another device's name";
    EXPECT_EQ(text(rotate(csr("/CN=SN-R", "rsa:3072")), "responseCode"), "-105");
    EXPECT_EQ(text(rotate(csr("/CN=SN-RX")), "responseCode"), "-105");
    EXPECT_EQ(text(rotate(csr("/CN=SN-R/street=here")), "responseCode"), "-105") << "not in the profile";
    auto broken = *from_base64(csr("/CN=SN-R"));
    broken[broken.size() - 3] ^= 1;
    EXPECT_EQ(text(rotate(to_base64(broken)), "responseCode"), "-105") << "no proof of possession";
    EXPECT_EQ(text(rotate("nonsense"), "responseCode"), "-105");
    // The document's slip: payload and signature alone. No header says whose it is: a certificate the server knows does.
    auto payload = request("SN-R");
    payload["csrData"] = csr("/CN=SN-R");
    const auto encoded = to_base64url(as_bytes(json::serialize(payload)));
    const auto two_part = [&](const std::string& key) {
        return post(json::serialize(json::object{{"msbKeyRotation", encoded + "." + sign(encoded, key)}}));
    };
    expect_unsigned(two_part("mds.key"), "by a key that is on no list");
    EXPECT_EQ(text(answer_of(two_part("root.key"), "msbKeyRotation"), "responseCode"), "0");
}

TEST_F(Mosip, EncryptionCertificatesAreForAuthenticationDevices) {
    white_list("V1", "SN-E", "Registration");
    auto payload = request("SN-E");
    payload["devicePurpose"] = "Registration";
    EXPECT_EQ(text(ask("msbEncryptionCert", payload), "responseCode"), "-104");
}

TEST_F(Mosip, ThePolicyIsTold) {
    admin("/v1/mosip/policy", {{"minimumServiceVersion", "1.10"},
                               {"serviceDownloadURL", "https://example/mds"},
                               {"bannerMessage", "maintenance tonight"},
                               {"snapshotValidity", 3600}});
    const auto told = ask("msbDeviceSnapshot", request());
    EXPECT_EQ(text(told, "deviceServiceUpdateRequired"), "true") << "1.0 is older than 1.10";
    EXPECT_EQ(text(told, "deviceServiceDownloadURL"), "https://example/mds");
    EXPECT_EQ(text(told, "bannerMessage"), "maintenance tonight");
    EXPECT_LT(*from_rfc3339(text(told, "snapshotValidity")), SystemClock{}.now() + std::chrono::hours{2});
    EXPECT_EQ(
        appliance->admin({.verb = "POST", .target = "/v1/mosip/policy", .body = R"({"resyncWithin":60})"})
            .status,
        422);
    admin("/v1/mosip/policy", {{"minimumServiceVersion", ""}, {"snapshotValidity", 604800}});
    EXPECT_EQ(text(ask("msbDeviceSnapshot", request()), "deviceServiceUpdateRequired"), "false");
}

TEST_F(Mosip, RegistrationsAreForwardedAndMosipsAnswerComesBack) {
    FakeMosip mosip;
    const auto url = "http://127.0.0.1:" + std::to_string(mosip.port()) + "/devices";
    appliance->edit("signetd.yaml", "    mode: local", "    mode: forward\n    wait: 5s\n    url: " + url);
    appliance->edit(
        "signetd.yaml", "\nmosip:",
        "\noutbound:\n  mosip: { plain_http: true, private_addresses: [127.0.0.1/32] }\n\nmosip:");
    ASSERT_EQ(expect_json(appliance->admin({.verb = "POST", .target = "/v1/config/reload", .body = "{}"}))
                  .is_object(),
              true);
    const auto home = file("device-f");
    ASSERT_EQ(device({"new", home, "--provider", "V3", "--serial", "SN-F", "--model", "M1"}).code, 0);
    admin("/v1/mosip/vendors",
          {{"providerId", "V3"}, {"name", "self-signed"}, {"certificates", read(home + "/vendor.pem")}}, 201);
    white_list("V3", "SN-F", "Auth");

    mosip.answer_with(200, R"({"errors":[{"errorCode":"E","message":"unknown provider"}]})");
    const auto refused = device({"register", home, "--trust", mms()});
    EXPECT_NE(refused.output.find("-103"), std::string::npos) << refused.output;
    EXPECT_NE(refused.output.find("unknown provider"), std::string::npos) << refused.output;

    const std::string payload = R"({"status":"Registered","deviceCode":"code-of-mosip","env":"Staging"})";
    const auto response = R"({"id":"io.mosip.deviceregister","response":"e30.)" +
                          to_base64url(as_bytes(payload)) + R"(.c2ln","error":[]})";
    mosip.answer_with(200, response);
    const auto registered = device({"register", home, "--trust", mms()});
    ASSERT_EQ(registered.code, 0) << registered.output;
    EXPECT_EQ(text(parse_json(registered.output), "deviceRegistrationResponse"), response) << "to the letter";
    EXPECT_EQ(text(shown("/v1/mosip/devices/V3/SN-F"), "deviceCode"), "code-of-mosip");

    // What MOSIP got: deviceData signed by the device provider's key.
    const auto sent = parse_json(mosip.last_request());
    const auto jwt = text(sent.at("request"), "deviceData");
    const auto header = parse_json(std::string(as_text(*from_base64url(jwt.substr(0, jwt.find('.'))))));
    const auto certificate = from_base64(std::string(header.at("x5c").at(0).as_string()));
    save("provider.der", as_text(*certificate));
    EXPECT_NE(
        Appliance::openssl({"x509", "-inform", "DER", "-in", file("provider.der"), "-noout", "-subject"})
            .output.find("MOSIP device provider"),
        std::string::npos);
}

}  // namespace
}  // namespace signet::testing
