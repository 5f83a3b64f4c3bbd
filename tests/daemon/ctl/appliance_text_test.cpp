#include "daemon/ctl/appliance_text.h"

#include <gtest/gtest.h>

#include "base/yaml.h"
#include "daemon/config/config.h"
#include "policy/policy.h"

namespace signet::ctl {
namespace {

ApplianceSettings settings() {
    return {.directory = "/srv/appliance",
            .module = "/usr/lib/softhsm/libsofthsm2.so",
            .token_label = "signet",
            .users = {"0"},
            .service_user = "nobody",
            .tls_address = {},
            .public_address = {}};
}

TEST(ApplianceText, IsWhatItsReadersAccept) {
    const auto config = config::parse(daemon_text(settings()), "/srv/appliance/signetd.yaml");
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->database, "/srv/appliance/data/signet.db");
    ASSERT_NE(config->local_listener(false), nullptr);
    EXPECT_EQ(config->local_listener(false)->unix_path, "/srv/appliance/run/api.sock");
    EXPECT_EQ(config->local_listener(true)->unix_path, "/srv/appliance/run/admin.sock");
    EXPECT_EQ(config->listeners.size(), 2U);
    EXPECT_TRUE(config->authorities.at("device.ca").profiles.contains("device"));
    EXPECT_TRUE(yaml::Node::parse(token_text(settings()), "token.yaml"));
}

TEST(ApplianceText, ListenersOnRequest) {
    auto with = settings();
    with.tls_address = "127.0.0.1:4443";
    with.public_address = "127.0.0.1:4080";
    const auto config = config::parse(daemon_text(with), "/srv/appliance/signetd.yaml");
    ASSERT_TRUE(config) << config.error().message;
    ASSERT_EQ(config->listeners.size(), 4U);
    EXPECT_EQ(config->listeners[2].port, 4443);
    EXPECT_TRUE(config->listeners[2].tls);
    EXPECT_TRUE(config->listeners[3].anonymous);
}

TEST(ApplianceText, ThePolicyPermitsItsUserAndNobodyElse) {
    const auto policy = policy::Policy::parse(policy_text(settings()), "policy.yaml");
    ASSERT_TRUE(policy) << policy.error().message;
    policy::Evidence owner;
    owner.uid = 0;
    const auto names = (*policy)->identify(owner);
    ASSERT_EQ(names, std::vector<std::string>{"operator"});
    policy::Query query{.principals = names,
                        .permission = "keys.sign",
                        .key = "document.ec",
                        .algorithm = {},
                        .now = SystemTime{}};
    EXPECT_TRUE((*policy)->evaluate(query).allowed);
    policy::Evidence stranger;
    stranger.uid = 1;
    EXPECT_TRUE((*policy)->identify(stranger).empty());
    query.principals = {"public"};
    EXPECT_FALSE((*policy)->evaluate(query).allowed);
    query.permission = "ca.crl";
    query.key = "device.ca";
    EXPECT_TRUE((*policy)->evaluate(query).allowed);
}

TEST(ApplianceText, OddNamesStayScalars) {
    auto odd = settings();
    odd.service_user = "a\", b: \"c";
    const auto token = yaml::Node::parse(token_text(odd), "token.yaml");
    ASSERT_TRUE(token) << token.error().message;
    const auto users = token->required("allowed_users").value().texts().value();
    EXPECT_EQ(users, std::vector<std::string>{odd.service_user});
}

}  // namespace
}  // namespace signet::ctl
