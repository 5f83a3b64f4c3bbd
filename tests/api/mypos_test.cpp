// myPOS against the built daemon, with OpenSSL's command line at the other end.
#include <fstream>
#include <set>
#include <sstream>

#include "daemon/http/form.h"
#include "tests/api/json.h"

namespace signet::testing {
namespace {

constexpr const char* kSid = "000000000000010";

class Mypos : public ::testing::Test {
  protected:
    static void SetUpTestSuite() {
        appliance = std::make_unique<Appliance>(Appliance::Options{.families = {"mypos"}});
        make_store(kSid, "provider");
        // The merchant's key and its certificate in the three forms.
        openssl({"req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", path("merchant.key"), "-out",
                 path("merchant.pem"), "-subj", "/CN=shop.example", "-days", "30"});
        openssl({"crl2pkcs7", "-nocrl", "-certfile", path("merchant.pem"), "-out", path("merchant.p7")});
        openssl({"pkey", "-in", path("merchant.key"), "-pubout", "-out", path("merchant.pub")});
        index = add_key(kSid, read("merchant.pem"));
        const auto own = appliance->get(keys(kSid) + "/certificate");
        save("own.pem", own.body);
        openssl({"x509", "-in", path("own.pem"), "-pubkey", "-noout", "-out", path("own.pub")});
    }
    static void TearDownTestSuite() { appliance.reset(); }

    static void openssl(std::vector<std::string> arguments) {
        const auto ended = Appliance::openssl(std::move(arguments));
        ASSERT_EQ(ended.code, 0) << ended.output;
    }
    static std::string path(const std::string& name) { return appliance->scratch(name).string(); }
    static std::string read(const std::string& name) {
        std::ifstream file(path(name), std::ios::binary);
        std::ostringstream text;
        text << file.rdbuf();
        return text.str();
    }
    static void save(const std::string& name, std::string_view content) {
        std::ofstream(path(name), std::ios::binary) << content;
    }
    static void make_store(const std::string& sid, const std::string& side) {
        expect_json(appliance->admin({.verb = "POST",
                                      .target = "/mypos/stores",
                                      .body = R"({"sid":")" + sid + R"(","side":")" + side +
                                              R"(","wallet":"61938166610","currency":"EUR"})"}),
                    201);
    }
    static std::string certificate_body(const std::string& pem) {
        return json::serialize(json::object{{"certificate", pem}});
    }
    static HttpAnswer try_key(const std::string& sid, const std::string& body) {
        return appliance->admin({.verb = "POST", .target = "/mypos/stores/" + sid + "/keys", .body = body});
    }
    static std::uint64_t add_key(const std::string& sid, const std::string& pem) {
        return number(expect_json(try_key(sid, certificate_body(pem)), 201), "index");
    }
    static std::string keys(const std::string& sid, std::uint64_t number = 0) {
        return "/mypos/stores/" + sid + "/keys/" + std::to_string(number == 0 ? index : number);
    }
    static HttpAnswer form(const std::string& target, const std::string& body) {
        HttpConnection connection(appliance->api_socket());
        return connection.send({.verb = "POST",
                                .target = target,
                                .body = body,
                                .content_type = "application/x-www-form-urlencoded"});
    }
    // What OpenSSL's command line signs with the merchant's key, over `values` joined by '-'.
    static std::string merchant_signature(const std::string& values) {
        save("to-sign", to_base64(as_bytes(values)));
        openssl(
            {"dgst", "-sha256", "-sign", path("merchant.key"), "-out", path("signature"), path("to-sign")});
        return to_base64(as_bytes(read("signature")));
    }
    // Whether OpenSSL's command line accepts our signature.
    static bool own_signature_holds(const std::string& values, const std::string& signature) {
        save("to-check", to_base64(as_bytes(values)));
        save("our-signature", as_text(from_base64(signature).value()));
        return Appliance::openssl({"dgst", "-sha256", "-verify", path("own.pub"), "-signature",
                                   path("our-signature"), path("to-check")})
                   .output == "Verified OK\n";
    }
    static std::string valid(const HttpAnswer& answer) { return text(expect_json(answer), "valid"); }

