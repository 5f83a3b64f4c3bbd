#include "daemon/ctl/appliance_keys.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "base/encoding.h"
#include "base/file.h"
#include "base/random.h"
#include "daemon/service/audit.h"
#include "daemon/service/keys.h"
#include "hsm/pki/certificate.h"
#include "hsm/provider/library_context.h"
#include "sqlite/certificate_store.h"
#include "sqlite/database_lock.h"
#include "sqlite/migrations.h"
#include "sqlite/read_pool.h"
#include "sqlite/writer.h"

namespace signet::ctl {
namespace {

using std::chrono::days;
using std::chrono::seconds;

const FirstKey kFirstKeys[] = {
    {"audit", KeyAlgorithm::ec_p256, KeyUsage::audit},
    {"wrap", KeyAlgorithm::aes_256, KeyUsage::wrap},
    {"bind", KeyAlgorithm::hmac_256, KeyUsage::bind},
    {"seal", KeyAlgorithm::aes_256, KeyUsage::seal},
    {"device.ca", KeyAlgorithm::ec_p256, KeyUsage::certify},
    {"device.ocsp", KeyAlgorithm::ec_p256, KeyUsage::certify},
    {"tls.server", KeyAlgorithm::ec_p256, KeyUsage::tls},
    {"document.ec", KeyAlgorithm::ec_p256, KeyUsage::sign},
    {"document.rsa", KeyAlgorithm::rsa_2048, KeyUsage::sign},
    {"document.mac", KeyAlgorithm::hmac_256, KeyUsage::mac},
};
constexpr std::string_view kAuthority = "device.ca";

std::string host_name() {
    std::array<char, 256> name{};
    return gethostname(name.data(), name.size() - 1) == 0 && name[0] != '\0' ? std::string(name.data())
                                                                             : "localhost";
}

class Maker {
  public:
    Maker(const config::Config& config, TokenInterface& token, std::string_view principal,
          const std::filesystem::path& directory, const std::vector<const FamilySetup*>& families,
          const std::function<void(std::string_view)>& progress, bool for_backup)
        : config_(config),
          token_(token),
          principal_(principal),
          directory_(directory),
          families_(families),
          progress_(progress),
          for_backup_(for_backup),
          request_(random_id()) {}

    Status run() {
        progress_("database " + config_.database.string());
        SIGNET_TRY(open_database());
        SIGNET_ASSIGN(library_, provider::LibraryContext::create(token_, seconds(30)));
        SIGNET_TRY(note("system.init", "", R"({"version":1})"));
        for (const auto& key : kFirstKeys)
            SIGNET_TRY(make_key(key));
        for (const auto* family : families_)
            for (const auto& key : family->keys)
                SIGNET_TRY(make_key(key));
        SIGNET_TRY(make_certificates());
        for (const auto* family : families_)
            SIGNET_TRY(make_certificates_of(*family));
        progress_("first checkpoint of the audit chain");
        service::Audit audit(
            {token_, *keys_, *writer_, *readers_, clock_, config_.database, [] { return std::uint64_t{0}; }},
            {config_.audit.key, config_.audit.checkpoint_every, config_.audit.checkpoint_interval,
             config_.audit.retention, config_.audit.archive});
        SIGNET_TRY(audit.checkpoint(Deadline::in(seconds(30))));
        writer_->stop();
        return {};
    }

  private:
    Status open_database() {
        SIGNET_ASSIGN(lock_, sqlite::DatabaseLock::acquire(config_.database, "signetctl init"));
        SIGNET_ASSIGN(auto connection,
                      sqlite::Connection::open(config_.database, sqlite::Connection::Mode::create));
        SIGNET_TRY(sqlite::migrate(connection, sqlite::all_migrations(), clock_));
        SIGNET_ASSIGN(writer_, sqlite::Writer::start({}, std::move(connection), clock_));
        SIGNET_ASSIGN(readers_, sqlite::ReadPool::open(config_.database, 2));
        keys_.emplace(service::Keys::Parts{token_, *writer_, *readers_, clock_, {}});
        return keys_->load();
    }

