#include "hsm/pki/extensions.h"

#include <openssl/bn.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <utility>

#include "base/encoding.h"
#include "hsm/pki/name_codec.h"
#include "hsm/provider/openssl_error.h"

namespace signet::pki {
namespace {

using provider::fail_openssl;

constexpr int kMaxExtensions = 64;

template <class T, void (*Free)(T*)>
struct Freer {
    void operator()(T* object) const noexcept { Free(object); }
};
template <class T, void (*Free)(T*)>
using Owned = std::unique_ptr<T, Freer<T, Free>>;
using BasicConstraintsPtr = Owned<BASIC_CONSTRAINTS, BASIC_CONSTRAINTS_free>;
using BitStringPtr = Owned<ASN1_BIT_STRING, ASN1_BIT_STRING_free>;
using OctetStringPtr = Owned<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free>;
using AuthorityKeyPtr = Owned<AUTHORITY_KEYID, AUTHORITY_KEYID_free>;
using ExtendedUsagePtr = Owned<EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free>;
using DistributionPointsPtr = Owned<CRL_DIST_POINTS, CRL_DIST_POINTS_free>;
using AuthorityAccessPtr = Owned<AUTHORITY_INFO_ACCESS, AUTHORITY_INFO_ACCESS_free>;
using PoliciesPtr = Owned<CERTIFICATEPOLICIES, CERTIFICATEPOLICIES_free>;

std::unexpected<Error> malformed(const std::string& oid) {
    return fail_openssl(ErrorCode::unprocessable, "the extension " + oid + " is malformed");
}

Bytes bytes_of(const ASN1_STRING* string) {
    const auto* data = ASN1_STRING_get0_data(string);
    return {data, data + ASN1_STRING_length(string)};
}

CertificateUsages read_usages(const ASN1_BIT_STRING* bits) {
    CertificateUsages usages = 0;
    for (int i = 0; i < 9; ++i) {
        if (ASN1_BIT_STRING_get_bit(bits, i) == 1) usages = static_cast<CertificateUsages>(usages | 1U << i);
    }
    return usages;
}

// Reads one extension whose kind we know; false when it does not parse.
bool read_known(int nid, X509_EXTENSION* extension, ReadExtensions& out) {
    void* value = X509V3_EXT_d2i(extension);
    if (value == nullptr) return false;
    switch (nid) {
        case NID_subject_alt_name: {
            const GeneralNamesPtr names(static_cast<GENERAL_NAMES*>(value));
            auto read = read_general_names(names.get());
            if (!read || (read->names.empty() && !read->others)) return false;
            out.alternative_names = std::move(read->names);
            out.other_alternative_names = read->others;
            return true;
        }
        case NID_key_usage: {
            const BitStringPtr bits(static_cast<ASN1_BIT_STRING*>(value));
            out.key_usage = read_usages(bits.get());
            return true;
        }
        case NID_ext_key_usage: {
            const ExtendedUsagePtr usages(static_cast<EXTENDED_KEY_USAGE*>(value));
            for (int i = 0; i < sk_ASN1_OBJECT_num(usages.get()); ++i)
                out.extended_key_usage.push_back(oid_text(sk_ASN1_OBJECT_value(usages.get(), i)));
            return !out.extended_key_usage.empty() && out.extended_key_usage.size() <= 32;
        }
        case NID_basic_constraints: {
            const BasicConstraintsPtr constraints(static_cast<BASIC_CONSTRAINTS*>(value));
            out.certificate_authority = constraints->ca != 0;
            if (constraints->pathlen == nullptr) return true;
            const long length = ASN1_INTEGER_get(constraints->pathlen);
            out.path_length = static_cast<int>(length);
            return out.certificate_authority && length >= 0 && length <= 255;
        }
        case NID_subject_key_identifier: {
            const OctetStringPtr identifier(static_cast<ASN1_OCTET_STRING*>(value));
            out.subject_key_identifier = bytes_of(identifier.get());
            return !out.subject_key_identifier.empty() && out.subject_key_identifier.size() <= 64;
        }
        case NID_authority_key_identifier: {
            const AuthorityKeyPtr identifier(static_cast<AUTHORITY_KEYID*>(value));
            if (identifier->keyid != nullptr) out.authority_key_identifier = bytes_of(identifier->keyid);
            return true;
        }
        default:
            return false;
    }
}

bool is_known(int nid) {
    switch (nid) {
        case NID_subject_alt_name:
        case NID_key_usage:
        case NID_ext_key_usage:
        case NID_basic_constraints:
        case NID_subject_key_identifier:
        case NID_authority_key_identifier:
            return true;
        default:
            return false;
    }
}

OctetStringPtr octet_string(ByteView bytes) {
    OctetStringPtr out(ASN1_OCTET_STRING_new());
    ASN1_OCTET_STRING_set(out.get(), bytes.data(), static_cast<int>(bytes.size()));
    return out;
}

AuthorityKeyPtr authority_key(ByteView issuer_key) {
    AuthorityKeyPtr out(AUTHORITY_KEYID_new());
    out->keyid = octet_string(issuer_key).release();
    return out;
}

Status add(X509* certificate, int nid, void* value, bool critical) {
    if (X509_add1_ext_i2d(certificate, nid, value, critical ? 1 : 0, X509V3_ADD_APPEND) == 1) return {};
    return fail_openssl(ErrorCode::internal, std::string("cannot encode the extension ") + OBJ_nid2sn(nid));
}

Status add_basic_constraints(X509* certificate, const CertificateProfile& profile) {
    const BasicConstraintsPtr constraints(BASIC_CONSTRAINTS_new());
    constraints->ca = profile.certificate_authority ? 0xff : 0;
    if (profile.path_length) {
        constraints->pathlen = ASN1_INTEGER_new();
        ASN1_INTEGER_set(constraints->pathlen, *profile.path_length);
    }
    return add(certificate, NID_basic_constraints, constraints.get(), true);
}

Status add_key_usage(X509* certificate, CertificateUsages usages) {
    const BitStringPtr bits(ASN1_BIT_STRING_new());
    for (int i = 0; i < 9; ++i) {
        if ((usages & 1U << i) != 0) ASN1_BIT_STRING_set_bit(bits.get(), i, 1);
    }
    return add(certificate, NID_key_usage, bits.get(), true);
}

Status add_extended_key_usage(X509* certificate, const std::vector<std::string>& purposes) {
    if (purposes.empty()) return {};
    const ExtendedUsagePtr usages(EXTENDED_KEY_USAGE_new());
    for (const auto& purpose : purposes) {
        SIGNET_ASSIGN(const auto oid, extended_key_usage_from(purpose));
        sk_ASN1_OBJECT_push(usages.get(), OBJ_txt2obj(oid.c_str(), 1));
    }
    return add(certificate, NID_ext_key_usage, usages.get(), false);
}

Status add_distribution_points(X509* certificate, const std::vector<std::string>& uris) {
    if (uris.empty()) return {};
    const DistributionPointsPtr points(CRL_DIST_POINTS_new());
    for (const auto& uri : uris) {
        DIST_POINT* point = DIST_POINT_new();
        point->distpoint = DIST_POINT_NAME_new();
        point->distpoint->type = 0;  // fullName
        point->distpoint->name.fullname = GENERAL_NAMES_new();
        sk_GENERAL_NAME_push(point->distpoint->name.fullname, make_uri_name(uri));
        sk_DIST_POINT_push(points.get(), point);
    }
    return add(certificate, NID_crl_distribution_points, points.get(), false);
}

Status add_authority_access(X509* certificate, const CertificateProfile& profile) {
    if (profile.ocsp_urls.empty() && profile.ca_issuers_urls.empty()) return {};
    const AuthorityAccessPtr access(AUTHORITY_INFO_ACCESS_new());
    const auto push = [&](int method, const std::string& uri) {
        ACCESS_DESCRIPTION* description = ACCESS_DESCRIPTION_new();
        description->method = OBJ_nid2obj(method);
        GENERAL_NAME_free(description->location);
        description->location = make_uri_name(uri);
        sk_ACCESS_DESCRIPTION_push(access.get(), description);
    };
    for (const auto& uri : profile.ocsp_urls)
        push(NID_ad_OCSP, uri);
    for (const auto& uri : profile.ca_issuers_urls)
        push(NID_ad_ca_issuers, uri);
    return add(certificate, NID_info_access, access.get(), false);
}

Status add_policies(X509* certificate, const std::vector<std::string>& oids) {
    if (oids.empty()) return {};
    const PoliciesPtr policies(CERTIFICATEPOLICIES_new());
    for (const auto& oid : oids) {
        POLICYINFO* policy = POLICYINFO_new();
        policy->policyid = OBJ_txt2obj(oid.c_str(), 1);
        sk_POLICYINFO_push(policies.get(), policy);
    }
    return add(certificate, NID_certificate_policies, policies.get(), false);
}

Status add_no_check(X509* certificate) {
    static constexpr std::uint8_t kNull[] = {0x05, 0x00};
    const auto value = octet_string(kNull);
    X509_EXTENSION* extension =
        X509_EXTENSION_create_by_NID(nullptr, NID_id_pkix_OCSP_noCheck, 0, value.get());
    const bool added = extension != nullptr && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    if (added) return {};
    return fail_openssl(ErrorCode::internal, "cannot encode the extension noCheck");
}

}  // namespace

Result<ReadExtensions> read_extensions(const STACK_OF(X509_EXTENSION) * extensions) {
    ReadExtensions out;
    const int count = std::max(0, sk_X509_EXTENSION_num(extensions));
    if (count > kMaxExtensions) return fail(ErrorCode::unprocessable, "there are more than 64 extensions");
    std::vector<std::string> seen;
    for (int i = 0; i < count; ++i) {
        auto* extension = sk_X509_EXTENSION_value(extensions, i);
        auto oid = oid_text(X509_EXTENSION_get_object(extension));
        if (std::ranges::find(seen, oid) != seen.end())
            return fail(ErrorCode::unprocessable, "the extension " + oid + " comes twice");
        const int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));
        const bool critical = X509_EXTENSION_get_critical(extension) != 0;
        if (critical) out.critical.push_back(oid);
        if (nid == NID_id_pkix_OCSP_noCheck) out.ocsp_no_check = true;
        if (is_known(nid)) {
            if (!read_known(nid, extension, out)) return malformed(oid);
        } else {
            if (critical && X509_supported_extension(extension) != 1) out.unknown_critical.push_back(oid);
            out.others.push_back(oid);
        }
        seen.push_back(std::move(oid));
    }
    return out;
}

