// What most translation units include and none of us changes. Only compiled ahead with -Dpch=true: sources include
// what they use themselves, and build without it. <filesystem> stays out: it brings std::quoted, which takes calls from
// functions of ours of that name.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <expected>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <boost/json.hpp>

#ifdef SIGNET_PRECOMPILED_TESTS
#include <future>

#include <gtest/gtest.h>
#endif
