// Four eyes, driven through the daemon and signetctl: what two others approve is done once, and nothing else is.
#include <fstream>

#include "tests/api/json.h"

namespace signet::testing {
namespace {

class Approvals : public ::testing::Test {
  protected:
    void SetUp() override {
        appliance.emplace(Appliance::Options{.tls = true, .start = false});
        appliance->edit("signetd.yaml", "client_certificate: required", "client_certificate: optional");
        std::string principals;
        // Bob and Carol come over TLS with API keys; the operator, on the Unix sockets, is whom `init` named.
        for (const auto* name : {"bob", "carol"}) {
            const auto key = appliance->scratch(std::string(name) + ".pem");
            const auto made = Appliance::openssl({"genpkey", "-algorithm", "ed25519", "-out", key.string()});
            ASSERT_EQ(made.code, 0) << made.output;
            std::filesystem::permissions(key, std::filesystem::perms::owner_read);
            const auto spki = Appliance::openssl(
                {"pkey", "-in", key.string(), "-pubout", "-outform", "DER", "-out", key.string() + ".der"});
            ASSERT_EQ(spki.code, 0) << spki.output;
            principals += "  " + std::string(name) + ": { api_keys: [\"sha256:" + hash_of(name) +
                          "\"], approval_keys: [\"spki:" + base64_of_file(key.string() + ".der") + "\"] }\n";
        }
        appliance->edit("policy.yaml", "\nprincipals:\n", "\nprincipals:\n" + principals);
        appliance->edit(
            "policy.yaml", "\nrules:\n",
            "\nrules:\n"
            "  - { name: four-eyes, allow: [\"*\"], permissions: [keys.rotate, keys.mac], quorum: 2 }\n"
            "  - { name: deciders, allow: [bob, carol], permissions: [approvals.decide, approvals.read] }\n");
        appliance->start();
    }

    static std::string base64_of_file(const std::string& file) {
        auto encoded = Appliance::openssl({"base64", "-A", "-in", file}).output;
        while (encoded.ends_with('\n'))
            encoded.pop_back();
        return encoded;
    }
    static std::string hash_of(const std::string& text) {
        const TempDirectory directory;
        std::ofstream(directory / "text") << text;
        const auto out = Appliance::openssl({"dgst", "-sha256", "-r", (directory / "text").string()}).output;
        return out.substr(0, 64);
    }
    // `who` is an API key, or nobody for the operator.
    HttpAnswer send(const std::string& verb, const std::string& target, const std::string& body,
                    std::vector<std::string> headers = {}, const std::string& who = {}) const {
        HttpRequest request{.verb = verb, .target = target, .body = body, .headers = std::move(headers)};
        if (who.empty()) return appliance->admin(request);
        request.headers.push_back("Authorization: Bearer " + who);
        request.url_base = "https://localhost:" + std::to_string(appliance->tls_port());
        request.ca_file = appliance->path("ca/device.ca.pem");
        HttpConnection connection;
        auto answer = connection.send(request);
        EXPECT_NE(answer.status, 0) << answer.error;
        return answer;
    }
    HttpAnswer rotate(std::vector<std::string> headers = {}, const std::string& body = "{}") const {
        return send("POST", "/v1/keys/document.ec/rotate", body, std::move(headers));
    }
    // Signs approval_message with openssl, which is no code of ours.
    HttpAnswer approve(const std::string& id, const std::string& who, const std::string& key_of) const {
        const auto shown = parse_json(send("GET", "/v1/approvals/" + id, "", {}, who).body);
        std::string message("signet-approval-1\0\0\0\0", 21);
        message += static_cast<char>(id.size());
        message += id + std::string("\0\0\0\7", 4) + "approve";
        const auto digest = text(shown, "digest");
        for (std::size_t i = 0; i + 1 < digest.size(); i += 2)
            message += static_cast<char>(std::stoi(digest.substr(i, 2), nullptr, 16));
        const TempDirectory directory;
        std::ofstream(directory / "message", std::ios::binary) << message;
        const auto signature = directory / "signature";
        const auto made = Appliance::openssl({"pkeyutl", "-sign", "-rawin", "-inkey",
                                              appliance->scratch(key_of + ".pem").string(), "-in",
                                              (directory / "message").string(), "-out", signature.string()});
        EXPECT_EQ(made.code, 0) << made.output;
        return send("POST", "/v1/approvals/" + id + "/approve",
                    R"({"signature":")" + base64_of_file(signature.string()) + R"("})", {}, who);
    }
    std::string asked() const {
        const auto held = rotate();
        EXPECT_EQ(held.status, 202) << held.body;
        const auto id = text(parse_json(held.body), "approval");
        EXPECT_EQ(held.headers.at("signet-approval"), id);
        return id;
    }
    long version() const {
        return static_cast<long>(number(parse_json(appliance->get("/v1/keys/document.ec").body), "version"));
    }

