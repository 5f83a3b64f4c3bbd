// One session with a token, and what can be asked in it. A session is used by one thread at a time.
#pragma once

#include <p11-kit/pkcs11.h>

#include <initializer_list>
#include <span>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/secret.h"
#include "hsm/pkcs11/ckr.h"
#include "hsm/pkcs11/mechanisms.h"
#include "hsm/pkcs11/module.h"
#include "hsm/pkcs11/objects.h"

namespace signet::pkcs11 {

enum class Access { read_only, read_write };

struct KeyPairHandles {
    CK_OBJECT_HANDLE public_key = CK_INVALID_HANDLE;
    CK_OBJECT_HANDLE private_key = CK_INVALID_HANDLE;
};

class Session {
  public:
    static CkResult<Session> open(const Module& module, CK_SLOT_ID slot, Access access);
    Session(Session&& other) noexcept
        : module_(other.module_), handle_(std::exchange(other.handle_, CK_INVALID_HANDLE)) {}
    Session& operator=(Session&& other) noexcept;
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    // Closes, and with it goes every session object made here. Never logs out: the login belongs to all
    // sessions of the process (section 6.7.4).
    ~Session();

    CK_SESSION_HANDLE handle() const { return handle_; }
    const Module& module() const { return *module_; }

    CkStatus login(CK_USER_TYPE user, const Secret& pin);
    CkStatus set_pin(const Secret& old_pin, const Secret& new_pin);  // of the logged-in user
    CkStatus init_pin(const Secret& pin);                            // the user's, by the security officer

    CkResult<std::vector<CK_OBJECT_HANDLE>> find(Template& pattern, std::size_t limit = SIZE_MAX);
    CkResult<Attributes> read(CK_OBJECT_HANDLE object, std::initializer_list<CK_ATTRIBUTE_TYPE> types);
    CkStatus write(CK_OBJECT_HANDLE object, Template& attributes);
    CkResult<CK_OBJECT_HANDLE> create(Template& attributes);
    CkResult<CK_OBJECT_HANDLE> copy(CK_OBJECT_HANDLE object, Template& changes);
    CkStatus destroy(CK_OBJECT_HANDLE object);

    CkResult<KeyPairHandles> generate_pair(Mechanism mechanism, Template& public_key, Template& private_key);
    CkResult<CK_OBJECT_HANDLE> generate_secret(Mechanism mechanism, Template& key);

    // The number of bytes written to `output`; CKR_BUFFER_TOO_SMALL when it does not fit.
    CkResult<std::size_t> sign(Mechanism mechanism, CK_OBJECT_HANDLE key, ByteView input,
                               std::span<std::uint8_t> output);
    CkResult<std::size_t> encrypt(Mechanism mechanism, CK_OBJECT_HANDLE key, ByteView input,
                                  std::span<std::uint8_t> output);
    CkResult<std::size_t> decrypt(Mechanism mechanism, CK_OBJECT_HANDLE key, ByteView input,
                                  std::span<std::uint8_t> output);

    CkResult<Bytes> wrap(Mechanism mechanism, CK_OBJECT_HANDLE wrapping_key, CK_OBJECT_HANDLE key);
    CkResult<CK_OBJECT_HANDLE> unwrap(Mechanism mechanism, CK_OBJECT_HANDLE unwrapping_key, ByteView blob,
                                      Template& key);

    CkResult<CK_OBJECT_HANDLE> derive(Mechanism mechanism, CK_OBJECT_HANDLE base_key, Template& key);

    CkStatus random(std::span<std::uint8_t> output);

  private:
    Session(const Module& module, CK_SESSION_HANDLE handle) : module_(&module), handle_(handle) {}
    CkStatus read_into(CK_OBJECT_HANDLE object, std::vector<CK_ATTRIBUTE>& attributes);

    const Module* module_;
    CK_SESSION_HANDLE handle_;
};

}  // namespace signet::pkcs11