    static std::unique_ptr<Appliance> appliance;
    static std::uint64_t index;
};
std::unique_ptr<Appliance> Mypos::appliance;
std::uint64_t Mypos::index = 0;

TEST_F(Mypos, OpensslChecksWhatWeSign) {
    const auto signed_form =
        expect_json(form(keys(kSid) + "/sign", "Status=0&Amount=23.45&Note=a+b%26c&SID=000000000000010"));
    const auto signature = text(signed_form, "signature");
    EXPECT_TRUE(own_signature_holds("0-23.45-a b&c-000000000000010", signature));
    EXPECT_FALSE(own_signature_holds("0-23.46-a b&c-000000000000010", signature));
    EXPECT_EQ(text(signed_form, "form"), "Status=0&Amount=23.45&Note=a+b%26c&SID=000000000000010&Signature=" +
                                             http::percent_encode(signature));
    const auto nested = expect_json(appliance->post(
        keys(kSid) + "/sign",
        R"([["Status","0"],["Cart",[{"n":"x","p":"1.10"},{"n":"y","p":"2.00"}]],["End","z"]])"));
    EXPECT_TRUE(own_signature_holds("0-x-1.10-y-2.00-z", text(nested, "signature")));
    const auto record = expect_json(appliance->get("/v1/audit?limit=1000&action=mypos.sign"));
    EXPECT_EQ(number(record.at("records").as_array().back(), "seq"), number(nested, "audit"));
    expect_problem(form(keys(kSid) + "/sign", "a=1&Signature=x"), 400, "invalid_argument");
    expect_problem(form(keys(kSid) + "/sign", ""), 400, "invalid_argument");
}

TEST_F(Mypos, WeCheckWhatOpensslSigns) {
    const auto signature = http::percent_encode(merchant_signature("IPCPurchase-23.45-Fish & Chips"));
    const auto verify = keys(kSid) + "/verify";
    EXPECT_EQ(
        valid(form(verify, "IPCmethod=IPCPurchase&Amount=23.45&Note=Fish+%26+Chips&Signature=" + signature)),
        "true");
    EXPECT_EQ(valid(form(verify, "IPCmethod=IPCPurchase&Signature=" + signature +
                                     "&Amount=23.45&Note=Fish+%26+Chips")),
              "true")
        << "the signature may stand anywhere";
    EXPECT_EQ(valid(form(verify, "IPCmethod=IPCPurchase&Amount=23.45&Note=Fish+%26amp%3B+Chips&signature=" +
                                     signature)),
              "true")
        << "an SDK that posts escaped values signs unescaped ones";
    EXPECT_EQ(
        valid(form(verify, "Amount=23.45&IPCmethod=IPCPurchase&Note=Fish+%26+Chips&Signature=" + signature)),
        "false")
        << "the order counts";
    EXPECT_EQ(
        valid(form(verify, "IPCmethod=IPCPurchase&Amount=23.46&Note=Fish+%26+Chips&Signature=" + signature)),
        "false");
    EXPECT_EQ(valid(form(verify, "IPCmethod=IPCPurchase&Amount=23.45&Note=Fish+%26+Chips")), "false");
    EXPECT_EQ(valid(form(verify, "IPCmethod=IPCPurchase&Amount=23.45&Note=Fish+%26+Chips&Signature=%21%21")),
              "false");
    EXPECT_EQ(
        valid(appliance->post(
            verify,
            R"([["IPCmethod","IPCPurchase"],["Amount","23.45"],["Note","Fish & Chips"],["Signature",")" +
                merchant_signature("IPCPurchase-23.45-Fish & Chips") + "\"]]")),
        "true");
    // Our own signature is not the merchant's.
    const auto own = expect_json(form(keys(kSid) + "/sign", "a=1"));
    EXPECT_EQ(valid(form(verify, text(own, "form"))), "false");
}