    std::optional<Appliance> appliance;
};

TEST_F(Approvals, WhatTwoOthersApproveIsDoneOnce) {
    const auto id = asked();
    EXPECT_EQ(asked(), id) << "the same request waits once";
    EXPECT_EQ(rotate({"Signet-Approval: " + id}).status, 409) << "nobody approved yet";
    EXPECT_EQ(approve(id, "bob", "bob").status, 200);
    EXPECT_EQ(rotate({"Signet-Approval: " + id}).status, 409) << "one is not enough";
    EXPECT_EQ(approve(id, "bob", "bob").status, 409) << "two sessions of one person";
    EXPECT_EQ(approve(id, "carol", "bob").status, 403) << "another's key";
    EXPECT_EQ(approve(id, "carol", "carol").status, 200);
    EXPECT_EQ(rotate({"Signet-Approval: " + id}, R"({"activate":true})").status, 403) << "another body";
    EXPECT_EQ(send("POST", "/v1/keys/document.rsa/rotate", "{}", {"Signet-Approval: " + id}).status, 403);
    EXPECT_EQ(version(), 1);
    const std::vector<std::string> headers{"Signet-Approval: " + id, "Idempotency-Key: once"};
    const auto done = rotate(headers);
    EXPECT_EQ(done.status, 201) << done.body;
    EXPECT_EQ(version(), 2);
    EXPECT_EQ(rotate(headers).body, done.body) << "a lost answer can be asked for again";
    EXPECT_EQ(rotate({"Signet-Approval: " + id}).status, 409) << "and it is used up";
    EXPECT_EQ(rotate({"Signet-Approval: " + id, "Idempotency-Key: twice"}).status, 409);
    EXPECT_EQ(version(), 2);
    const auto verified = appliance->ctl({"--json", "audit", "verify"});
    EXPECT_EQ(verified.code, 0) << verified.output;
}

TEST_F(Approvals, TheRequesterCannotApprove) {
    const auto id = asked();
    // The operator has bob's key, and even the permission; not bob's name.
    EXPECT_EQ(approve(id, "", "bob").status, 403);
    EXPECT_EQ(approve("nonsense", "bob", "bob").status, 404);
    EXPECT_EQ(version(), 1);
}

// The routes that do not wait for a worker.
TEST_F(Approvals, HoldsForTheHotRoutesToo) {
    const std::string body = R"({"data":"eA=="})";
    const auto held = appliance->post("/v1/keys/document.mac/mac", body);
    EXPECT_EQ(held.status, 202) << held.body;
    const auto id = text(parse_json(held.body), "approval");
    EXPECT_EQ(approve(id, "bob", "bob").status, 200);
    EXPECT_EQ(approve(id, "carol", "carol").status, 200);
    const auto done = appliance->post("/v1/keys/document.mac/mac", body, {"Signet-Approval: " + id});
    EXPECT_EQ(done.status, 200) << done.body;
    EXPECT_EQ(appliance->post("/v1/keys/document.mac/mac", body, {"Signet-Approval: " + id}).status, 409);
}

TEST_F(Approvals, PeopleUseSignetctl) {
    const auto asked = appliance->ctl({"keys", "rotate", "document.ec"});
    EXPECT_EQ(asked.code, 6) << asked.output;
    const auto listed = parse_json(appliance->ctl({"--json", "approvals", "list"}).output);
    const auto& list = listed.at("approvals").as_array();
    ASSERT_EQ(list.size(), 1U);
    const auto id = text(list[0], "id");
    const auto shown = appliance->ctl({"approvals", "show", id});
    EXPECT_EQ(shown.code, 0) << shown.output;
    EXPECT_NE(shown.output.find("POST /v1/keys/document.ec/rotate"), std::string::npos) << shown.output;
    // The operator's own: refused by the daemon, after the digest was confirmed.
    const auto digest = text(list[0], "digest");
    const auto key = appliance->scratch("own.pem");
    const auto wrong =
        appliance->ctl({"approvals", "approve", id, "--key", key.string(), "--digest", "000000000000"});
    EXPECT_NE(wrong.code, 0);
    EXPECT_EQ(approve(id, "bob", "bob").status, 200);
    EXPECT_EQ(approve(id, "carol", "carol").status, 200);
    const auto done = appliance->ctl({"--approval", id, "keys", "rotate", "document.ec"});
    EXPECT_EQ(done.code, 0) << done.output;
    EXPECT_EQ(version(), 2);
}

TEST_F(Approvals, APolicyThatCannotHoldIsRefused) {
    appliance->edit("policy.yaml", "permissions: [keys.rotate, keys.mac], quorum: 2",
                    "permissions: [keys.rotate, random.read], quorum: 2");
    const auto checked = appliance->ctl({"policy", "check"});
    EXPECT_NE(checked.code, 0);
    EXPECT_NE(checked.output.find("random.read"), std::string::npos) << checked.output;
}

}  // namespace
}  // namespace signet::testing
