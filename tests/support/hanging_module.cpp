// A PKCS#11 module for tests that misbehaves on demand: SoftHSM, with a few functions that first look at the file
// $SIGNET_TEST_MODULE_FAULT. It holds a word: "hang" keeps the call for as long as the file is there, "slow" delays it by
// 300 ms; no file, no fault.
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

namespace {

CK_FUNCTION_LIST real;
CK_FUNCTION_LIST wrapped;

std::string fault() {
    const char* file = std::getenv("SIGNET_TEST_MODULE_FAULT");
    std::string word;
    if (file != nullptr) std::ifstream(file) >> word;
    return word;
}

void misbehave() {
    if (fault() == "slow") usleep(300'000);
    while (fault() == "hang")
        usleep(20'000);
}

CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE* data, CK_ULONG size, CK_BYTE* signature,
           CK_ULONG* signature_size) {
    misbehave();
    return real.C_Sign(session, data, size, signature, signature_size);
}

CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, void* application, CK_NOTIFY notify,
                   CK_SESSION_HANDLE* session) {
    misbehave();
    return real.C_OpenSession(slot, flags, application, notify, session);
}

}  // namespace

extern "C" __attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST** list) {
    void* const library = dlopen("/usr/lib/softhsm/libsofthsm2.so", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return CKR_GENERAL_ERROR;
    const auto get = reinterpret_cast<CK_C_GetFunctionList>(dlsym(library, "C_GetFunctionList"));
    CK_FUNCTION_LIST* functions = nullptr;
    if (get == nullptr || get(&functions) != CKR_OK) return CKR_GENERAL_ERROR;
    real = *functions;
    wrapped = real;
    wrapped.C_GetFunctionList = &C_GetFunctionList;
    wrapped.C_Sign = &sign;
    wrapped.C_OpenSession = &open_session;
    *list = &wrapped;
    return CKR_OK;
}
