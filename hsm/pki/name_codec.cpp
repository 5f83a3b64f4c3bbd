#include "hsm/pki/name_codec.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "base/encoding.h"
#include "hsm/provider/openssl_error.h"

namespace signet::pki {
namespace {

Result<std::string> attribute_value(const ASN1_STRING* string) {
    unsigned char* utf8 = nullptr;
    const int size = ASN1_STRING_to_UTF8(&utf8, string);
    if (size < 0)
        return provider::fail_openssl(ErrorCode::unprocessable, "an attribute of the name is not a text");
    std::string value(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size));
    OPENSSL_free(utf8);
    const bool control =
        std::ranges::any_of(value, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
    if (value.empty() || value.size() > kMaxAttributeSize || control || !is_utf8(value))
        return fail(ErrorCode::unprocessable,
                    "an attribute of the name is empty, over 256 bytes or has control characters");
    return value;
}

std::string attribute_type(const ASN1_OBJECT* object) {
    const int nid = OBJ_obj2nid(object);
    return nid != NID_undef ? OBJ_nid2sn(nid) : oid_text(object);
}

Result<std::string> address_text(const ASN1_OCTET_STRING* address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const int size = ASN1_STRING_length(address);
    const int family = size == 4 ? AF_INET : AF_INET6;
    if ((size != 4 && size != 16) ||
        inet_ntop(family, ASN1_STRING_get0_data(address), text.data(), text.size()) == nullptr)
        return fail(ErrorCode::invalid_argument, "an IP address among the alternative names is malformed");
    return std::string(text.data());
}

GENERAL_NAME* make_string_name(int type, const std::string& value) {
    ASN1_IA5STRING* string = ASN1_IA5STRING_new();
    ASN1_STRING_set(string, value.data(), static_cast<int>(value.size()));
    GENERAL_NAME* name = GENERAL_NAME_new();
    GENERAL_NAME_set0_value(name, type, string);
    return name;
}

GENERAL_NAME* make_address_name(const std::string& value) {
    std::array<unsigned char, 16> bytes{};
    const int size = inet_pton(AF_INET, value.c_str(), bytes.data()) == 1 ? 4 : 16;
    if (size == 16) inet_pton(AF_INET6, value.c_str(), bytes.data());
    ASN1_OCTET_STRING* string = ASN1_OCTET_STRING_new();
    ASN1_STRING_set(string, bytes.data(), size);
    GENERAL_NAME* name = GENERAL_NAME_new();
    GENERAL_NAME_set0_value(name, GEN_IPADD, string);
    return name;
}

}  // namespace

std::string oid_text(const ASN1_OBJECT* object) {
    std::array<char, 128> text{};
    const int size = OBJ_obj2txt(text.data(), static_cast<int>(text.size()), object, 1);
    // A longer OID is cut off, and so matches nothing.
    return std::string(text.data(),
                       static_cast<std::size_t>(std::clamp(size, 0, static_cast<int>(text.size()) - 1)));
}

Result<Name> read_name(const X509_NAME* name) {
    Name out;
    const int count = X509_NAME_entry_count(name);
    if (count > static_cast<int>(kMaxNameAttributes))
        return fail(ErrorCode::unprocessable, "the name has more than 32 attributes");
    int previous_set = -1;
    for (int i = 0; i < count; ++i) {
        const auto* entry = X509_NAME_get_entry(name, i);
        if (X509_NAME_ENTRY_set(entry) == previous_set)
            return fail(ErrorCode::unprocessable, "the name has a relative name of several attributes");
        previous_set = X509_NAME_ENTRY_set(entry);
        SIGNET_ASSIGN(auto value, attribute_value(X509_NAME_ENTRY_get_data(entry)));
        out.push_back({attribute_type(X509_NAME_ENTRY_get_object(entry)), std::move(value)});
    }
    return out;
}

Bytes name_der(const X509_NAME* name) {
    const unsigned char* der = nullptr;
    std::size_t size = 0;
    // Caches the encoding in the name, so that it takes a non-const one.
    X509_NAME_get0_der(const_cast<X509_NAME*>(name), &der, &size);
    return {der, der + size};
}

Result<provider::NamePtr> make_name(const Name& name) {
    if (name.size() > kMaxNameAttributes)
        return fail(ErrorCode::too_large, "the name has more than 32 attributes");
    provider::NamePtr out(X509_NAME_new());
    for (const auto& attribute : name) {
        if (attribute.value.empty() || attribute.value.size() > kMaxAttributeSize)
            return fail(ErrorCode::invalid_argument,
                        "the value of " + attribute.type + " is empty or over 256 bytes");
        if (X509_NAME_add_entry_by_txt(out.get(), attribute.type.c_str(), MBSTRING_UTF8,
                                       reinterpret_cast<const unsigned char*>(attribute.value.data()),
                                       static_cast<int>(attribute.value.size()), -1, 0) != 1)
            return provider::fail_openssl(
                ErrorCode::invalid_argument,
                "the value of " + attribute.type + " is not one RFC 5280 allows there");
    }
    return out;
}

Result<GeneralNames> read_general_names(const GENERAL_NAMES* names) {
    GeneralNames out;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
        int type = 0;
        const void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);
        const auto* string = static_cast<const ASN1_STRING*>(value);
        GeneralName name;
        if (type == GEN_IPADD) {
            SIGNET_ASSIGN(auto address, address_text(string));
            name = {GeneralNameKind::ip, std::move(address)};
        } else if (type == GEN_DNS || type == GEN_URI || type == GEN_EMAIL) {
            name.kind = type == GEN_DNS   ? GeneralNameKind::dns
                        : type == GEN_URI ? GeneralNameKind::uri
                                          : GeneralNameKind::email;
            name.value.assign(reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
                              static_cast<std::size_t>(ASN1_STRING_length(string)));
        } else {
            out.others = true;
            continue;
        }
        SIGNET_TRY(check_general_name(name));
        out.names.push_back(std::move(name));
    }
    return out;
}

GENERAL_NAME* make_uri_name(const std::string& uri) {
    return make_string_name(GEN_URI, uri);
}

Result<GeneralNamesPtr> make_general_names(const std::vector<GeneralName>& names) {
    GeneralNamesPtr out(GENERAL_NAMES_new());
    for (const auto& name : names) {
        SIGNET_TRY(check_general_name(name));
        GENERAL_NAME* made = nullptr;
        switch (name.kind) {
            case GeneralNameKind::dns:
                made = make_string_name(GEN_DNS, name.value);
                break;
            case GeneralNameKind::uri:
                made = make_string_name(GEN_URI, name.value);
                break;
            case GeneralNameKind::email:
                made = make_string_name(GEN_EMAIL, name.value);
                break;
            case GeneralNameKind::ip:
                made = make_address_name(name.value);
                break;
        }
        sk_GENERAL_NAME_push(out.get(), made);
    }
    return out;
}

}  // namespace signet::pki