Status add_extensions(X509* certificate, const CertificateProfile& profile,
                      const std::vector<GeneralName>& alternative_names, bool subject_empty,
                      ByteView subject_key, ByteView issuer_key) {
    SIGNET_TRY(add_basic_constraints(certificate, profile));
    SIGNET_TRY(add_key_usage(certificate, profile.key_usage));
    SIGNET_TRY(add_extended_key_usage(certificate, profile.extended_key_usage));
    SIGNET_TRY(add(certificate, NID_subject_key_identifier, octet_string(subject_key).get(), false));
    SIGNET_TRY(add(certificate, NID_authority_key_identifier, authority_key(issuer_key).get(), false));
    if (!alternative_names.empty()) {
        SIGNET_ASSIGN(const auto names, make_general_names(alternative_names));
        // Critical when it is all that names the subject (RFC 5280 section 4.2.1.6).
        SIGNET_TRY(add(certificate, NID_subject_alt_name, names.get(), subject_empty));
    }
    SIGNET_TRY(add_distribution_points(certificate, profile.crl_distribution_points));
    SIGNET_TRY(add_authority_access(certificate, profile));
    SIGNET_TRY(add_policies(certificate, profile.policies));
    if (profile.ocsp_no_check) SIGNET_TRY(add_no_check(certificate));
    return {};
}