TEST_F(Mypos, CertificatesComeInThreeForms) {
    EXPECT_EQ(valid(form(keys(kSid, add_key(kSid, read("merchant.p7"))) + "/verify",
                         "a=1&Signature=" + http::percent_encode(merchant_signature("1")))),
              "true");
    EXPECT_EQ(valid(form(keys(kSid, add_key(kSid, read("merchant.pub"))) + "/verify",
                         "a=1&Signature=" + http::percent_encode(merchant_signature("1")))),
              "true");
    for (const auto* bits : {"1024", "3072"}) {
        openssl({"req", "-x509", "-newkey", std::string("rsa:") + bits, "-nodes", "-keyout",
                 path("other.key"), "-out", path("other.pem"), "-subj", "/CN=x"});
        EXPECT_EQ(try_key(kSid, certificate_body(read("other.pem"))).status, 422) << bits;
    }
    openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
             path("other.key"), "-out", path("other.pem"), "-subj", "/CN=x"});
    EXPECT_EQ(try_key(kSid, certificate_body(read("other.pem"))).status, 422);
    for (const std::string wrong :
         {"{}", R"({"certificate":"nonsense"})",
          R"({"certificate":"-----BEGIN PKCS7-----\nAAAA\n-----END PKCS7-----\n"})"})
        EXPECT_EQ(try_key(kSid, wrong).status, 400) << wrong;
}

TEST_F(Mypos, OurCertificateIsPemAndPkcs7) {
    const auto p7 = appliance->get(keys(kSid) + "/certificate?format=pkcs7");
    save("own.p7", p7.body);
    const auto printed = Appliance::openssl({"pkcs7", "-in", path("own.p7"), "-print_certs"});
    EXPECT_EQ(printed.code, 0) << printed.output;
    EXPECT_NE(printed.output.find("-----BEGIN CERTIFICATE-----"), std::string::npos);
    const auto der = Appliance::openssl({"x509", "-in", path("own.pem"), "-noout", "-text"});
    EXPECT_NE(der.output.find("Public-Key: (2048 bit)"), std::string::npos);
    const auto chained = Appliance::openssl(
        {"verify", "-CAfile", appliance->path("ca/mypos.ca.pem").string(), path("own.pem")});
    EXPECT_EQ(chained.code, 0) << chained.output;
    expect_problem(appliance->get(keys(kSid) + "/certificate?format=der"), 400, "invalid_argument");
}

TEST_F(Mypos, ANewIndexRollsWhileTheOldStillVerifies) {
    const auto old = add_key(kSid, read("merchant.pem"));
    const auto next = add_key(kSid, read("merchant.pem"));
    EXPECT_EQ(next, old + 1);
    const auto message = "a=1&Signature=" + http::percent_encode(merchant_signature("1"));
    EXPECT_EQ(appliance->admin({.verb = "POST", .target = keys(kSid, old) + "/retire"}).status, 200);
    EXPECT_EQ(valid(form(keys(kSid, old) + "/verify", message)), "true");
    EXPECT_EQ(form(keys(kSid, old) + "/sign", "a=1").status, 409);
    EXPECT_EQ(form(keys(kSid, next) + "/sign", "a=1").status, 200);
    EXPECT_EQ(appliance->admin({.verb = "POST", .target = keys(kSid, old) + "/revoke"}).status, 200);
    EXPECT_EQ(form(keys(kSid, old) + "/verify", message).status, 404);
    EXPECT_EQ(appliance->admin({.verb = "POST", .target = keys(kSid, old) + "/retire"}).status, 409);
    EXPECT_EQ(
        try_key(kSid, json::serialize(json::object{{"certificate", read("merchant.pem")}, {"index", next}}))
            .status,
        409);
}

