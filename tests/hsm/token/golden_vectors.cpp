#include "tests/hsm/token/golden_vectors.h"

#include <cstdlib>
#include <fstream>

#include "base/encoding.h"

namespace signet::testing {

const std::map<std::string, Bytes>& golden_vectors() {
    static const auto vectors = [] {
        std::map<std::string, Bytes> out;
        std::ifstream file(SIGNET_GOLDEN_VECTORS);
        for (std::string line; std::getline(file, line);) {
            if (line.empty() || line.starts_with('#')) continue;
            const auto equals = line.find(" = ");
            const auto value = from_hex(equals == std::string::npos ? "x" : line.substr(equals + 3));
            if (!value) std::abort();
            out.emplace(line.substr(0, equals), *value);
        }
        if (out.empty()) std::abort();
        return out;
    }();
    return vectors;
}

}  // namespace signet::testing
