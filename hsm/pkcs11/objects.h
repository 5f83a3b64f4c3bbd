// Templates and attributes of PKCS#11 objects (v2.40 section 4).
#pragma once

#include <p11-kit/pkcs11.h>

#include <initializer_list>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace signet::pkcs11 {

// A list of attributes that owns its values. Sizes and encodings are the standard's: CK_BBOOL, CK_ULONG, raw
// bytes.
class Template {
  public:
    Template& flag(CK_ATTRIBUTE_TYPE type, bool value);
    Template& number(CK_ATTRIBUTE_TYPE type, CK_ULONG value);
    Template& bytes(CK_ATTRIBUTE_TYPE type, ByteView value);
    Template& text(CK_ATTRIBUTE_TYPE type, std::string_view value) { return bytes(type, as_bytes(value)); }
    // Without a copy, for what must not lie in memory twice: `value` must outlive the template.
    Template& secret(CK_ATTRIBUTE_TYPE type, ByteView value);
    Template& mechanisms(CK_ATTRIBUTE_TYPE type, const std::vector<CK_MECHANISM_TYPE>& values);
    Template& nested(CK_ATTRIBUTE_TYPE type, Template value);
    void remove(CK_ATTRIBUTE_TYPE type);

    // Pointers into this template; valid until it changes.
    std::vector<CK_ATTRIBUTE>& attributes();

  private:
    struct Entry {
        CK_ATTRIBUTE_TYPE type;
        Bytes value;
        std::unique_ptr<Template> inner;
        ByteView borrowed{};
    };
    std::vector<Entry> entries_;
    std::vector<CK_ATTRIBUTE> attributes_;
};

// Attributes as read from an object; one that the token lacks or keeps to itself is absent.
class Attributes {
  public:
    void put(CK_ATTRIBUTE_TYPE type, Bytes value) { entries_.emplace_back(type, std::move(value)); }
    bool has(CK_ATTRIBUTE_TYPE type) const { return find(type) != nullptr; }
    // Empty when absent.
    ByteView bytes(CK_ATTRIBUTE_TYPE type) const;
    std::string_view text(CK_ATTRIBUTE_TYPE type) const { return as_text(bytes(type)); }
    bool flag(CK_ATTRIBUTE_TYPE type) const;                       // false when absent
    std::optional<CK_ULONG> number(CK_ATTRIBUTE_TYPE type) const;  // nullopt also for a value of another size

  private:
    const Bytes* find(CK_ATTRIBUTE_TYPE type) const;
    std::vector<std::pair<CK_ATTRIBUTE_TYPE, Bytes>> entries_;
};

}  // namespace signet::pkcs11
