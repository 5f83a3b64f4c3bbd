// A PKCS#11 module without cryptography, whose every call can be told what to answer.
//
// Objects, sessions, login and searches work as the standard says; "signatures" are the bytes 0x5A, as many as the
// mechanism gives. One fake at a time: PKCS#11 functions have no place for an object of ours.
#pragma once

#include <p11-kit/pkcs11.h>

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace signet::testing {

class FakeModule {
  public:
    static constexpr int kForever = -1;

    FakeModule();
    ~FakeModule();
    FakeModule(const FakeModule&) = delete;
    FakeModule& operator=(const FakeModule&) = delete;

    CK_FUNCTION_LIST* functions();

    // After `skip` more calls of `name` ("C_Sign") the next `times` calls do nothing but answer `rv`.
    void answer(const std::string& name, CK_RV rv, int times = 1, int skip = 0);
    // As `answer`, for the call with this number among all calls (from 0), whatever it is.
    void fail_call(int number, CK_RV rv);
    void clear_answers();
    // Called at each call with its name, before it does anything: what another thread does at that very moment.
    std::function<void(std::string_view)> on_call;
    int calls(const std::string& name) const;
    int total_calls() const;

    // The token.
    std::string label = "signet";
    std::string serial = "0001";
    std::string manufacturer = "Fake";
    CK_FLAGS token_flags = CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED | CKF_LOGIN_REQUIRED;
    std::string pin = "1234";
    bool present = true;

    using Object = std::map<CK_ATTRIBUTE_TYPE, Bytes>;
    std::map<CK_OBJECT_HANDLE, Object> objects;
    // Those with CKA_TOKEN.
    std::size_t token_objects() const;
    // The token's sessions close, as after a long idle time; the login ends with them when `login_too`.
    void close_sessions(bool login_too);
    std::size_t open_sessions() const { return sessions_.size(); }

    // For the functions themselves.
    struct Session {
        bool writable = false;
        std::optional<std::vector<CK_OBJECT_HANDLE>> search;
        std::optional<CK_MECHANISM_TYPE> signing;
    };
    std::optional<CK_RV> scripted(std::string_view name);
    Session* session(CK_SESSION_HANDLE handle);
    CK_SESSION_HANDLE open(bool writable);
    void close(CK_SESSION_HANDLE handle) { sessions_.erase(handle); }
    CK_OBJECT_HANDLE add(Object object);
    bool logged_in = false;
    bool initialized = false;
    std::recursive_mutex mutex;

  private:
    struct Answer {
        CK_RV rv;
        int times;
        int skip;
    };
    std::map<std::string, std::vector<Answer>, std::less<>> answers_;
    std::map<std::string, int, std::less<>> calls_;
    std::map<int, CK_RV> numbered_;
    int total_ = 0;
    std::map<CK_SESSION_HANDLE, Session> sessions_;
    CK_SESSION_HANDLE next_session_ = 1;
    CK_OBJECT_HANDLE next_object_ = 1;
};

}  // namespace signet::testing
