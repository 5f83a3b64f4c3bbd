// What a library under test leaks is not ours to report. As narrow as the call that leaks.
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#endif

namespace signet::testing {

#if defined(__SANITIZE_ADDRESS__)
using IgnoreLeaks = __lsan::ScopedDisabler;
#else
struct IgnoreLeaks {
    IgnoreLeaks() {}
    ~IgnoreLeaks() {}
    IgnoreLeaks(const IgnoreLeaks&) = delete;
    IgnoreLeaks& operator=(const IgnoreLeaks&) = delete;
};
#endif

}  // namespace signet::testing
