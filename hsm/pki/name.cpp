#include "hsm/pki/name.h"

#include <arpa/inet.h>
#include <openssl/objects.h>

#include <algorithm>
#include <array>
#include <ranges>

#include "base/encoding.h"
#include "hsm/pki/der.h"

namespace signet::pki {
namespace {

constexpr std::uint8_t kUtf8String = 0x0c;
constexpr std::uint8_t kPrintableString = 0x13;
constexpr std::uint8_t kIa5String = 0x16;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::unexpected<Error> malformed(std::string message) {
    return fail(ErrorCode::invalid_argument, std::move(message));
}

// RFC 4514 section 2.4.
std::string escape(std::string_view value) {
    std::string out;
    for (std::size_t i = 0; i < value.size(); ++i) {
        const char c = value[i];
        const bool edge_space = c == ' ' && (i == 0 || i + 1 == value.size());
        const bool leading_hash = c == '#' && i == 0;
        if (edge_space || leading_hash || std::string_view("\"+,;<>\\").contains(c)) {
            out += '\\';
            out += c;
        } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
            out += '\\';
            out += to_hex(as_bytes(std::string_view(&c, 1)));
        } else {
            out += c;
        }
    }
    return out;
}

// Splits at unescaped commas.
std::vector<std::string_view> split_rdns(std::string_view text) {
    std::vector<std::string_view> parts;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\') {
            ++i;
        } else if (text[i] == ',') {
            parts.push_back(text.substr(begin, i - begin));
            begin = i + 1;
        }
    }
    parts.push_back(text.substr(begin));
    return parts;
}

Result<std::string> unescape(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (std::string_view("\"+,;<>").contains(text[i]))
            return malformed("a character of the name must be escaped with '\\'");
        if (text[i] != '\\') {
            out += text[i];
            continue;
        }
        if (++i == text.size()) return malformed("the name ends with a bare '\\'");
        if (std::string_view(" \"#+,;<=>\\").contains(text[i])) {
            out += text[i];
            continue;
        }
        const auto byte = i + 1 < text.size() ? from_hex(text.substr(i, 2)) : Result<Bytes>(Bytes{});
        if (!byte || byte->empty()) return malformed("there is a wrong escape in the name");
        out += static_cast<char>((*byte)[0]);
        ++i;
    }
    return out;
}

// "#0c0141": the value of a dotted attribute type is the hex of its BER (RFC 4514 section 2.4).
Result<std::string> from_hex_value(std::string_view text) {
    const auto der = from_hex(text.substr(1));
    const auto element = der ? read_der(*der) : fail(ErrorCode::invalid_argument, "");
    if (!element || element->size != der->size() ||
        (element->tag != kUtf8String && element->tag != kPrintableString && element->tag != kIa5String))
        return malformed("a '#' value of the name is not the hex of a string in DER");
    return std::string(as_text(element->content));
}

Result<NameAttribute> parse_rdn(std::string_view text) {
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) return malformed("a part of the name has no '='");
    auto type = text.substr(0, equals);
    while (type.starts_with(' '))
        type.remove_prefix(1);
    while (type.ends_with(' '))
        type.remove_suffix(1);
    auto value = text.substr(equals + 1);
    while (value.starts_with(' '))
        value.remove_prefix(1);
    // A space after a backslash belongs to the value.
    while (value.ends_with(' ') && !value.ends_with("\\ "))
        value.remove_suffix(1);
    const std::string name(type);
    const bool dotted = !name.empty() && is_digit(name[0]);
    ASN1_OBJECT* object = OBJ_txt2obj(name.c_str(), dotted ? 1 : 0);
    if (object == nullptr)
        return malformed("the attribute '" + name + "' of the name is unknown; use a dotted OID");
    const int nid = OBJ_obj2nid(object);
    ASN1_OBJECT_free(object);
    NameAttribute attribute{nid != NID_undef ? OBJ_nid2sn(nid) : name, {}};
    SIGNET_ASSIGN(attribute.value, value.starts_with('#') ? from_hex_value(value) : unescape(value));
    if (attribute.value.empty() || attribute.value.size() > kMaxAttributeSize || !is_utf8(attribute.value))
        return malformed("the value of '" + name + "' in the name is empty, over 256 bytes or not UTF-8");
    return attribute;
}

bool is_label(std::string_view label) {
    return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
           std::ranges::all_of(label, [](char c) { return is_letter(c) || is_digit(c) || c == '-'; });
}

