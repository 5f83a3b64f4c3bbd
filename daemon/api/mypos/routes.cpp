#include "daemon/api/mypos/routes.h"

#include "daemon/api/mypos/context.h"
#include "daemon/api/mypos/message.h"
#include "daemon/config/current.h"

namespace signet::api::mypos {
namespace {

constexpr std::size_t kSmall = 4096;
constexpr std::size_t kPem = std::size_t{64} << 10;

constexpr std::string_view kStore =
    R"({"type":"object","required":["sid","wallet","currency"],"properties":{"sid":{"type":"string"},"side":{"type":"string","enum":["provider","merchant"]},"name":{"type":"string"},"wallet":{"type":"string"},"currency":{"type":"string"}}})";
constexpr std::string_view kKey =
    R"({"type":"object","properties":{"certificate":{"type":"string"},"index":{"type":"integer"}}})";
constexpr std::string_view kCertificate =
    R"({"type":"object","required":["certificate"],"properties":{"certificate":{"type":"string"}}})";
constexpr std::string_view kSigned =
    R"({"type":"object","required":["signature","sid","index","audit"],"properties":{"signature":{"type":"string"},"form":{"type":"string"},"sid":{"type":"string"},"index":{"type":"integer"},"audit":{"type":"integer"}}})";
constexpr std::string_view kValid =
    R"({"type":"object","required":["valid"],"properties":{"valid":{"type":"boolean"},"sid":{"type":"string"},"index":{"type":"integer"}}})";

Status check_authority(const config::Config& config, const config::Mypos& mypos) {
    const auto authority = config.authorities.find(mypos.ca);
    if (authority == config.authorities.end())
        return fail(ErrorCode::failed_precondition,
                    "signetd.yaml has no authority '" + mypos.ca + "' under ca, which mypos.ca names");
    if (!authority->second.profiles.contains(mypos.profile))
        return fail(ErrorCode::failed_precondition, "the authority '" + mypos.ca + "' has no profile '" +
                                                        mypos.profile + "', which mypos.profile names");
    return {};
}

class Mypos final : public Family {
  public:
    explicit Mypos(Services& services) : context_{services} {}

    RouteTable routes() override {
        using enum http::Verb;
        constexpr auto api = Surface::api;
        constexpr auto admin = Surface::admin;
        constexpr auto both = Surface::both;
        const auto to = [&](Answer (*handler)(Context&, Exchange&)) { return bind(context_, handler); };
        // clang-format off
        return {
            // verb, path, permission, surface, body limit, resource, decides, handler, summary, request, answer
            {post, "/mypos/stores",                                "mypos.manage",   admin, kSmall,      "",    false, to(create_store),       "Make a store", kStore, ""},
            {get,  "/mypos/stores",                                "mypos.read",     admin, 0,           "",    false, to(list_stores),        "Stores", "", ""},
            {get,  "/mypos/stores/{sid}",                          "mypos.read",     both,  0,           "sid", false, to(get_store),          "A store and its keys", "", ""},
            {post, "/mypos/stores/{sid}/close",                    "mypos.manage",   admin, kSmall,      "sid", false, to(close_store),        "Close a store; its keys end", "", ""},
            {post, "/mypos/stores/{sid}/keys",                     "mypos.manage",   admin, kPem,        "sid", false, to(create_key),         "Make a key pair in the token for the next index", kKey, ""},
            {post, "/mypos/stores/{sid}/keys/{index}/certificate", "mypos.manage",   admin, kPem,        "sid", false, to(upload_certificate), "Upload the certificate of the other side", kCertificate, ""},
            {get,  "/mypos/stores/{sid}/keys/{index}/certificate", "mypos.read",     both,  0,           "sid", false, to(get_certificate),    "Our certificate: PEM, or ?format=pkcs7", "", ""},
            {post, "/mypos/stores/{sid}/keys/{index}/retire",      "mypos.manage",   admin, kSmall,      "sid", false, to(retire_key),         "Sign no more with a key; it still verifies", "", ""},
            {post, "/mypos/stores/{sid}/keys/{index}/revoke",      "mypos.manage",   admin, kSmall,      "sid", false, to(revoke_key),         "Revoke a key", "", ""},
            {post, "/mypos/stores/{sid}/keys/{index}/sign",        "mypos.sign",     api,   kMaxMessage, "sid", false, to(sign_message),       "Sign a message: a form, or an array of pairs", "", kSigned},
            {post, "/mypos/stores/{sid}/keys/{index}/verify",      "mypos.verify",   api,   kMaxMessage, "sid", false, to(verify_message),     "Check the signature of a message", "", kValid},
            {post, "/vmp/checkout",                                "mypos.checkout", api,   kMaxMessage, "",    false, to(checkout),           "Try a configuration: a signed echo", "", ""},
        };
        // clang-format on
    }
    Status check(const config::Config& config) override {
        return config.mypos ? check_authority(config, *config.mypos) : Status{};
    }

  private:
    Context context_;
};

}  // namespace

Result<std::unique_ptr<Family>> make(Services& services) {
    auto family = std::make_unique<Mypos>(services);
    SIGNET_TRY(family->check(*services.config.get()));
    return family;
}

}  // namespace signet::api::mypos