    service::Caller caller() const { return {principal_, request_, Deadline::in(seconds(60))}; }

    Status note(std::string_view action, const std::string& object, std::string details) {
        SIGNET_TRY(writer_->append({.request_id = request_,
                                    .principal = principal_,
                                    .action = std::string(action),
                                    .object = object,
                                    .outcome = "ok",
                                    .details = std::move(details)}));
        return {};
    }

    Status make_key(const FirstKey& key) {
        progress_("key " + std::string(key.label) + " (" + std::string(to_string(key.algorithm)) + ", " +
                  to_string(key.usages) + ")");
        SIGNET_TRY(keys_->create(caller(), {.label = std::string(key.label),
                                            .algorithm = key.algorithm,
                                            .usages = key.usages,
                                            .extractable = for_backup_}));
        return {};
    }

    struct Root {
        provider::TokenKey key;
        pki::Certificate certificate;
    };
    Result<Root> make_root(std::string_view label, std::string_view common_name) {
        progress_("certificate of " + std::string(label) + ", signed by itself");
        const auto settings = config_.authorities.find(std::string(label));
        if (settings == config_.authorities.end())
            return fail(
                ErrorCode::failed_precondition,
                "signetd.yaml has no authority " + std::string(label) + " under ca; add its section first");
        SIGNET_ASSIGN(auto key,
                      library_->load({std::string(label), 1}, KeyUsage::certify, Deadline::in(seconds(30))));
        auto root = pki::root_ca_profile();
        root.path_length = 0;
        const pki::Name name{{"O", "Signet"},
                             {"CN", std::string(common_name) + " " + to_hex(random_bytes(4))}};
        SIGNET_ASSIGN(auto certificate,
                      pki::self_sign(key, root, name, {.now = clock_.now()}, Deadline::in(seconds(30))));
        SIGNET_TRY(keep(certificate, certificate, label, label, "root"));
        SIGNET_TRY(write(settings->second.certificates.front(), certificate.pem()));
        return Root{std::move(key), std::move(certificate)};
    }

    Status make_certificates_of(const FamilySetup& family) {
        std::map<std::string_view, Root> roots;
        for (const auto& authority : family.authorities) {
            SIGNET_ASSIGN(auto root, make_root(authority.label, authority.common_name));
            roots.emplace(authority.label, std::move(root));
        }
        for (const auto& wanted : family.certificates) {
            const auto& root = roots.at(wanted.authority);
            SIGNET_ASSIGN(const auto certificate,
                          issue(root, wanted.authority, pki::document_signing_profile(), wanted.key,
                                {{"O", "Signet"}, {"CN", std::string(wanted.common_name)}}, {}));
            SIGNET_TRY(write(directory_ / wanted.file, certificate.pem() + root.certificate.pem()));
        }
        return {};
    }

    Status make_certificates() {
        SIGNET_ASSIGN(const auto root, make_root(kAuthority, "Signet device CA"));
        const auto& ca = root.certificate;

        auto responder = pki::ocsp_responder_profile();
        responder.validity = days(365);
        SIGNET_ASSIGN(const auto ocsp,
                      issue(root, kAuthority, responder, "device.ocsp", {{"CN", "Signet device OCSP"}}, {}));
        SIGNET_TRY(
            write(config_.authorities.at(std::string(kAuthority)).ocsp.certificates.front(), ocsp.pem()));

        const auto host = host_name();
        std::vector<pki::GeneralName> names{{pki::GeneralNameKind::dns, "localhost"},
                                            {pki::GeneralNameKind::ip, "127.0.0.1"}};
        if (const pki::GeneralName own{pki::GeneralNameKind::dns, host};
            host != "localhost" && pki::check_general_name(own))
            names.push_back(own);
        SIGNET_ASSIGN(const auto server, issue(root, kAuthority, pki::tls_server_profile(), "tls.server",
                                               {{"CN", host}}, names));
        const auto directory = directory_ / "tls";
        SIGNET_TRY(write(directory / "server.pem", server.pem() + ca.pem()));
        SIGNET_TRY(write(directory / "clients.pem", ca.pem()));

        for (const auto* label : {"document.ec", "document.rsa"}) {
            SIGNET_ASSIGN(const auto certificate, issue(root, kAuthority, pki::document_signing_profile(),
                                                        label, {{"O", "Signet"}, {"CN", label}}, {}));
            SIGNET_TRY(write(directory_ / "ca" / (std::string(label) + ".pem"), certificate.pem()));
        }
        return {};
    }

