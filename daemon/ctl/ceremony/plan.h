// A ceremony, as its one reviewed YAML file says; docs/ceremonies.md describes the file.
//
// Nothing here differs between a rehearsal and the real thing: PIN, module and places are in the site file (site.h).
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "hsm/frames/key_types.h"
#include "hsm/pki/name.h"

namespace signet::ctl::ceremony {

enum class Role : std::uint8_t { officer, custodian, operator_, witness };
std::string_view to_string(Role role);  // "officer", "custodian", "operator", "witness"

struct Participant {
    std::string name;
    Role role = Role::witness;
};

struct PlannedKey {
    std::string label;
    KeyAlgorithm algorithm = KeyAlgorithm::ec_p256;
    KeyUsages usages;
    bool extractable = false;  // only under a wrapping key, never in clear
    bool backup = false;       // goes into the backup; needs `extractable`
    std::string public_key;    // output file; empty: none
};

// A key that the token has already and the ceremony uses. A rehearsal makes one in its stead.
struct ExistingKey {
    std::string label;
    KeyAlgorithm algorithm = KeyAlgorithm::ec_p256;
    KeyUsages usages;
    std::filesystem::path certificate;  // its CA certificate, when it issues; empty: none
    std::optional<Sha256> certificate_sha256;
};

enum class CertificateKind : std::uint8_t { self_signed, for_key, csr, cross_sign };
std::string_view to_string(CertificateKind kind);  // "self-signed", "key", "csr", "cross-sign"

struct PlannedCertificate {
    std::string name;
    CertificateKind kind = CertificateKind::self_signed;
    std::string
        issuer;       // a certificate of this ceremony, or the label of an existing key; empty: self-signed
    std::string key;  // self-signed and key: the subject's key
    std::filesystem::path input;  // csr and cross-sign: the request or certificate, relative to the file
    std::optional<Sha256> input_sha256;  // of that file, as it was reviewed
    pki::Name subject;                   // empty for cross-sign; for csr: what the request must say
    std::string profile;                 // root-ca, intermediate-ca, ocsp-responder
    std::chrono::seconds validity{0};
    std::optional<int> path_length;
    std::string crl_url, ocsp_url, issuer_url;
    std::string file;  // output, PEM
};

struct Destruction {
    KeyId key;
    std::string reason;
};

// M-of-N shares for these custodians.
struct Sharing {
    unsigned threshold = 0;
    std::vector<std::string> custodians;
};

struct Plan {
    std::filesystem::path file;  // absolute
    std::string text;            // to the byte
    Sha256 sha256{};
    std::string title;
    std::optional<std::string> date;  // yyyy-mm-dd: the clock must agree
    std::vector<Participant> participants;
    std::string token_label;  // exactly one of label and serial
    std::string token_serial;
    bool initialise = false;         // the ceremony makes the token
    std::optional<Sharing> custody;  // PIN and SO PIN
    std::optional<Sharing> backup;   // the backup key
    std::vector<ExistingKey> existing;
    std::vector<PlannedKey> keys;
    std::vector<PlannedCertificate> certificates;
    std::vector<Destruction> destroy;

    const PlannedKey* key(std::string_view label) const;
    const ExistingKey* existing_key(std::string_view label) const;
    const PlannedCertificate* certificate(std::string_view name) const;
    std::vector<const Participant*> having(Role role) const;
    // A path of the file, which stands relative to it.
    std::filesystem::path path(const std::filesystem::path& relative) const;
    // "9f86d081 84c7d659 …", and the same as words, four to a line.
    std::string hash_hex() const;
    std::string hash_words() const;
};

// Strict: unknown keys, names that stand for nothing, contradictions are refused with file, line and what was expected. Files
// that it names are not opened.
Result<Plan> read_plan(const std::filesystem::path& file);
Result<Plan> parse_plan(std::string text, const std::filesystem::path& file);

}  // namespace signet::ctl::ceremony
