#include "daemon/api/mosip/routes.h"

#include "base/log.h"
#include "daemon/api/mosip/forward.h"
#include "daemon/api/mosip/handlers.h"
#include "daemon/api/mosip/jobs.h"
#include "daemon/config/current.h"
#include "daemon/service/maintenance.h"

namespace signet::api::mosip {
namespace {

constexpr std::size_t kSmall = 4096;
constexpr std::size_t kMessage = std::size_t{256} << 10;
constexpr std::size_t kPem = std::size_t{64} << 10;
constexpr std::size_t kCsv = std::size_t{1536} << 10;
constexpr bool kDecided = false;

constexpr std::string_view kMessageSchema =
    R"({"type":"object","minProperties":1,"maxProperties":1,"properties":{"msbDeviceSnapshot":{"type":"string"},"msbEncryptionCert":{"type":"string"},"msbKeyRotation":{"type":"string"},"msbDeviceRegistration":{"type":"string"}}})";
constexpr std::string_view kVendorSchema =
    R"({"type":"object","required":["providerId","name","certificates"],"properties":{"providerId":{"type":"string"},"name":{"type":"string"},"certificates":{"type":"string","description":"PEM"}}})";
constexpr std::string_view kCertificatesSchema =
    R"({"type":"object","required":["certificates"],"properties":{"certificates":{"type":"string","description":"PEM"}}})";
constexpr std::string_view kDeviceSchema =
    R"({"type":"object","required":["providerId","serialNumber","modelID","devicePurpose","bioType"],"properties":{"providerId":{"type":"string"},"serialNumber":{"type":"string"},"modelID":{"type":"string"},"devicePurpose":{"type":"string","enum":["Auth","Registration"]},"bioType":{"type":"string","enum":["Finger","Iris","Face"]},"validUntil":{"type":"string"}}})";
constexpr std::string_view kCsvSchema =
    R"({"type":"object","required":["csv"],"properties":{"csv":{"type":"string"}}})";
constexpr std::string_view kImportedSchema =
    R"({"type":"object","required":["added","changed","unchanged","refused","errors"],"properties":{"added":{"type":"integer"},"changed":{"type":"integer"},"unchanged":{"type":"integer"},"refused":{"type":"integer"},"errors":{"type":"array","items":{"type":"object","properties":{"line":{"type":"integer"},"message":{"type":"string"}}}}}})";
constexpr std::string_view kPolicySchema =
    R"({"type":"object","properties":{"snapshotValidity":{"type":"integer","description":"seconds"},"resyncWithin":{"type":"integer","description":"seconds"},"rotateAfter":{"type":"integer","description":"seconds"},"certificateValidity":{"type":"integer","description":"seconds"},"rotateIssuedBefore":{"type":"string"},"minimumServiceVersion":{"type":"string"},"serviceDownloadURL":{"type":"string"},"bannerMessage":{"type":"string"}}})";
constexpr std::string_view kCertificateSchema =
    R"({"type":"object","required":["certificate"],"properties":{"certificate":{"type":"string","description":"PEM"}}})";

RouteTable rows(Context& context) {
    using enum http::Verb;
    constexpr auto api = Surface::api;
    constexpr auto admin = Surface::admin;
    const auto to = [&](Answer (*handler)(Context&, Exchange&)) { return bind(context, handler); };
    // clang-format off
    return {
        // verb, path, permission, surface, body limit, resource, decides, handler, summary, request, answer, error shape
        {post, "/mms/MSBDeviceRequest", "mosip.device", api, kMessage, "", kDecided, to(device_request), "A request of a biometric device (MOSIP management server)", kMessageSchema, kMessageSchema, unsigned_answer},
        {get,  "/mms/MSBDeviceRequest", "mosip.device", api, 0,        "", kDecided, to(ping),           "Whether the management server is there", "", "", unsigned_answer},

        {post, "/v1/mosip/vendors",                                           "mosip.vendors.manage", admin, kPem,   "", kDecided, to(create_vendor),      "Add a device vendor with its certificates", kVendorSchema, ""},
        {get,  "/v1/mosip/vendors",                                           "mosip.read",           admin, 0,      "", kDecided, to(list_vendors),       "All device vendors", "", ""},
        {get,  "/v1/mosip/vendors/{providerId}",                              "mosip.read",           admin, 0,      "", kDecided, to(get_vendor),         "A device vendor and its certificates", "", ""},
        {post, "/v1/mosip/vendors/{providerId}/disable",                      "mosip.vendors.manage", admin, kSmall, "", kDecided, to(disable_vendor),     "Refuse all devices of a vendor", "", ""},
        {post, "/v1/mosip/vendors/{providerId}/enable",                       "mosip.vendors.manage", admin, kSmall, "", kDecided, to(enable_vendor),      "Serve the devices of a vendor again", "", ""},
        {post, "/v1/mosip/vendors/{providerId}/certificates",                 "mosip.vendors.manage", admin, kPem,   "", kDecided, to(add_certificates),   "Add trust anchors of a vendor", kCertificatesSchema, ""},
        {post, "/v1/mosip/vendors/{providerId}/certificates/{sha256}/remove", "mosip.vendors.manage", admin, kSmall, "", kDecided, to(remove_certificate), "Remove a trust anchor of a vendor", "", ""},

        {post, "/v1/mosip/devices",                                      "mosip.devices.manage", admin, kSmall, "", kDecided, to(add_device),     "White-list a device", kDeviceSchema, ""},
        {post, "/v1/mosip/devices/import",                               "mosip.devices.manage", admin, kCsv,   "", kDecided, to(import_devices), "Import a white list as CSV", kCsvSchema, kImportedSchema},
        {get,  "/v1/mosip/devices",                                      "mosip.read",           admin, 0,      "", kDecided, to(list_devices),   "Devices, of all or one vendor", "", ""},
        {get,  "/v1/mosip/devices/{providerId}/{serialNumber}",          "mosip.read",           admin, 0,      "", kDecided, to(get_device),     "One device", "", ""},
        {get,  "/v1/mosip/devices/{providerId}/{serialNumber}/history",  "mosip.read",           admin, 0,      "", kDecided, to(device_history), "What happened to a device, newest first", "", ""},
        {post, "/v1/mosip/devices/{providerId}/{serialNumber}/{change}", "mosip.devices.manage", admin, kSmall, "", kDecided, to(change_device),  "remove, block, unblock, rotate or deregister a device", "", ""},

        {get,  "/v1/mosip/policy",                  "mosip.read",              admin, 0,      "", kDecided, to(get_policy),                   "Intervals, versions and banner", "", kPolicySchema},
        {post, "/v1/mosip/policy",                  "mosip.policy.manage",     admin, kSmall, "", kDecided, to(set_policy),                   "Change intervals, versions and banner", kPolicySchema, kPolicySchema},
        {post, "/v1/mosip/encryption-certificates", "mosip.encryption.manage", admin, kPem,   "", kDecided, to(set_encryption_certificate),   "Set MOSIP's encryption certificate", kCertificateSchema, ""},
        {get,  "/v1/mosip/encryption-certificates", "mosip.read",              admin, 0,      "", kDecided, to(list_encryption_certificates), "Encryption certificates, the current one first", "", ""},
    };
    // clang-format on
}

// The section names things that others of the file must have.
Status check_section(const config::Config& config) {
    if (!config.mosip) return {};
    const auto& mosip = *config.mosip;
    const auto ca = config.authorities.find(mosip.ca);
    if (ca == config.authorities.end())
        return fail(ErrorCode::failed_precondition, "mosip.ca: there is no '" + mosip.ca + "' under ca");
    if (!ca->second.profiles.contains(mosip.profile))
        return fail(ErrorCode::failed_precondition,
                    "mosip.profile: ca." + mosip.ca + " has no profile '" + mosip.profile + "'");
    if (mosip.forward && !config.outbound.contains("mosip") && !config.outbound.contains("default"))
        return fail(ErrorCode::failed_precondition,
                    "mosip.registration: mode forward needs outbound.mosip, which says how MOSIP is reached");
    return {};
}

class Mosip final : public Family {
  public:
    Mosip(Services& services, std::shared_ptr<const Material> material)
        : context_(services, std::move(material)) {
        add_outbox_kind(context_);
    }

