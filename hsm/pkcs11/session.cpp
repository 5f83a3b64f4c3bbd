#include "hsm/pkcs11/session.h"

#include <algorithm>
#include <array>

namespace signet::pkcs11 {
namespace {

constexpr std::size_t kFindBatch = 256;
// The modulus of RSA-4096 fits, so that most reads are one call instead of two.
constexpr std::size_t kFirstRead = 512;

// PKCS#11's signatures lack const; the module only reads. Never null: modules refuse a null pointer also for no bytes.
unsigned char* mutable_data(ByteView view) {
    static unsigned char nothing = 0;
    return view.empty() ? &nothing : const_cast<unsigned char*>(view.data());
}

}  // namespace

CkResult<Session> Session::open(const Module& module, CK_SLOT_ID slot, Access access) {
    // CKF_SERIAL_SESSION must always be set (section 5.6).
    const CK_FLAGS flags = CKF_SERIAL_SESSION | (access == Access::read_write ? CKF_RW_SESSION : 0);
    CK_SESSION_HANDLE handle = CK_INVALID_HANDLE;
    SIGNET_TRY(SIGNET_P11(module, C_OpenSession, slot, flags, nullptr, nullptr, &handle));
    return Session(module, handle);
}

Session& Session::operator=(Session&& other) noexcept {
    if (this != &other) {
        std::swap(module_, other.module_);
        std::swap(handle_, other.handle_);
    }
    return *this;
}

Session::~Session() {
    if (handle_ != CK_INVALID_HANDLE) (void)SIGNET_P11(*module_, C_CloseSession, handle_);
}

CkStatus Session::login(CK_USER_TYPE user, const Secret& pin) {
    return SIGNET_P11(*module_, C_Login, handle_, user, mutable_data(pin.view()), pin.size());
}

CkStatus Session::set_pin(const Secret& old_pin, const Secret& new_pin) {
    return SIGNET_P11(*module_, C_SetPIN, handle_, mutable_data(old_pin.view()), old_pin.size(),
                      mutable_data(new_pin.view()), new_pin.size());
}

CkStatus Session::init_pin(const Secret& pin) {
    return SIGNET_P11(*module_, C_InitPIN, handle_, mutable_data(pin.view()), pin.size());
}

CkResult<std::vector<CK_OBJECT_HANDLE>> Session::find(Template& pattern, std::size_t limit) {
    auto& attributes = pattern.attributes();
    SIGNET_TRY(SIGNET_P11(*module_, C_FindObjectsInit, handle_, attributes.data(), attributes.size()));
    std::vector<CK_OBJECT_HANDLE> found;
    CkStatus status;
    while (found.size() < limit) {
        std::array<CK_OBJECT_HANDLE, kFindBatch> batch{};
        CK_ULONG count = 0;
        status = SIGNET_P11(*module_, C_FindObjects, handle_, batch.data(),
                            std::min(kFindBatch, limit - found.size()), &count);
        if (!status || count == 0) break;
        found.insert(found.end(), batch.begin(), batch.begin() + static_cast<std::ptrdiff_t>(count));
    }
    // Also after a failure: otherwise the session would stay in the search for good.
    auto final = SIGNET_P11(*module_, C_FindObjectsFinal, handle_);
    SIGNET_TRY(status);
    SIGNET_TRY(final);
    return found;
}

// Values that are absent, withheld or longer than their buffer are no failure of the read: their length is then
// CK_UNAVAILABLE_INFORMATION, whichever of these codes the module picks for the whole call (section 5.7).
CkStatus Session::read_into(CK_OBJECT_HANDLE object, std::vector<CK_ATTRIBUTE>& attributes) {
    auto status =
        SIGNET_P11(*module_, C_GetAttributeValue, handle_, object, attributes.data(), attributes.size());
    if (status) return {};
    switch (status.error().rv) {
        case CKR_ATTRIBUTE_TYPE_INVALID:
        case CKR_ATTRIBUTE_SENSITIVE:
        case CKR_BUFFER_TOO_SMALL:
            return {};
        default:
            return status;
    }
}

CkResult<Attributes> Session::read(CK_OBJECT_HANDLE object, std::initializer_list<CK_ATTRIBUTE_TYPE> types) {
    std::vector<Bytes> values(types.size(), Bytes(kFirstRead));
    std::vector<CK_ATTRIBUTE> attributes;
    for (const auto type : types)
        attributes.push_back({type, values[attributes.size()].data(), kFirstRead});
    SIGNET_TRY(read_into(object, attributes));

    // Of those that did not come, the long ones have a length when asked for it alone; and so have numbers of NSS, which
    // wants a buffer of exactly their size.
    std::vector<CK_ATTRIBUTE> rest;
    for (const auto& attribute : attributes) {
        if (attribute.ulValueLen == CK_UNAVAILABLE_INFORMATION) rest.push_back({attribute.type, nullptr, 0});
    }
    if (!rest.empty()) {
        SIGNET_TRY(read_into(object, rest));
        std::erase_if(rest, [](const CK_ATTRIBUTE& attribute) {
            return attribute.ulValueLen == CK_UNAVAILABLE_INFORMATION;
        });
    }
    if (!rest.empty()) {
        std::vector<Bytes> long_values;
        for (auto& attribute : rest) {
            attribute.pValue = long_values.emplace_back(attribute.ulValueLen).data();
        }
        SIGNET_TRY(read_into(object, rest));
        for (std::size_t i = 0; i < attributes.size(); ++i) {
            for (std::size_t k = 0; k < rest.size(); ++k) {
                if (attributes[i].type != rest[k].type) continue;
                attributes[i].ulValueLen = rest[k].ulValueLen;
                values[i] = std::move(long_values[k]);
            }
        }
    }
    Attributes out;
    for (std::size_t i = 0; i < attributes.size(); ++i) {
        if (attributes[i].ulValueLen > values[i].size()) continue;
        values[i].resize(attributes[i].ulValueLen);
        out.put(attributes[i].type, std::move(values[i]));
    }
    return out;
}

CkStatus Session::write(CK_OBJECT_HANDLE object, Template& changes) {
    auto& attributes = changes.attributes();
    return SIGNET_P11(*module_, C_SetAttributeValue, handle_, object, attributes.data(), attributes.size());
}

CkResult<CK_OBJECT_HANDLE> Session::create(Template& object) {
    auto& attributes = object.attributes();
    CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
    SIGNET_TRY(SIGNET_P11(*module_, C_CreateObject, handle_, attributes.data(), attributes.size(), &handle));
    return handle;
}

CkResult<CK_OBJECT_HANDLE> Session::copy(CK_OBJECT_HANDLE object, Template& changes) {
    auto& attributes = changes.attributes();
    CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
    SIGNET_TRY(
        SIGNET_P11(*module_, C_CopyObject, handle_, object, attributes.data(), attributes.size(), &handle));
    return handle;
}

CkStatus Session::destroy(CK_OBJECT_HANDLE object) {
    return SIGNET_P11(*module_, C_DestroyObject, handle_, object);
}

CkResult<KeyPairHandles> Session::generate_pair(Mechanism mechanism, Template& public_key,
                                                Template& private_key) {
    auto raw = mechanism.raw();
    auto& public_attributes = public_key.attributes();
    auto& private_attributes = private_key.attributes();
    KeyPairHandles handles;
    SIGNET_TRY(SIGNET_P11(*module_, C_GenerateKeyPair, handle_, &raw, public_attributes.data(),
                          public_attributes.size(), private_attributes.data(), private_attributes.size(),
                          &handles.public_key, &handles.private_key));
    return handles;
}

CkResult<CK_OBJECT_HANDLE> Session::generate_secret(Mechanism mechanism, Template& key) {
    auto raw = mechanism.raw();
    auto& attributes = key.attributes();
    CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
    SIGNET_TRY(
        SIGNET_P11(*module_, C_GenerateKey, handle_, &raw, attributes.data(), attributes.size(), &handle));
    return handle;
}

CkResult<std::size_t> Session::sign(Mechanism mechanism, CK_OBJECT_HANDLE key, ByteView input,
                                    std::span<std::uint8_t> output) {
    auto raw = mechanism.raw();
    SIGNET_TRY(SIGNET_P11(*module_, C_SignInit, handle_, &raw, key));
    CK_ULONG size = output.size();
    SIGNET_TRY(
        SIGNET_P11(*module_, C_Sign, handle_, mutable_data(input), input.size(), output.data(), &size));
    return size;
}

CkResult<std::size_t> Session::encrypt(Mechanism mechanism, CK_OBJECT_HANDLE key, ByteView input,
                                       std::span<std::uint8_t> output) {
    auto raw = mechanism.raw();
    SIGNET_TRY(SIGNET_P11(*module_, C_EncryptInit, handle_, &raw, key));
    CK_ULONG size = output.size();
    SIGNET_TRY(
        SIGNET_P11(*module_, C_Encrypt, handle_, mutable_data(input), input.size(), output.data(), &size));
    return size;
}

CkResult<std::size_t> Session::decrypt(Mechanism mechanism, CK_OBJECT_HANDLE key, ByteView input,
                                       std::span<std::uint8_t> output) {
    auto raw = mechanism.raw();
    SIGNET_TRY(SIGNET_P11(*module_, C_DecryptInit, handle_, &raw, key));
    CK_ULONG size = output.size();
    SIGNET_TRY(
        SIGNET_P11(*module_, C_Decrypt, handle_, mutable_data(input), input.size(), output.data(), &size));
    return size;
}

CkResult<Bytes> Session::wrap(Mechanism mechanism, CK_OBJECT_HANDLE wrapping_key, CK_OBJECT_HANDLE key) {
    auto raw = mechanism.raw();
    CK_ULONG size = 0;
    SIGNET_TRY(SIGNET_P11(*module_, C_WrapKey, handle_, &raw, wrapping_key, key, nullptr, &size));
    Bytes blob(size);
    SIGNET_TRY(SIGNET_P11(*module_, C_WrapKey, handle_, &raw, wrapping_key, key, blob.data(), &size));
    blob.resize(size);
    return blob;
}

CkResult<CK_OBJECT_HANDLE> Session::unwrap(Mechanism mechanism, CK_OBJECT_HANDLE unwrapping_key,
                                           ByteView blob, Template& key) {
    auto raw = mechanism.raw();
    auto& attributes = key.attributes();
    CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
    SIGNET_TRY(SIGNET_P11(*module_, C_UnwrapKey, handle_, &raw, unwrapping_key, mutable_data(blob),
                          blob.size(), attributes.data(), attributes.size(), &handle));
    return handle;
}

CkResult<CK_OBJECT_HANDLE> Session::derive(Mechanism mechanism, CK_OBJECT_HANDLE base_key, Template& key) {
    auto raw = mechanism.raw();
    auto& attributes = key.attributes();
    CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
    SIGNET_TRY(SIGNET_P11(*module_, C_DeriveKey, handle_, &raw, base_key, attributes.data(),
                          attributes.size(), &handle));
    return handle;
}

CkStatus Session::random(std::span<std::uint8_t> output) {
    return SIGNET_P11(*module_, C_GenerateRandom, handle_, output.data(), output.size());
}

}  // namespace signet::pkcs11