// A host name of letters, digits and hyphens (RFC 1034 section 3.5 with RFC 1123's relaxation). What ends in a number would
// be taken for an IPv4 address.
bool is_host_name(std::string_view name) {
    if (name.empty() || name.size() > 253) return false;
    std::string_view last;
    for (const auto part : std::views::split(name, '.')) {
        last = std::string_view(part.begin(), part.end());
        if (!is_label(last)) return false;
    }
    return !std::ranges::all_of(last, is_digit);
}

bool is_address(std::string_view text) {
    std::array<unsigned char, 16> out{};
    const std::string copy(text);
    return inet_pton(AF_INET, copy.c_str(), out.data()) == 1 ||
           inet_pton(AF_INET6, copy.c_str(), out.data()) == 1;
}

bool is_email(std::string_view text) {
    const auto at = text.rfind('@');
    if (at == std::string_view::npos || at == 0 || at > 64 || text.size() > 254) return false;
    // RFC 5321's dot-string; quoted local parts have no use here.
    const auto local = text.substr(0, at);
    const auto good = [](char c) {
        return is_letter(c) || is_digit(c) || std::string_view("!#$%&'*+-/=?^_`{|}~.").contains(c);
    };
    return std::ranges::all_of(local, good) && !local.starts_with('.') && !local.ends_with('.') &&
           !local.contains("..") && is_host_name(text.substr(at + 1));
}

bool is_uri(std::string_view text) {
    const auto colon = text.find(':');
    if (text.size() > 1024 || colon == std::string_view::npos || colon == 0 || colon + 1 == text.size() ||
        !is_letter(text[0]))
        return false;
    const auto scheme = text.substr(0, colon);
    return std::ranges::all_of(
               scheme,
               [](char c) { return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.'; }) &&
           std::ranges::all_of(text, [](char c) {
               return c > 0x20 && c < 0x7f && !std::string_view("\"<>\\^`{|}").contains(c);
           });
}

struct KindName {
    GeneralNameKind kind;
    std::string_view name;
};
constexpr std::array kKinds{KindName{GeneralNameKind::dns, "dns"}, KindName{GeneralNameKind::uri, "uri"},
                            KindName{GeneralNameKind::email, "email"}, KindName{GeneralNameKind::ip, "ip"}};

}  // namespace

std::string to_rfc4514(const Name& name) {
    std::string out;
    for (const auto& attribute : std::views::reverse(name)) {
        if (!out.empty()) out += ',';
        out += attribute.type + "=";
        const bool dotted = !attribute.type.empty() && is_digit(attribute.type[0]);
        out += dotted ? "#" + to_hex(der_element(kUtf8String, as_bytes(attribute.value)))
                      : escape(attribute.value);
    }
    return out;
}

Result<Name> from_rfc4514(std::string_view text) {
    Name name;
    if (text.empty()) return name;
    if (text.size() > 8192) return fail(ErrorCode::too_large, "the name is over 8192 bytes");
    for (const auto rdn : std::views::reverse(split_rdns(text))) {
        SIGNET_ASSIGN(auto attribute, parse_rdn(rdn));
        name.push_back(std::move(attribute));
    }
    if (name.size() > kMaxNameAttributes)
        return fail(ErrorCode::too_large, "the name has more than 32 attributes");
    return name;
}

std::string to_string(const GeneralName& name) {
    for (const auto& known : kKinds) {
        if (known.kind == name.kind) return std::string(known.name) + ":" + name.value;
    }
    return name.value;
}

Result<GeneralName> general_name_from(std::string_view text) {
    const auto colon = text.find(':');
    for (const auto& known : kKinds) {
        if (text.substr(0, colon) != known.name || colon == std::string_view::npos) continue;
        GeneralName name{known.kind, std::string(text.substr(colon + 1))};
        SIGNET_TRY(check_general_name(name));
        return name;
    }
    return malformed("an alternative name begins with dns:, uri:, email: or ip:");
}

Status check_general_name(const GeneralName& name) {
    bool good = false;
    switch (name.kind) {
        case GeneralNameKind::dns: {
            const std::string_view text = name.value;
            good = is_host_name(text.starts_with("*.") ? text.substr(2) : text);
            break;
        }
        case GeneralNameKind::uri:
            good = is_uri(name.value);
            break;
        case GeneralNameKind::email:
            good = is_email(name.value);
            break;
        case GeneralNameKind::ip:
            good = is_address(name.value);
            break;
    }
    if (good) return {};
    return malformed("an alternative name is not a well-formed one of its kind");
}

}  // namespace signet::pki
