// Names between their text forms and OpenSSL's objects; internal to hsm/pki. Includes OpenSSL's headers.
#pragma once

#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "hsm/pki/name.h"
#include "hsm/provider/openssl_ptr.h"

namespace signet::pki {

struct GeneralNamesDeleter {
    void operator()(GENERAL_NAMES* names) const noexcept { GENERAL_NAMES_free(names); }
};
using GeneralNamesPtr = std::unique_ptr<GENERAL_NAMES, GeneralNamesDeleter>;

// unprocessable for more than kMaxNameAttributes, values over kMaxAttributeSize or with control characters, and
// relative names of several attributes.
Result<Name> read_name(const X509_NAME* name);
Bytes name_der(const X509_NAME* name);
// invalid_argument for unknown attributes and values over RFC 5280's upper bounds.
Result<provider::NamePtr> make_name(const Name& name);

struct GeneralNames {
    std::vector<GeneralName> names;
    bool others = false;  // there were names of kinds we have no text for
};
// invalid_argument for names that check_general_name refuses.
Result<GeneralNames> read_general_names(const GENERAL_NAMES* names);
Result<GeneralNamesPtr> make_general_names(const std::vector<GeneralName>& names);
// One GeneralName URI.
GENERAL_NAME* make_uri_name(const std::string& uri);

std::string oid_text(const ASN1_OBJECT* object);  // dotted

}  // namespace signet::pki
