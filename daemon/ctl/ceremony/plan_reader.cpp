// The strict reader of a ceremony's file: what each key may be, and what must fit together.
#include <algorithm>
#include <set>

#include "base/encoding.h"
#include "base/yaml.h"
#include "daemon/ctl/ceremony/plan.h"

namespace signet::ctl::ceremony {
namespace {

namespace fs = std::filesystem;
using yaml::Node;

constexpr std::size_t kLongestName = 128;

Result<std::string> read_name(const Node& node) {
    SIGNET_ASSIGN(auto text, node.text(kLongestName));
    const bool printable =
        std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
    if (text.empty() || !printable || text.front() == ' ' || text.back() == ' ')
        return node.error("expected a name of 1 to 128 bytes on one line, without blanks around it");
    return text;
}

Result<std::string> read_label(const Node& node) {
    SIGNET_ASSIGN(auto text, node.text(64));
    if (const auto good = check_label(text); !good) return node.error(good.error().message);
    return text;
}

// A plain name in the outputs' directory.
Result<std::string> read_output(const Node& node) {
    SIGNET_ASSIGN(auto text, node.text(128));
    const bool plain = !text.empty() && text.front() != '.' && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
               c == '-' || c == '_';
    });
    if (!plain)
        return node.error(
            "expected a plain file name of letters, digits, '.', '-' and '_'; the site decides the "
            "directory");
    return text;
}

Result<Sha256> read_sha256(const Node& node) {
    SIGNET_ASSIGN(const auto text, node.text(64));
    const auto bytes = from_hex(text);
    Sha256 out{};
    if (!bytes || bytes->size() != out.size())
        return node.error("expected the SHA-256 of the file, 64 hex digits");
    std::ranges::copy(*bytes, out.begin());
    return out;
}

Status read_algorithm(const Node& node, KeyAlgorithm& algorithm, KeyUsages& usages) {
    SIGNET_ASSIGN(const auto name_node, node.required("algorithm"));
    SIGNET_ASSIGN(const auto name,
                  name_node.one_of({"rsa-2048", "rsa-3072", "rsa-4096", "ec-p256", "ec-p384", "ed25519",
                                    "aes-256", "hmac-256", "hmac-384", "hmac-512"}));
    algorithm = *key_algorithm_from(name);
    SIGNET_ASSIGN(const auto usages_node, node.required("usages"));
    SIGNET_ASSIGN(const auto words, usages_node.texts());
    for (const auto& word : words) {
        const auto usage = key_usage_from(word);
        if (!usage)
            return usages_node.error(
                "'" + word +
                "' is no usage; expected sign, certify, tls, audit, decrypt, mac, wrap, seal or "
                "bind");
        usages = usages | *usage;
    }
    if (const auto good = check_usages(algorithm, usages); !good)
        return usages_node.error(good.error().message);
    return {};
}

class Reader {
  public:
    Reader(Node root, Plan& plan) : root_(std::move(root)), plan_(plan) {}

    Status read() {
        SIGNET_TRY(root_.only({"ceremony", "date", "participants", "token", "custody", "backup",
                               "existing_keys", "keys", "certificates", "destroy"}));
        SIGNET_ASSIGN(const auto title, root_.required("ceremony"));
        SIGNET_ASSIGN(plan_.title, read_name(title));
        SIGNET_TRY(read_date());
        SIGNET_TRY(read_participants());
        SIGNET_TRY(read_token());
        SIGNET_TRY(read_sharing("custody", plan_.custody));
        SIGNET_TRY(read_sharing("backup", plan_.backup));
        SIGNET_TRY(each("existing_keys", [this](const Node& node) { return read_existing(node); }));
        SIGNET_TRY(each("keys", [this](const Node& node) { return read_key(node); }));
        SIGNET_TRY(each("certificates", [this](const Node& node) { return read_certificate(node); }));
        SIGNET_TRY(each("destroy", [this](const Node& node) { return read_destruction(node); }));
        return check_whole();
    }

