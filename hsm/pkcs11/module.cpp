#include "hsm/pkcs11/module.h"

#include <dlfcn.h>
#include <openssl/err.h>

#include <utility>

namespace signet::pkcs11 {
namespace {

// NSS softokn reads one more pointer after its parameters than the standard's structure has.
struct InitializeArguments {
    CK_C_INITIALIZE_ARGS standard{};
    void* beyond = nullptr;
};

std::string loader_error() {
    const char* text = dlerror();
    return text == nullptr ? "no reason given" : text;
}

}  // namespace

OpensslErrorMark::OpensslErrorMark() {
    ERR_set_mark();
}
OpensslErrorMark::~OpensslErrorMark() {
    ERR_pop_to_mark();
}

std::string unpadded(const unsigned char* text, std::size_t size) {
    // Some modules end with zeros instead of blanks.
    while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == 0))
        --size;
    return {reinterpret_cast<const char*>(text), size};
}

Result<std::unique_ptr<Module>> Module::load(const std::filesystem::path& path, const std::string& reserved) {
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored)) {
        return fail(ErrorCode::token_unavailable,
                    "there is no PKCS#11 module at " + path.string() + "; install it or correct the path");
    }
    // Never unloaded: modules register handlers with their libraries that would then point into nothing.
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library == nullptr) {
        return fail(
            ErrorCode::token_unavailable,
            path.string() +
                " cannot be loaded; it needs to be a shared library for this machine with all it depends on",
            loader_error());
    }
    const auto get_function_list =
        reinterpret_cast<CK_C_GetFunctionList>(dlsym(library, "C_GetFunctionList"));
    if (get_function_list == nullptr) {
        return fail(ErrorCode::token_unavailable,
                    path.string() + " is not a PKCS#11 module: it has no C_GetFunctionList", loader_error());
    }
    CK_FUNCTION_LIST* functions = nullptr;
    CK_RV rv = CKR_OK;
    {
        const OpensslErrorMark mark;
        rv = get_function_list(&functions);
    }
    if (rv != CKR_OK || functions == nullptr) {
        return std::unexpected(to_error({rv, "C_GetFunctionList"}, "loading " + path.string()));
    }
    return adopt(functions, path.string(), reserved);
}

Result<std::unique_ptr<Module>> Module::adopt(CK_FUNCTION_LIST* functions, std::string name,
                                              const std::string& reserved) {
    std::unique_ptr<Module> module(new Module(functions, std::move(name)));
    SIGNET_TRY(module->initialize(reserved));
    return module;
}

Status Module::initialize(const std::string& reserved) {
    InitializeArguments arguments;
    arguments.standard.flags = CKF_OS_LOCKING_OK;
    std::string parameters = reserved;
    if (!parameters.empty()) arguments.standard.pReserved = parameters.data();
    if (auto done = SIGNET_P11(*this, C_Initialize, static_cast<void*>(&arguments)); !done) {
        auto error = to_error(done.error(), "starting the module " + name_);
        // Whatever the reason, nothing works without the module, and it may come back (its directory is
        // mounted later).
        if (error.code != ErrorCode::internal) error.code = ErrorCode::token_unavailable;
        return std::unexpected(std::move(error));
    }
    initialized_ = true;
    CK_INFO info{};
    if (auto done = SIGNET_P11(*this, C_GetInfo, &info); !done) {
        return std::unexpected(to_error(done.error(), "asking the module " + name_));
    }
    manufacturer_ = unpadded(info.manufacturerID, sizeof info.manufacturerID);
    return {};
}

Module::~Module() {
    // A module that fails to finalise cannot be helped, and the process is about to end.
    if (initialized_) (void)SIGNET_P11(*this, C_Finalize, static_cast<void*>(nullptr));
}

}  // namespace signet::pkcs11
