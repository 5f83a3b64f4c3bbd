// A session object for the length of a block.
#pragma once

#include <p11-kit/pkcs11.h>

#include "hsm/pkcs11/session.h"

namespace signet::token {

// Destroys a session object of this very session on every way out.
class ScopedObject {
  public:
    ScopedObject(pkcs11::Session& session, CK_OBJECT_HANDLE handle) : session_(&session), handle_(handle) {}
    ScopedObject(const ScopedObject&) = delete;
    ScopedObject& operator=(const ScopedObject&) = delete;
    ~ScopedObject() {
        if (handle_ != CK_INVALID_HANDLE) (void)session_->destroy(handle_);
    }

  private:
    pkcs11::Session* session_;
    CK_OBJECT_HANDLE handle_;
};

}  // namespace signet::token
