#include "daemon/ctl/ceremony/plan.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/file.h"
#include "base/pgp_words.h"

namespace signet::ctl::ceremony {
namespace {

constexpr std::size_t kLargestFile = std::size_t{256} << 10;

template <class List, class Member>
auto* find_in(const List& list, std::string_view name, Member member) {
    const auto found = std::ranges::find(list, name, member);
    return found == list.end() ? nullptr : &*found;
}

}  // namespace

std::string_view to_string(Role role) {
    switch (role) {
        case Role::officer:
            return "officer";
        case Role::custodian:
            return "custodian";
        case Role::operator_:
            return "operator";
        case Role::witness:
            return "witness";
    }
    return "unknown";
}

std::string_view to_string(CertificateKind kind) {
    switch (kind) {
        case CertificateKind::self_signed:
            return "self-signed";
        case CertificateKind::for_key:
            return "key";
        case CertificateKind::csr:
            return "csr";
        case CertificateKind::cross_sign:
            return "cross-sign";
    }
    return "unknown";
}

const PlannedKey* Plan::key(std::string_view label) const {
    return find_in(keys, label, &PlannedKey::label);
}

const ExistingKey* Plan::existing_key(std::string_view label) const {
    return find_in(existing, label, &ExistingKey::label);
}

const PlannedCertificate* Plan::certificate(std::string_view name) const {
    return find_in(certificates, name, &PlannedCertificate::name);
}

std::vector<const Participant*> Plan::having(Role role) const {
    std::vector<const Participant*> out;
    for (const auto& participant : participants) {
        if (participant.role == role) out.push_back(&participant);
    }
    return out;
}

std::filesystem::path Plan::path(const std::filesystem::path& relative) const {
    return (file.parent_path() / relative).lexically_normal();
}

std::string Plan::hash_hex() const {
    const auto hex = to_hex(sha256);
    std::string out;
    for (std::size_t i = 0; i < hex.size(); i += 8)
        out += (i == 0 ? "" : " ") + hex.substr(i, 8);
    return out;
}

std::string Plan::hash_words() const {
    return to_pgp_words(sha256, 4);
}

Result<Plan> read_plan(const std::filesystem::path& file) {
    SIGNET_ASSIGN(auto text, read_file(file, kLargestFile));
    return parse_plan(std::move(text), file);
}

}  // namespace signet::ctl::ceremony