  private:
    template <class Read>
    Status each(std::string_view key, Read read_one) {
        const auto list = root_.optional(key);
        if (!list) return {};
        SIGNET_ASSIGN(const auto items, list->items());
        if (items.empty() || items.size() > 200) return list->error("expected 1 to 200 entries");
        for (const auto& item : items)
            SIGNET_TRY(read_one(item));
        return {};
    }

    Status read_date() {
        const auto node = root_.optional("date");
        if (!node) return {};
        SIGNET_ASSIGN(const auto text, node->text(10));
        if (!from_rfc3339(text + "T00:00:00Z")) return node->error("expected a day such as \"2026-01-31\"");
        plan_.date = text;
        return {};
    }

    Status read_participants() {
        SIGNET_ASSIGN(const auto list, root_.required("participants"));
        SIGNET_ASSIGN(const auto items, list.items());
        for (const auto& item : items) {
            SIGNET_TRY(item.only({"name", "role"}));
            Participant participant;
            SIGNET_ASSIGN(const auto name, item.required("name"));
            SIGNET_ASSIGN(participant.name, read_name(name));
            if (std::ranges::find(plan_.participants, participant.name, &Participant::name) !=
                plan_.participants.end())
                return name.error("'" + participant.name + "' stands twice; one person has one role");
            SIGNET_ASSIGN(const auto role_node, item.required("role"));
            SIGNET_ASSIGN(const auto role, role_node.one_of({"officer", "custodian", "operator", "witness"}));
            for (const auto known : {Role::officer, Role::custodian, Role::operator_, Role::witness}) {
                if (to_string(known) == role) participant.role = known;
            }
            plan_.participants.push_back(std::move(participant));
        }
        if (plan_.having(Role::officer).size() < 2)
            return list.error("expected at least two officers: one person alone makes no ceremony");
        if (plan_.having(Role::operator_).size() != 1) return list.error("expected exactly one operator");
        return {};
    }

    Status read_token() {
        SIGNET_ASSIGN(const auto node, root_.required("token"));
        SIGNET_TRY(node.only({"label", "serial", "initialise"}));
        if (node.has("label") == node.has("serial"))
            return node.error("expected either label or serial; never a slot number");
        SIGNET_ASSIGN(const auto value, node.required(node.has("label") ? "label" : "serial"));
        auto& into = node.has("label") ? plan_.token_label : plan_.token_serial;
        SIGNET_ASSIGN(into, value.text(32));
        if (into.empty() || into.ends_with(' '))
            return value.error("expected 1 to 32 bytes that do not end in a blank");
        if (const auto initialise = node.optional("initialise")) {
            SIGNET_ASSIGN(plan_.initialise, initialise->boolean());
            if (plan_.initialise && plan_.token_label.empty())
                return initialise->error("a new token needs a label: the token chooses its serial itself");
        }
        return {};
    }

    Status read_sharing(std::string_view key, std::optional<Sharing>& into) {
        const auto node = root_.optional(key);
        if (!node) return {};
        SIGNET_TRY(node->only({"threshold", "custodians"}));
        Sharing sharing;
        SIGNET_ASSIGN(const auto list, node->required("custodians"));
        SIGNET_ASSIGN(sharing.custodians, list.texts());
        std::set<std::string> seen;
        for (const auto& name : sharing.custodians) {
            const auto found = std::ranges::find(plan_.participants, name, &Participant::name);
            if (found == plan_.participants.end() || found->role != Role::custodian)
                return list.error("'" + name + "' is no participant with the role custodian");
            if (!seen.insert(name).second) return list.error("'" + name + "' stands twice");
        }
        if (sharing.custodians.size() < 2 || sharing.custodians.size() > 16)
            return list.error("expected 2 to 16 custodians");
        SIGNET_ASSIGN(const auto threshold, node->required("threshold"));
        SIGNET_ASSIGN(const auto number,
                      threshold.integer(2, static_cast<std::int64_t>(sharing.custodians.size())));
        sharing.threshold = static_cast<unsigned>(number);
        into = std::move(sharing);
        return {};
    }

