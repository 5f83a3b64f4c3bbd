// A PKCS#11 module: the library loaded by path, its function list, and the time between C_Initialize and
// C_Finalize.
#pragma once

#include <p11-kit/pkcs11.h>

#include <filesystem>
#include <memory>
#include <string>

#include "base/error.h"
#include "hsm/pkcs11/ckr.h"

namespace signet::pkcs11 {

// Modules that use OpenSSL leave errors on the thread's queue (SoftHSM's C_Initialize does), where the next
// TLS or X.509 call of ours would take them for its own. ERR_set_mark and ERR_pop_to_mark around each call.
class OpensslErrorMark {
  public:
    OpensslErrorMark();
    ~OpensslErrorMark();
    OpensslErrorMark(const OpensslErrorMark&) = delete;
    OpensslErrorMark& operator=(const OpensslErrorMark&) = delete;
};

// "text   " with PKCS#11's blank padding (section 3.1) → "text".
std::string unpadded(const unsigned char* text, std::size_t size);

class Module {
  public:
    // Loads the library and calls C_Initialize with CKF_OS_LOCKING_OK. `reserved` goes to the field after the
    // flags, where NSS softokn wants its parameters ("configdir='sql:…' …"); empty: a null pointer, as the
    // standard asks. Errors: token_unavailable when the library is missing, cannot be loaded or does not
    // start.
    static Result<std::unique_ptr<Module>> load(const std::filesystem::path& path,
                                                const std::string& reserved = {});
    // As `load`, with a function list that is here already; `name` stands where a path would.
    static Result<std::unique_ptr<Module>> adopt(CK_FUNCTION_LIST* functions, std::string name,
                                                 const std::string& reserved = {});
    // Finalises. It must run before main returns: C_Finalize in a static destructor crashes, because the
    // module's own statics are gone by then.
    ~Module();
    Module(const Module&) = delete;
    Module& operator=(const Module&) = delete;

    const std::string& name() const { return name_; }
    const std::string& manufacturer() const { return manufacturer_; }

    // `module.call("C_Sign", &CK_FUNCTION_LIST::C_Sign, session, …)`
    template <class... Parameters, class... Arguments>
    CkStatus call(std::string_view name, CK_RV (*CK_FUNCTION_LIST::*function)(Parameters...),
                  Arguments... arguments) const {
        const OpensslErrorMark mark;
        if (functions_->*function == nullptr)
            return std::unexpected(Failure{CKR_FUNCTION_NOT_SUPPORTED, name});
        const CK_RV rv = (functions_->*function)(arguments...);
        if (rv != CKR_OK) [[unlikely]]
            return std::unexpected(Failure{rv, name});
        return {};
    }

    // For measuring without any layer of ours.
    CK_FUNCTION_LIST* functions() const { return functions_; }

  private:
    Module(CK_FUNCTION_LIST* functions, std::string name) : functions_(functions), name_(std::move(name)) {}
    Status initialize(const std::string& reserved);

    CK_FUNCTION_LIST* functions_;
    std::string name_;
    std::string manufacturer_;
    bool initialized_ = false;
};

}  // namespace signet::pkcs11

// `SIGNET_P11(module, C_Sign, session, …)`: the call under its own name.
#define SIGNET_P11(module, function, ...) \
    (module).call(#function, &CK_FUNCTION_LIST::function __VA_OPT__(, ) __VA_ARGS__)
