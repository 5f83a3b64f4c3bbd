// The MPoC AMS API as payment hosts, attestation services and administrators use it.
#include <cctype>
#include <fstream>
#include <set>

#include "tests/api/json.h"

namespace signet::testing {
namespace {

class Mpoc : public ::testing::Test {
  protected:
    static void SetUpTestSuite() {
        Appliance::Options options;
        options.families = {"mpoc"};
        options.start = false;
        appliance = std::make_unique<Appliance>(options);
        // Half the time for each key pair.
        appliance->edit("signetd.yaml", "key_type: rsa-3072", "key_type: rsa-2048");
        appliance->start();
        for (const auto* customer : {"bank", "other"}) {
            admin("/v1/mpoc/customers", json::object{{"customerId", customer}, {"name", customer}}, 201);
            keys[customer] =
                text(admin("/v1/mpoc/customers/" + std::string(customer) + "/keys", {}, 201), "apiKey");
        }
    }
    static void TearDownTestSuite() { appliance.reset(); }

    static json::value admin(const std::string& target, const json::object& body, long status = 200) {
        return expect_json(
            appliance->admin({.verb = "POST", .target = target, .body = json::serialize(body)}), status);
    }
    static json::value shown(const std::string& target) {
        return expect_json(appliance->admin({.verb = "GET", .target = target}));
    }
    static HttpAnswer query(const std::string& what, const std::string& customer, const std::string& sdk,
                            std::vector<std::string> headers) {
        HttpConnection connection(appliance->api_socket());
        return connection.send({.verb = "GET",
                                .target = "/mpoc/sp/api/" + what + "/" + customer + "/" + sdk,
                                .headers = std::move(headers)});
    }
    static HttpAnswer query(const std::string& what, const std::string& customer, const std::string& sdk) {
        return query(what, customer, sdk,
                     {"sp-customer-id: " + customer, "sp-customer-api-key: " + keys[customer]});
    }
    static json::value data(const HttpAnswer& answer) {
        const auto document = expect_json(answer);
        EXPECT_EQ(text(document, "msg"), "success");
        EXPECT_EQ(text(document, "code"), "0");
        return document.at("data");
    }
    static void expect_code(const HttpAnswer& answer, long status, std::uint64_t code) {
        const auto document = expect_json(answer, status);
        EXPECT_EQ(number(document, "code"), code) << answer.body;
        EXPECT_TRUE(document.at("data").is_null());
    }
    static std::string state(const std::string& sdk) {
        return text(data(query("security", "bank", sdk)), "state");
    }
    static json::value enrol(json::object body = {}) {
        body["customerId"] = "bank";
        body["version"] = "1.10.106";
        return admin("/v1/mpoc/sdks", body, 201);
    }
    static std::string save(const std::string& name, std::string_view content) {
        const auto path = appliance->scratch(name);
        std::ofstream(path, std::ios::binary) << content;
        return path.string();
    }
    static std::string certificate_state(const std::string& serial) {
        return text(expect_json(appliance->get("/v1/ca/mpoc.ca/certificates/" + serial)), "state");
    }