Status add_authority_key_identifier(X509_CRL* crl, ByteView issuer_key) {
    const auto identifier = authority_key(issuer_key);
    if (X509_CRL_add1_ext_i2d(crl, NID_authority_key_identifier, identifier.get(), 0, X509V3_ADD_APPEND) == 1)
        return {};
    return fail_openssl(ErrorCode::internal, "cannot encode the authority key identifier");
}

SystemTime from_asn1_time(const ASN1_TIME* time) {
    std::tm parts{};
    if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return {};
    return SystemTime{std::chrono::seconds{timegm(&parts)}};
}

bool set_asn1_time(ASN1_TIME* out, SystemTime time) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
    constexpr std::int64_t kYear9999 =
        253402300799;  // RFC 5280 section 4.1.2.5: "no well-defined expiration date"
    return seconds >= 0 && seconds <= kYear9999 &&
           ASN1_TIME_set(out, static_cast<std::time_t>(seconds)) != nullptr;
}

std::optional<std::string> serial_text(const ASN1_INTEGER* serial) {
    const int size = ASN1_STRING_length(serial);
    if ((ASN1_STRING_type(serial) & V_ASN1_NEG) != 0 || size == 0 || size > 20) return std::nullopt;
    ByteView bytes(ASN1_STRING_get0_data(serial), static_cast<std::size_t>(size));
    while (bytes.size() > 1 && bytes.front() == 0)
        bytes = bytes.subspan(1);
    return to_hex(bytes);
}

}  // namespace signet::pki
