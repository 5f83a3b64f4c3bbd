// Whether snapshots of the MOSIP management server stay as fast with 200,000 devices as with 10. No test: it prints numbers.
// An appliance of its own is made, the database is filled while its daemon is stopped, and snapshots of devices all over the
// table are asked for over one connection. Usage: mosip_bench [REQUESTS [DEVICES]]
#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "base/random.h"
#include "daemon/ctl/software_key.h"
#include "hsm/pki/jws.h"
#include "hsm/pki/pem.h"
#include "sqlite/connection.h"
#include "sqlite/mosip_device_store.h"
#include "sqlite/mosip_vendor_store.h"
#include "sqlite/writer.h"
#include "tests/support/appliance.h"

namespace {

using namespace signet;
namespace json = boost::json;
constexpr std::size_t kBatch = 2000;

template <class T>
T must(Result<T> result) {
    if (!result) {
        std::fprintf(stderr, "%s (%s)\n", result.error().message.c_str(), result.error().detail.c_str());
        std::exit(1);
    }
    return *std::move(result);
}
void must(const Status& status) {
    if (!status) {
        std::fprintf(stderr, "%s (%s)\n", status.error().message.c_str(), status.error().detail.c_str());
        std::exit(1);
    }
}

std::string serial_of(std::size_t number) {
    return "SN-" + std::to_string(number);
}

void fill(const std::filesystem::path& database, std::int64_t vendor, std::size_t from, std::size_t to) {
    const SystemClock clock;
    const auto writer = must(sqlite::Writer::start({}, must(sqlite::Connection::open(database)), clock));
    for (auto at = from; at < to;) {
        const auto end = std::min(to, at + kBatch);
        must(writer->run([&](sqlite::Transaction& transaction) -> Status {
            for (auto i = at; i < end; ++i) {
                SIGNET_ASSIGN(const auto id,
                              sqlite::mosip_device_store::insert(transaction, {.vendor = vendor,
                                                                               .serial_number = serial_of(i),
                                                                               .model = "M1",
                                                                               .purpose = "Auth",
                                                                               .bio_type = "Finger",
                                                                               .created = clock.now()}));
                SIGNET_TRY(
                    sqlite::mosip_device_store::set_registered(transaction, id, clock.now(), random_uuid()));
            }
            return {};
        }));
        at = end;
    }
}

struct Vendor {
    ctl::SoftwareKey key;
    Bytes certificate;

    std::string snapshot(const std::string& serial) const {
        const json::object payload{{"uniqueTransactionId", random_uuid()},
                                   {"timeStamp", to_rfc3339(SystemClock{}.now())},
                                   {"serialNumber", serial},
                                   {"deviceCodeUUID", ""},
                                   {"modelID", "M1"},
                                   {"deviceProviderId", "BENCH"},
                                   {"bioType", "Finger"},
                                   {"certificationLevel", "L0"},
                                   {"devicePurpose", "Auth"},
                                   {"env", "Staging"}};
        pki::JwsHeader header;
        header.algorithm = SignAlgorithm::rs256;
        header.type = "jwt";
        header.certificates.push_back(certificate);
        auto input = must(pki::jws_signing_input(header, as_bytes(json::serialize(payload))));
        const auto signature = must(key.sign_rs256(as_bytes(input)));
        return json::serialize(json::object{
            {"msbDeviceSnapshot",
             must(pki::jws_attach_signature(std::move(input), SignAlgorithm::rs256, signature))}});
    }
};

void measure(testing::Appliance& appliance, const Vendor& vendor, std::size_t devices, std::size_t requests) {
    std::vector<std::string> bodies;
    for (std::size_t i = 0; i < requests; ++i)
        bodies.push_back(vendor.snapshot(serial_of(i * 7919 % devices)));
    testing::HttpConnection connection(appliance.api_socket());
    std::vector<double> us;
    for (const auto& body : bodies) {
        const auto start = std::chrono::steady_clock::now();
        const auto answer =
            connection.send({.verb = "POST", .target = "/mms/MSBDeviceRequest/", .body = body});
        us.push_back(
            std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
        if (answer.status != 200 || answer.body.find("msbDeviceSnapshot") == std::string::npos) {
            std::fprintf(stderr, "refused: %s\n", answer.body.c_str());
            std::exit(1);
        }
    }
    std::ranges::sort(us);
    std::printf("%7zu devices: %6.0f us median, %6.0f us at 90 %%, over %zu snapshots\n", devices,
                us[us.size() / 2], us[us.size() * 9 / 10], us.size());
}

}  // namespace

int main(int argc, char** argv) {
    const std::size_t requests = argc > 1 ? std::stoul(argv[1]) : 500;
    const std::size_t many = argc > 2 ? std::stoul(argv[2]) : 200'000;
    testing::Appliance::Options options;
    options.families = {"mosip"};
    options.start = false;
    testing::Appliance appliance(options);
    auto key = must(ctl::SoftwareKey::generate());
    auto certificate = must(key.self_signed("bench", "bench", SystemClock{}.now()));
    const Vendor vendor{std::move(key), std::move(certificate)};
    const SystemClock clock;
    std::int64_t id = 0;
    const auto database = appliance.path("data/signet.db");
    {
        const auto writer = must(sqlite::Writer::start({}, must(sqlite::Connection::open(database)), clock));
        must(writer->run([&](sqlite::Transaction& transaction) -> Status {
            SIGNET_ASSIGN(
                id, sqlite::mosip_vendor_store::insert(
                        transaction, {.provider_id = "BENCH", .name = "bench", .created = clock.now()}));
            return sqlite::mosip_vendor_store::insert_anchor(
                transaction, id, {sha256(vendor.certificate), vendor.certificate, clock.now()});
        }));
    }
    std::size_t devices = 0;
    for (const std::size_t next : {std::size_t{10}, many}) {
        fill(database, id, devices, next);
        devices = next;
        appliance.start();
        measure(appliance, vendor, devices, std::max<std::size_t>(20, requests / 10));  // warm
        measure(appliance, vendor, devices, requests);
        appliance.stop();
    }
    return 0;
}