    Status read_existing(const Node& node) {
        SIGNET_TRY(node.only({"label", "algorithm", "usages", "certificate", "certificate_sha256"}));
        ExistingKey key;
        SIGNET_ASSIGN(const auto label, node.required("label"));
        SIGNET_ASSIGN(key.label, read_label(label));
        if (!labels_.insert(key.label).second)
            return label.error("the label '" + key.label + "' stands twice");
        SIGNET_TRY(read_algorithm(node, key.algorithm, key.usages));
        if (node.has("certificate") != node.has("certificate_sha256"))
            return node.error("certificate and certificate_sha256 belong together");
        if (const auto certificate = node.optional("certificate")) {
            SIGNET_ASSIGN(const auto path, certificate->text());
            key.certificate = path;
            SIGNET_ASSIGN(const auto digest, node.required("certificate_sha256"));
            SIGNET_ASSIGN(key.certificate_sha256, read_sha256(digest));
        }
        plan_.existing.push_back(std::move(key));
        return {};
    }

    Status read_key(const Node& node) {
        SIGNET_TRY(node.only({"label", "algorithm", "usages", "extractable", "backup", "public_key"}));
        PlannedKey key;
        SIGNET_ASSIGN(const auto label, node.required("label"));
        SIGNET_ASSIGN(key.label, read_label(label));
        if (!labels_.insert(key.label).second)
            return label.error("the label '" + key.label + "' stands twice");
        SIGNET_TRY(read_algorithm(node, key.algorithm, key.usages));
        if (const auto extractable = node.optional("extractable")) {
            SIGNET_ASSIGN(key.extractable, extractable->boolean());
        }
        if (const auto backup = node.optional("backup")) {
            SIGNET_ASSIGN(key.backup, backup->boolean());
            if (key.backup && !key.extractable)
                return backup->error("a key can only be backed up when it is made with extractable: true");
        }
        if (key.extractable && !key.backup)
            return node.error("extractable: true is for keys with backup: true; leave both out otherwise");
        if (const auto file = node.optional("public_key")) {
            if (!is_asymmetric(key.algorithm))
                return file->error("a key of " + std::string(to_string(key.algorithm)) +
                                   " has no public part");
            SIGNET_ASSIGN(key.public_key, read_output(*file));
            if (!outputs_.insert(key.public_key).second)
                return file->error("the output '" + key.public_key + "' stands twice");
        }
        plan_.keys.push_back(std::move(key));
        return {};
    }

    Status read_certificate(const Node& node) {
        SIGNET_TRY(
            node.only({"name", "kind", "issuer", "key", "csr", "certificate", "sha256", "subject", "profile",
                       "validity", "path_length", "crl_url", "ocsp_url", "issuer_url", "file"}));
        PlannedCertificate out;
        SIGNET_ASSIGN(const auto name, node.required("name"));
        SIGNET_ASSIGN(out.name, read_label(name));
        if (plan_.certificate(out.name) != nullptr)
            return name.error("the name '" + out.name + "' stands twice");
        SIGNET_ASSIGN(const auto kind_node, node.required("kind"));
        SIGNET_ASSIGN(const auto kind, kind_node.one_of({"self-signed", "key", "csr", "cross-sign"}));
        for (const auto known : {CertificateKind::self_signed, CertificateKind::for_key, CertificateKind::csr,
                                 CertificateKind::cross_sign}) {
            if (to_string(known) == kind) out.kind = known;
        }
        SIGNET_TRY(read_parties(node, out));
        SIGNET_TRY(read_content(node, out));
        SIGNET_ASSIGN(const auto file, node.required("file"));
        SIGNET_ASSIGN(out.file, read_output(file));
        if (!outputs_.insert(out.file).second)
            return file.error("the output '" + out.file + "' stands twice");
        plan_.certificates.push_back(std::move(out));
        return {};
    }

