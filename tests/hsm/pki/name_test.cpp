#include "hsm/pki/name.h"

#include <gtest/gtest.h>

namespace signet::pki {
namespace {

TEST(Name, GoesThroughRfc4514AndBack) {
    const Name names[] = {
        {},
        {{"C", "SG"}, {"O", "Example"}, {"CN", "Test User"}},
        {{"CN", " # leading and trailing "}},
        {{"CN", R"(a,b+c"d\e<f>g;h=i#j)"}},
        {{"CN", "Мария"}},
        {{"1.3.6.1.4.1.99999.7", "dotted"}},
    };
    for (const auto& name : names) {
        const auto text = to_rfc4514(name);
        const auto back = from_rfc4514(text);
        ASSERT_TRUE(back) << text << ": " << back.error().message;
        EXPECT_EQ(*back, name) << text;
    }
    EXPECT_EQ(to_rfc4514(names[1]), "CN=Test User,O=Example,C=SG");
    EXPECT_EQ(to_rfc4514(names[2]), "CN=\\ # leading and trailing\\ ");
    EXPECT_EQ(to_rfc4514(names[5]), "1.3.6.1.4.1.99999.7=#0c06646f74746564");
}

TEST(Name, ReadsForgivingSpacesAndHexPairs) {
    EXPECT_EQ(from_rfc4514("CN=a , O = b").value(), (Name{{"O", "b"}, {"CN", "a"}}));
    EXPECT_EQ(from_rfc4514("CN=\\4d\\C3\\BCller").value(), (Name{{"CN", "Müller"}}));
    EXPECT_EQ(from_rfc4514("2.5.4.3=#0c0161").value(), (Name{{"CN", "a"}}));
}

TEST(Name, RefusesWhatIsNotRfc4514) {
    for (const char* text : {"CN", "CN=", "=a", "Unknown=a", "CN=a+O=b", "CN=a;b", "CN=a\\", "CN=\\zz",
                             "CN=\\ff", "CN=#zz", "CN=a,", ",CN=a", "CN=#02017f"}) {
        EXPECT_FALSE(from_rfc4514(text)) << text;
    }
    EXPECT_FALSE(from_rfc4514(std::string(9000, 'x')));
    EXPECT_FALSE(from_rfc4514("CN=" + std::string(257, 'x')));
}

TEST(GeneralName, IsCheckedByKind) {
    for (const char* text : {"dns:example", "dns:a.example.org", "dns:*.example.org",
                             "dns:xn--mller-kva.example", "uri:urn:device:1", "uri:https://example.org/a?b#c",
                             "email:a.b+c@example.org", "ip:192.0.2.1", "ip:2001:db8::1"}) {
        const auto name = general_name_from(text);
        ASSERT_TRUE(name) << text;
        EXPECT_EQ(to_string(*name), text);
    }
    for (const char* text : {"example.org",        "dns:",          "dns:.",
                             "dns:a..b",           "dns:a.",        "dns:-a.example",
                             "dns:a_b.example",    "dns:*",         "dns:a.*.example",
                             "dns:192.0.2.1",      "dns:ä.example", "uri:relative",
                             "uri:http:",          "uri:a b:c",     "uri:1a:b",
                             "email:@example.org", "email:a@",      "email:a@b@c",
                             "email:.a@b.c",       "email:a b@c.d", "ip:192.0.2",
                             "ip:192.0.2.256",     "ip:x",          "other:x"}) {
        EXPECT_FALSE(general_name_from(text)) << text;
    }
    EXPECT_FALSE(check_general_name({GeneralNameKind::dns, std::string("a\0.example", 10)}));
    EXPECT_FALSE(check_general_name({GeneralNameKind::dns, std::string(64, 'a') + ".example"}));
}

}  // namespace
}  // namespace signet::pki
