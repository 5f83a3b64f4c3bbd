// Distinguished names and general names as text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

struct X509_name_st;

namespace signet::pki {

// One attribute of a distinguished name, in the order of the DER.
struct NameAttribute {
    std::string type;   // short name (CN, O, OU, C, L, ST, serialNumber, emailAddress, …), a dotted OID where
                        // there is none
    std::string value;  // UTF-8
    bool operator==(const NameAttribute&) const = default;
};
using Name = std::vector<NameAttribute>;

inline constexpr std::size_t kMaxNameAttributes = 32;
inline constexpr std::size_t kMaxAttributeSize =
    256;  // bytes of UTF-8; RFC 5280's upper bounds apply where they are lower

// "CN=Test User,O=Airome,C=SG": RFC 4514, most specific first, escaped.
std::string to_rfc4514(const Name& name);
// Reads RFC 4514 text with the short names OpenSSL knows and dotted OIDs; "#hex" values and multi-valued RDNs
// are refused.
Result<Name> from_rfc4514(std::string_view text);

enum class GeneralNameKind { dns, uri, email, ip };
struct GeneralName {
    GeneralNameKind kind = GeneralNameKind::dns;
    std::string value;  // ASCII; an IP address in its usual text form
    bool operator==(const GeneralName&) const = default;
};
std::string to_string(const GeneralName& name);  // "dns:example.org", "uri:…", "email:…", "ip:192.0.2.1"
Result<GeneralName> general_name_from(std::string_view text);
// Well-formed per RFC 5280 section 4.2.1.6 (DNS names may begin with "*.", as a whole label).
Status check_general_name(const GeneralName& name);

}  // namespace signet::pki