    RouteTable routes() override { return rows(context_); }
    Status check(const config::Config& config) override {
        SIGNET_TRY(check_section(config));
        if (!config.mosip) return {};
        SIGNET_TRY(load_material(*config.mosip));
        return {};
    }
    void reloaded() override {
        const auto config = context_.services.config.get();
        if (!config->mosip) return;
        auto material = load_material(*config->mosip);
        // It was read a moment ago, by `check`.
        if (material)
            context_.replace(*std::move(material));
        else
            log::warning("mosip.not_reloaded", material.error().message);
    }
    void add_jobs(service::Maintenance& maintenance) override {
        using namespace std::chrono_literals;
        maintenance.add({"mosip.deregister", 1min, 1min, [this] {
                             return deregister_idle(context_.services.writer, context_.services.readers,
                                                    context_.services.clock);
                         }});
        maintenance.add({"mosip.prune", 5min, 1min, [this] {
                             return prune(context_.services.writer, context_.services.clock,
                                          context_.material()->settings.clock_window);
                         }});
    }

  private:
    Context context_;
};

}  // namespace

Result<std::unique_ptr<Family>> make(Services& services) {
    const auto config = services.config.get();
    SIGNET_TRY(check_section(*config));
    SIGNET_ASSIGN(auto material, load_material(*config->mosip));
    return std::make_unique<Mosip>(services, std::move(material));
}

}  // namespace signet::api::mosip