    static std::unique_ptr<Appliance> appliance;
    static std::map<std::string, std::string> keys;
};
std::unique_ptr<Appliance> Mpoc::appliance;
std::map<std::string, std::string> Mpoc::keys;

TEST_F(Mpoc, AnInstanceWithItsKeysInTheTokenIsEnrolledAndQueried) {
    const auto enrolled = enrol({{"sdkId", "82F8A1AE2E231A38"}});
    EXPECT_EQ(text(enrolled, "sdkId"), "82f8a1ae2e231a38");
    const auto info = data(query("info", "bank", "82f8a1ae2e231a38"));
    EXPECT_EQ(text(info, "version"), "1.10.106");
    EXPECT_EQ(text(info, "state"), "VALID");
    EXPECT_EQ(text(info, "deviceId"), "");
    const auto kek = save("kek.pem", text(info, "kekCert"));
    const auto sign = save("sign.pem", text(info, "signCert"));
    const auto ca = appliance->path("ca/mpoc.ca.pem").string();
    for (const auto& [file, usage] :
         {std::pair{kek, "Key Encipherment"}, std::pair{sign, "Digital Signature"}}) {
        EXPECT_EQ(Appliance::openssl({"verify", "-CAfile", ca, file}).code, 0);
        const auto described = Appliance::openssl({"x509", "-in", file, "-noout", "-text"}).output;
        EXPECT_NE(described.find(usage), std::string::npos) << described;
        EXPECT_NE(described.find("CN = 82f8a1ae2e231a38"), std::string::npos) << described;
    }
    const auto authority = Appliance::openssl({"x509", "-in", ca, "-noout", "-text"}).output;
    EXPECT_NE(authority.find("RSA_MPOC_SDK_CA_CERT"), std::string::npos);
    EXPECT_NE(authority.find("Public-Key: (4096 bit)"), std::string::npos);
    const auto security = data(query("security", "bank", "82f8a1ae2e231a38"));
    EXPECT_FALSE(security.as_object().contains("kekCert"));
    EXPECT_EQ(number(security, "attestTime"), 0U);
    // Either case of the id in the path.
    EXPECT_EQ(text(data(query("info", "bank", "82F8A1AE2E231A38")), "sdkId"), "82f8a1ae2e231a38");
    expect_problem(
        appliance->admin({.verb = "POST",
                          .target = "/v1/mpoc/sdks",
                          .body = R"({"sdkId":"82f8a1ae2e231a38","customerId":"bank","version":"1"})"}),
        409, "already_exists");
}

TEST_F(Mpoc, WrongCredentialsAndOthersInstancesAreTold) {
    const auto sdk = text(enrol(), "sdkId");
    expect_code(query("info", "bank", sdk, {}), 401, 1001);
    expect_code(query("info", "bank", sdk, {"sp-customer-id: bank"}), 401, 1001);
    const auto key = "sp-customer-api-key: " + keys["bank"];
    expect_code(query("info", "bank", sdk, {"sp-customer-id: bank", key + "x"}), 401, 1002);
    expect_code(query("info", "nobody", sdk, {"sp-customer-id: nobody", key}), 401, 1002);
    expect_code(query("info", "other", sdk, {"sp-customer-id: other", key}), 401, 1002);
    expect_code(query("info", "other", sdk, {"sp-customer-id: bank", key}), 403, 1003);
    // Another customer's instance and one that does not exist: the same answer to the byte.
    const auto foreign = query("info", "other", sdk);
    const auto unknown = query("info", "other", "0000000000000000");
    expect_code(foreign, 404, 2001);
    EXPECT_EQ(foreign.status, unknown.status);
    EXPECT_EQ(foreign.body, unknown.body);
    EXPECT_EQ(query("info", "other", "no-hex").body, unknown.body);
    expect_code(appliance->post("/mpoc/sp/api/token", R"({"customerId":"bank","apiKey":"x"})"), 410, 3001);
}

TEST_F(Mpoc, ApiKeysAreManyAndRevocable) {
    const auto sdk = text(enrol(), "sdkId");
    const auto second = admin("/v1/mpoc/customers/bank/keys", {{"note", "host 2"}}, 201);
    const auto ask = [&] {
        return query("security", "bank", sdk,
                     {"sp-customer-id: bank", "sp-customer-api-key: " + text(second, "apiKey")});
    };
    EXPECT_EQ(text(data(ask()), "state"), "VALID");
    const auto listed = shown("/v1/mpoc/customers/bank");
    EXPECT_EQ(json::serialize(listed).find(text(second, "apiKey")), std::string::npos);
    bool used = false;
    for (const auto& one : listed.at("keys").as_array())
        used = used || (text(one, "id") == text(second, "id") && one.as_object().contains("last_used"));
    EXPECT_TRUE(used);
    admin("/v1/mpoc/customers/bank/keys/" + text(second, "id") + "/revoke", {});
    expect_code(ask(), 401, 1002);
    EXPECT_EQ(state(sdk), "VALID") << "the other key works on";
    admin("/v1/mpoc/customers/bank/disable", {});
    expect_code(query("security", "bank", sdk), 401, 1002);
    admin("/v1/mpoc/customers/bank/enable", {});
    EXPECT_EQ(state(sdk), "VALID");
}

TEST_F(Mpoc, StatesReachTheAuthority) {
    const auto enrolled = enrol();
    const auto sdk = text(enrolled, "sdkId");
    const auto serial = text(enrolled, "kekSerial");
    const auto path = "/v1/mpoc/sdks/" + sdk;
    admin(path + "/block", {{"note", "lost"}});
    EXPECT_EQ(state(sdk), "INVALID");
    EXPECT_EQ(certificate_state(serial), "revoked");
    admin(path + "/unblock", {});
    EXPECT_EQ(state(sdk), "VALID");
    EXPECT_EQ(certificate_state(serial), "valid");
    admin(path + "/revoke-keys", {});
    EXPECT_EQ(state(sdk), "INVALID");
    EXPECT_EQ(certificate_state(serial), "revoked");

    const auto again = admin(path + "/rekey", {}, 201);
    EXPECT_EQ(number(again, "generation"), 2U);
    EXPECT_EQ(state(sdk), "VALID");
    EXPECT_NE(text(again, "kekSerial"), serial);
    // Revoking through the CA's own route counts as well.
    expect_json(
        appliance->post("/v1/ca/mpoc.ca/certificates/" + text(again, "signSerial") + "/revoke", "{}"));
    EXPECT_EQ(state(sdk), "INVALID");
    const auto third = admin(path + "/rekey", {}, 201);
    EXPECT_EQ(state(sdk), "VALID");
    EXPECT_EQ(certificate_state(text(again, "kekSerial")), "revoked") << "superseded";

    const auto crl = appliance->get("/v1/ca/mpoc.ca/crl");
    const auto crl_text =
        Appliance::openssl({"crl", "-inform", "DER", "-in", save("mpoc.crl", crl.body), "-noout", "-text"});
    std::string upper = serial;
    for (auto& c : upper)
        c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    EXPECT_NE(crl_text.output.find(upper), std::string::npos) << crl_text.output;

    admin(path + "/decommission", {});
    EXPECT_EQ(state(sdk), "INVALID");
    EXPECT_EQ(certificate_state(text(third, "signSerial")), "revoked");
    for (const auto* verb : {"/block", "/unblock", "/rekey", "/decommission"})
        expect_problem(appliance->admin({.verb = "POST", .target = path + verb, .body = "{}"}), 409,
                       "conflict");
}

TEST_F(Mpoc, AttestationsAreKeptWithTheirHistory) {
    const auto sdk = text(enrol(), "sdkId");
    const auto report = [&](const std::string& body, long status = 201) {
        const auto answer = appliance->post("/v1/mpoc/sdks/" + sdk + "/attestations", body);
        EXPECT_EQ(answer.status, status) << answer.body;
    };
    report(R"({"result":"HEALTH","time":1691558572000})");
    auto security = data(query("security", "bank", sdk));
    EXPECT_EQ(text(security, "attestResult"), "HEALTH");
    EXPECT_EQ(text(security, "attestResultAdvice"), "");
    EXPECT_EQ(number(security, "attestTime"), 1691558572000U);
    report(R"({"result":"ROOTED","advice":"replace the device","time":1691558573000,"version":"1.11.0"})");
    report(R"({"result":"HEALTH","time":1691558571000})");  // older: history only
    security = data(query("security", "bank", sdk));
    EXPECT_EQ(text(security, "attestResult"), "ROOTED");
    EXPECT_EQ(text(security, "attestResultAdvice"), "replace the device");
    EXPECT_EQ(text(security, "version"), "1.11.0");
    EXPECT_EQ(shown("/v1/mpoc/sdks/" + sdk + "/attestations").at("attestations").as_array().size(), 3U);
    report(R"({"result":"HEALTH","advice":"but"})", 400);
    report(R"({"result":"HEALTH","time":99999999999999})", 400);
    report(R"({"result":"healthy"})", 400);
    report(R"({"result":"HEALTH","result":"X"})", 400);
}

TEST_F(Mpoc, KeysOfTheDeviceComeAsRequests) {
    json::object body;
    for (const auto* name : {"kek", "sign"}) {
        const auto csr = appliance->scratch(std::string(name) + ".csr").string();
        ASSERT_EQ(Appliance::openssl({"req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=anything",
                                      "-keyout", appliance->scratch(std::string(name) + ".key").string(),
                                      "-out", csr})
                      .code,
                  0);
        std::ifstream file(csr);
        body[std::string(name) + "Csr"] = std::string((std::istreambuf_iterator<char>(file)), {});
    }
    const auto refused = [&](json::object changed, long status) {
        changed["customerId"] = "bank";
        changed["version"] = "1";
        const auto answer =
            appliance->admin({.verb = "POST", .target = "/v1/mpoc/sdks", .body = json::serialize(changed)});
        EXPECT_EQ(answer.status, status) << answer.body;
    };
    refused({{"kekCsr", body["kekCsr"]}}, 400);
    refused({{"kekCsr", body["kekCsr"]}, {"signCsr", body["kekCsr"]}}, 422);
    refused({{"kekCsr", "nonsense"}, {"signCsr", body["signCsr"]}}, 400);
    const auto enrolled = enrol(body);
    EXPECT_EQ(text(enrolled, "keys"), "device");
    const auto info = data(query("info", "bank", text(enrolled, "sdkId")));
    const auto described =
        Appliance::openssl({"x509", "-in", save("device.pem", text(info, "signCert")), "-noout", "-subject"});
    EXPECT_EQ(described.output.find("anything"), std::string::npos) << "the subject is ours";
    expect_problem(
        appliance->post("/v1/mpoc/sdks/" + text(enrolled, "sdkId") + "/sign", sign_body("RS256", "x")), 409,
        "failed_precondition");
}

TEST_F(Mpoc, PaymentKeysAreLoadedUnderTheKekCertificate) {
    const auto sdk = text(enrol(), "sdkId");
    const auto pem = save("kek-of.pem", text(data(query("info", "bank", sdk)), "kekCert"));
    const std::string key(32, '\x5a');
    const auto wrap = [&](const std::string& secret, const std::string& mgf1) {
        const auto done = Appliance::openssl(
            {"pkeyutl", "-encrypt", "-certin", "-inkey", pem, "-in", save("secret", secret), "-pkeyopt",
             "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha256", "-pkeyopt", "rsa_mgf1_md:" + mgf1,
             "-out", appliance->scratch("wrapped").string()});
        EXPECT_EQ(done.code, 0) << done.output;
        std::ifstream file(appliance->scratch("wrapped"), std::ios::binary);
        return to_base64(as_bytes(std::string((std::istreambuf_iterator<char>(file)), {})));
    };
    const auto load = [&](json::object body) {
        return appliance->post("/v1/mpoc/sdks/" + sdk + "/kek/unwrap", json::serialize(body));
    };
    auto expected =
        Appliance::openssl({"mac", "-cipher", "AES-256-CBC", "-macopt", "hexkey:" + to_hex(as_bytes(key)),
                            "-in", save("zeros", std::string(16, '\0')), "CMAC"})
            .output.substr(0, 6);
    for (auto& c : expected)
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const auto loaded =
        expect_json(load({{"key", wrap(key, "sha1")}, {"algorithm", "aes-256"}, {"mgf1", "SHA-1"}}), 201);
    EXPECT_EQ(text(loaded, "kcv"), expected);
    const auto second =
        expect_json(load({{"key", wrap(key, "sha256")}, {"algorithm", "aes-256"}, {"kcv", expected}}), 201);
    EXPECT_NE(text(second, "keyId"), text(loaded, "keyId"));
    EXPECT_EQ(shown("/v1/mpoc/sdks/" + sdk).at("paymentKeys").as_array().size(), 2U);
    // One answer for whatever does not decrypt.
    const auto wrong = load({{"key", wrap(key, "sha1")}, {"algorithm", "aes-256"}});
    const auto shorter = load({{"key", wrap(key.substr(1), "sha256")}, {"algorithm", "aes-256"}});
    EXPECT_EQ(wrong.status, 422) << wrong.body;
    EXPECT_EQ(text(parse_json(wrong.body), "detail"), text(parse_json(shorter.body), "detail"));
    EXPECT_EQ(load({{"key", wrap(key, "sha256")}, {"algorithm", "aes-256"}, {"kcv", "000000"}}).status, 422);
    EXPECT_EQ(load({{"key", wrap(key, "sha256")}, {"algorithm", "hmac-256"}}).status, 400);
    EXPECT_EQ(load({{"key", "%"}, {"algorithm", "aes-256"}}).status, 400);
    EXPECT_EQ(shown("/v1/mpoc/sdks/" + sdk).at("paymentKeys").as_array().size(), 2U);
    admin("/v1/mpoc/sdks/" + sdk + "/block", {});
    EXPECT_EQ(load({{"key", wrap(key, "sha256")}, {"algorithm", "aes-256"}}).status, 409);
}

TEST_F(Mpoc, TheSignKeySignsAndARestartForgetsNothing) {
    const auto enrolled = enrol();
    const auto sdk = text(enrolled, "sdkId");
    const auto sign = [&](const char* algorithm) {
        return expect_json(
            appliance->post("/v1/mpoc/sdks/" + sdk + "/sign", sign_body(algorithm, "a payment")));
    };
    const auto check = [&](const json::value& signature) {
        const auto pem = save("signer.pem", text(data(query("info", "bank", sdk)), "signCert"));
        const auto key = Appliance::openssl({"x509", "-in", pem, "-noout", "-pubkey"}).output;
        const auto bytes = from_base64(text(signature, "signature"));
        EXPECT_EQ(Appliance::openssl({"dgst", "-sha256", "-verify", save("signer.key", key), "-signature",
                                      save("payment.sig", as_text(*bytes)), save("payment", "a payment")})
                      .code,
                  0);
    };
    check(sign("RS256"));
    EXPECT_GT(number(sign("PS256"), "audit"), 0U);
    EXPECT_EQ(appliance->post("/v1/mpoc/sdks/" + sdk + "/sign", sign_body("ES256", "x")).status, 400);
    admin("/v1/mpoc/sdks/" + sdk + "/block", {});
    expect_problem(appliance->post("/v1/mpoc/sdks/" + sdk + "/sign", sign_body("RS256", "x")), 409,
                   "conflict");

    EXPECT_EQ(appliance->stop(), 0);
    appliance->start();
    EXPECT_EQ(state(sdk), "INVALID");
    admin("/v1/mpoc/sdks/" + sdk + "/unblock", {});
    check(sign("RS256"));
    const auto records = expect_json(appliance->get("/v1/audit?limit=1000&action=mpoc.*"));
    std::set<std::string> actions;
    for (const auto& record : records.at("records").as_array()) {
        actions.insert(text(record, "action"));
        EXPECT_EQ(json::serialize(record).find(keys["bank"]), std::string::npos) << "no key in the chain";
    }
    for (const auto* action : {"mpoc.sdks.enrol", "mpoc.sign", "mpoc.manage", "mpoc.customers.manage",
                               "mpoc.security", "mpoc.info"})
        EXPECT_TRUE(actions.contains(action)) << action;
}

}  // namespace
}  // namespace signet::testing