    Result<pki::Certificate> issue(const Root& root, std::string_view authority,
                                   const pki::CertificateProfile& profile, std::string_view label,
                                   const pki::Name& subject, const std::vector<pki::GeneralName>& names) {
        progress_("certificate of " + std::string(label));
        SIGNET_ASSIGN(const auto info, token_.find_key({std::string(label), 1}, Deadline::in(seconds(30))));
        SIGNET_ASSIGN(auto public_key, pki::PublicKey::from_spki(info.public_key));
        SIGNET_ASSIGN(auto certificate,
                      pki::issue(root.key, root.certificate, profile, {std::move(public_key), subject, names},
                                 {.now = clock_.now()}, Deadline::in(seconds(30))));
        SIGNET_TRY(keep(certificate, root.certificate, authority, label, profile.name));
        return certificate;
    }

    // In the register of issued certificates with its audit record, and in the token beside its key.
    Status keep(const pki::Certificate& certificate, const pki::Certificate& ca, std::string_view authority,
                std::string_view label, const std::string& profile) {
        sqlite::StoredCertificate row;
        row.ca = authority;
        SIGNET_ASSIGN(const auto serial, from_hex(certificate.serial()));
        if (serial.size() > row.serial.size())
            return fail(ErrorCode::internal, "a serial number is too long");
        std::ranges::copy(serial, row.serial.end() - static_cast<std::ptrdiff_t>(serial.size()));
        row.subject = certificate.subject_text();
        row.not_before = certificate.not_before();
        row.not_after = certificate.not_after();
        row.issued = clock_.now();
        row.der = certificate.der();
        row.profile = profile;
        row.requester = principal_;
        const sqlite::AuditRecord record{
            .request_id = request_,
            .principal = principal_,
            .action = "ca.issue",
            .object = std::string(authority) + "/1",
            .outcome = "ok",
            .details = R"({"serial":")" + certificate.serial() + R"(","sha256":")" +
                       to_hex(certificate.fingerprint()) + R"(","key":")" + std::string(label) +
                       R"(","issuer_sha256":")" + to_hex(ca.fingerprint()) + "\"}"};
        SIGNET_TRY(writer_->run([&](sqlite::Transaction& transaction) -> Status {
            SIGNET_TRY(sqlite::certificate_store::insert(transaction, row));
            SIGNET_TRY(transaction.audit(record));
            return {};
        }));
        SIGNET_TRY(keys_->import_certificate(caller(), label, certificate.der()));
        return {};
    }

    static Status write(const std::filesystem::path& path, const std::string& text) {
        return write_file_atomic(path, as_bytes(text), 0644);
    }

    const config::Config& config_;
    TokenInterface& token_;
    std::string principal_;
    const std::filesystem::path& directory_;
    const std::vector<const FamilySetup*>& families_;
    const std::function<void(std::string_view)>& progress_;
    bool for_backup_;
    std::string request_;
    SystemClock clock_;
    std::optional<sqlite::DatabaseLock> lock_;
    std::unique_ptr<sqlite::Writer> writer_;
    std::optional<sqlite::ReadPool> readers_;
    std::optional<service::Keys> keys_;
    std::unique_ptr<provider::LibraryContext> library_;
};

}  // namespace

Status make_first_keys(const config::Config& config, TokenInterface& token, std::string_view principal,
                       const std::filesystem::path& directory,
                       const std::vector<const FamilySetup*>& families,
                       const std::function<void(std::string_view)>& progress, bool for_backup) {
    return Maker(config, token, principal, directory, families, progress, for_backup).run();
}

}  // namespace signet::ctl