TEST_F(Mypos, AMerchantsOwnSideSignsAndChecks) {
    const std::string sid = "000000000000020";
    make_store(sid, "merchant");
    const auto made = expect_json(try_key(sid, ""), 201);
    const auto at = keys(sid, number(made, "index"));
    EXPECT_EQ(form(at + "/sign", "IPCmethod=IPCPurchase").status, 200);
    EXPECT_EQ(form(at + "/verify", "a=1&Signature=AAAA").status, 409)
        << "the other side's certificate is not known yet";
    const auto upload = [&] {
        return appliance->admin(
            {.verb = "POST", .target = at + "/certificate", .body = certificate_body(read("merchant.p7"))});
    };
    EXPECT_EQ(upload().status, 200);
    EXPECT_EQ(upload().status, 409) << "it does not change under an index";
    EXPECT_EQ(valid(form(at + "/verify", "a=1&Signature=" + http::percent_encode(merchant_signature("1")))),
              "true");
}

TEST_F(Mypos, CheckoutAnswersASignedEchoOrOneRefusal) {
    const auto fields = [](const std::string& sid, const std::string& number) {
        return "IPCmethod=IPCPurchase&SID=" + sid + "&KeyIndex=" + number + "&Amount=23.45";
    };
    const auto good = std::to_string(index);
    const auto signature =
        http::percent_encode(merchant_signature("IPCPurchase-" + std::string(kSid) + "-" + good + "-23.45"));
    const auto echo =
        expect_json(form("/vmp/checkout", fields(kSid, good) + "&Signature=" + signature + "\r\n\r\n"));
    EXPECT_EQ(text(echo, "Status"), "0");
    EXPECT_EQ(text(echo, "Amount"), "23.45");
    EXPECT_TRUE(own_signature_holds("0-Success-IPCPurchase-" + std::string(kSid) + "-" + good + "-23.45",
                                    text(echo, "Signature")));
    std::set<std::string> details;
    for (const auto& body :
         {fields(kSid, good) + "&Signature=AAAA", fields(kSid, good),
          fields("1", good) + "&Signature=" + signature, fields(kSid, "4711") + "&Signature=" + signature,
          fields(kSid, "x") + "&Signature=" + signature, std::string("a=1")}) {
        const auto refused = form("/vmp/checkout", body);
        EXPECT_EQ(refused.status, 403) << body;
        details.insert(text(parse_json(refused.body), "detail"));
    }
    EXPECT_EQ(details.size(), 1U);
}

TEST_F(Mypos, SignetctlAdministersStores) {
    EXPECT_EQ(appliance->ctl({"mypos", "create-store", "000000000000030", "61938166610", "EUR"}).code, 0);
    const auto added =
        appliance->ctl({"mypos", "add-key", "000000000000030", "--certificate", path("merchant.pem")});
    EXPECT_EQ(added.code, 0) << added.output;
    const auto shown = appliance->ctl({"mypos", "show", "000000000000030", "--json"});
    EXPECT_EQ(parse_json(shown.output).at("keys").as_array().size(), 1U);
    EXPECT_NE(appliance->ctl({"mypos", "certificate", "000000000000030", "1", "--pkcs7"})
                  .output.find("BEGIN PKCS7"),
              std::string::npos);
    EXPECT_EQ(appliance->ctl({"mypos", "retire-key", "000000000000030", "1"}).code, 0);
    EXPECT_EQ(appliance->ctl({"mypos", "revoke-key", "000000000000030", "1"}).code, 0);
    EXPECT_EQ(appliance->ctl({"mypos", "close-store", "000000000000030"}).code, 0);
    EXPECT_NE(appliance->ctl({"mypos", "stores"}).output.find("closed"), std::string::npos);
    EXPECT_NE(
        appliance->ctl({"mypos", "add-key", "000000000000030", "--certificate", path("merchant.pem")}).code,
        0);
}

}  // namespace
}  // namespace signet::testing