    // Which members a kind has, and whom they name.
    Status read_parties(const Node& node, PlannedCertificate& out) {
        const auto expects = [&](std::string_view key, bool expected) -> Status {
            if (node.has(key) == expected) return {};
            return node.error("a certificate of kind " + std::string(to_string(out.kind)) +
                              (expected ? " needs '" : " has no '") + std::string(key) + "'");
        };
        const bool self = out.kind == CertificateKind::self_signed;
        const bool own = self || out.kind == CertificateKind::for_key;
        const bool crossed = out.kind == CertificateKind::cross_sign;
        SIGNET_TRY(expects("issuer", !self));
        SIGNET_TRY(expects("key", own));
        SIGNET_TRY(expects("csr", out.kind == CertificateKind::csr));
        SIGNET_TRY(expects("certificate", crossed));
        SIGNET_TRY(expects("sha256", !own));
        SIGNET_TRY(expects("subject", !crossed));
        if (own) {
            SIGNET_ASSIGN(const auto key, node.required("key"));
            SIGNET_ASSIGN(out.key, read_label(key));
            if (plan_.key(out.key) == nullptr && plan_.existing_key(out.key) == nullptr)
                return key.error("'" + out.key + "' is neither among keys nor among existing_keys");
            const auto usages = plan_.key(out.key) != nullptr ? plan_.key(out.key)->usages
                                                              : plan_.existing_key(out.key)->usages;
            if (self && !usages.has(KeyUsage::certify))
                return key.error("the key '" + out.key + "' has not the usage certify");
        } else {
            SIGNET_ASSIGN(const auto input, node.required(crossed ? "certificate" : "csr"));
            SIGNET_ASSIGN(const auto path, input.text());
            out.input = path;
            SIGNET_ASSIGN(const auto digest, node.required("sha256"));
            SIGNET_ASSIGN(out.input_sha256, read_sha256(digest));
        }
        return self ? Status{} : read_issuer(node, out);
    }

    Status read_issuer(const Node& node, PlannedCertificate& out) {
        SIGNET_ASSIGN(const auto issuer, node.required("issuer"));
        SIGNET_ASSIGN(out.issuer, read_label(issuer));
        const auto* earlier = plan_.certificate(out.issuer);
        const auto* existing = plan_.existing_key(out.issuer);
        if (earlier == nullptr && (existing == nullptr || existing->certificate.empty()))
            return issuer.error(
                "'" + out.issuer +
                "' is neither a certificate further up nor an existing key with a certificate");
        if (earlier != nullptr && earlier->key.empty())
            return issuer.error("the key of the certificate '" + out.issuer + "' is not in this token");
        return {};
    }

    Status read_content(const Node& node, PlannedCertificate& out) {
        if (const auto subject = node.optional("subject")) {
            SIGNET_ASSIGN(const auto text, subject->text(1024));
            auto name = pki::from_rfc4514(text);
            if (!name || name->empty())
                return subject->error("expected a name such as \"CN=Example Root,O=Example Ltd,C=SG\"" +
                                      (name ? std::string() : ": " + name.error().message));
            out.subject = *std::move(name);
        }
        SIGNET_ASSIGN(const auto profile, node.required("profile"));
        SIGNET_ASSIGN(out.profile, profile.one_of({"root-ca", "intermediate-ca", "ocsp-responder"}));
        if ((out.kind == CertificateKind::self_signed) != (out.profile == "root-ca"))
            return profile.error("root-ca is for self-signed certificates, and they have no other profile");
        SIGNET_ASSIGN(const auto validity, node.required("validity"));
        SIGNET_ASSIGN(const auto time, validity.duration());
        out.validity = std::chrono::duration_cast<std::chrono::seconds>(time);
        if (out.validity < std::chrono::hours(1)) return validity.error("expected at least 1h");
        if (const auto length = node.optional("path_length")) {
            if (out.profile == "ocsp-responder") return length->error("an OCSP responder has no path length");
            SIGNET_ASSIGN(const auto number, length->integer(0, 10));
            out.path_length = static_cast<int>(number);
        }
        for (const auto& [key, into] :
             {std::pair{"crl_url", &out.crl_url}, std::pair{"ocsp_url", &out.ocsp_url},
              std::pair{"issuer_url", &out.issuer_url}}) {
            const auto url = node.optional(key);
            if (!url) continue;
            SIGNET_ASSIGN(*into, url->text(1024));
            if (!into->starts_with("http://") || into->find_first_of(" \t\"<>") != std::string::npos)
                return url->error("expected a URL that begins with http:// (RFC 5280 section 4.2.1.13)");
        }
        return {};
    }

