#include "hsm/pkcs11/objects.h"

#include <algorithm>
#include <cstring>

namespace signet::pkcs11 {
namespace {

template <class Value>
Bytes raw(const Value& value) {
    Bytes bytes(sizeof value);
    std::memcpy(bytes.data(), &value, sizeof value);
    return bytes;
}

}  // namespace

Template& Template::flag(CK_ATTRIBUTE_TYPE type, bool value) {
    entries_.push_back({type, raw(static_cast<CK_BBOOL>(value ? CK_TRUE : CK_FALSE)), nullptr});
    return *this;
}

Template& Template::number(CK_ATTRIBUTE_TYPE type, CK_ULONG value) {
    entries_.push_back({type, raw(value), nullptr});
    return *this;
}

Template& Template::bytes(CK_ATTRIBUTE_TYPE type, ByteView value) {
    entries_.push_back({type, to_bytes(value), nullptr});
    return *this;
}

Template& Template::secret(CK_ATTRIBUTE_TYPE type, ByteView value) {
    entries_.push_back({type, {}, nullptr, value});
    return *this;
}

Template& Template::mechanisms(CK_ATTRIBUTE_TYPE type, const std::vector<CK_MECHANISM_TYPE>& values) {
    return bytes(type,
                 {reinterpret_cast<const std::uint8_t*>(values.data()), values.size() * sizeof values[0]});
}

Template& Template::nested(CK_ATTRIBUTE_TYPE type, Template value) {
    entries_.push_back({type, {}, std::make_unique<Template>(std::move(value))});
    return *this;
}

void Template::remove(CK_ATTRIBUTE_TYPE type) {
    std::erase_if(entries_, [type](const Entry& entry) { return entry.type == type; });
}

std::vector<CK_ATTRIBUTE>& Template::attributes() {
    attributes_.clear();
    for (auto& entry : entries_) {
        CK_ATTRIBUTE attribute{entry.type, entry.value.data(), entry.value.size()};
        if (!entry.borrowed.empty()) {
            // The module only reads: PKCS#11's structure lacks the const.
            attribute.pValue = const_cast<std::uint8_t*>(entry.borrowed.data());
            attribute.ulValueLen = entry.borrowed.size();
        }
        if (entry.inner) {
            auto& inner = entry.inner->attributes();
            attribute.pValue = inner.data();
            attribute.ulValueLen = inner.size() * sizeof inner[0];
        }
        attributes_.push_back(attribute);
    }
    return attributes_;
}

const Bytes* Attributes::find(CK_ATTRIBUTE_TYPE type) const {
    for (const auto& [candidate, value] : entries_) {
        if (candidate == type) return &value;
    }
    return nullptr;
}

ByteView Attributes::bytes(CK_ATTRIBUTE_TYPE type) const {
    const auto* value = find(type);
    return value == nullptr ? ByteView{} : ByteView(*value);
}

bool Attributes::flag(CK_ATTRIBUTE_TYPE type) const {
    const auto value = bytes(type);
    return value.size() == sizeof(CK_BBOOL) && value[0] != CK_FALSE;
}

std::optional<CK_ULONG> Attributes::number(CK_ATTRIBUTE_TYPE type) const {
    const auto value = bytes(type);
    CK_ULONG number = 0;
    if (value.size() != sizeof number) return std::nullopt;
    std::memcpy(&number, value.data(), sizeof number);
    return number;
}

}  // namespace signet::pkcs11