    Status read_destruction(const Node& node) {
        SIGNET_TRY(node.only({"label", "version", "reason"}));
        Destruction out;
        SIGNET_ASSIGN(const auto label, node.required("label"));
        SIGNET_ASSIGN(out.key.label, read_label(label));
        if (plan_.key(out.key.label) != nullptr)
            return label.error("the ceremony makes '" + out.key.label + "' and cannot destroy it as well");
        SIGNET_ASSIGN(const auto version, node.required("version"));
        SIGNET_ASSIGN(const auto number, version.integer(1, 1'000'000));
        out.key.version = static_cast<std::uint32_t>(number);
        SIGNET_ASSIGN(const auto reason, node.required("reason"));
        SIGNET_ASSIGN(out.reason, read_name(reason));
        if (std::ranges::find(plan_.destroy, out.key, &Destruction::key) != plan_.destroy.end())
            return label.error(to_string(out.key) + " stands twice");
        plan_.destroy.push_back(std::move(out));
        return {};
    }

    Status check_whole() const {
        if (plan_.keys.empty() && plan_.certificates.empty() && plan_.destroy.empty())
            return root_.error("the ceremony does nothing: expected keys, certificates or destroy");
        if (plan_.custody && !plan_.initialise)
            return root_.error(
                "custody goes with token.initialise; a token in use is re-shared with `signetctl custody "
                "reshare`");
        const bool has_audit =
            std::ranges::any_of(plan_.keys,
                                [](const auto& key) { return key.usages.has(KeyUsage::audit); }) ||
            std::ranges::any_of(plan_.existing,
                                [](const auto& key) { return key.usages.has(KeyUsage::audit); });
        if (plan_.initialise && !has_audit)
            return root_.error("a new token needs a key with the usage audit: it signs the transcript");
        if (plan_.initialise && (!plan_.existing.empty() || !plan_.destroy.empty()))
            return root_.error(
                "a token that the ceremony initialises is empty: existing_keys and destroy mean nothing");
        const bool backed_up = std::ranges::any_of(plan_.keys, &PlannedKey::backup);
        if (backed_up && !plan_.backup)
            return root_.error(
                "keys with backup: true need the section backup, which says who keeps the backup key");
        return {};
    }

    Node root_;
    Plan& plan_;
    std::set<std::string> labels_;
    std::set<std::string> outputs_;
};

}  // namespace

Result<Plan> parse_plan(std::string text, const fs::path& file) {
    Plan plan;
    std::error_code error;
    plan.file = fs::absolute(file, error).lexically_normal();
    if (error)
        return fail(ErrorCode::internal, "cannot tell where " + file.string() + " is", error.message());
    plan.sha256 = signet::sha256(as_bytes(text));
    SIGNET_ASSIGN(auto root, Node::parse(text, file.filename().string()));
    plan.text = std::move(text);
    SIGNET_TRY(Reader(std::move(root), plan).read());
    return plan;
}

}  // namespace signet::ctl::ceremony
