#include "base/digest.h"

#include <openssl/sha.h>

namespace signet {

// The one-shot functions are used instead of EVP because EVP fetches the algorithm at each call
// (about 1 µs), and every signature and audit record hashes at least once.
Sha256 sha256(ByteView data) {
    Sha256 out;
    SHA256(data.data(), data.size(), out.data());
    return out;
}

Bytes digest(HashAlgorithm algorithm, ByteView data) {
    Bytes out(hash_size(algorithm));
    switch (algorithm) {
        case HashAlgorithm::sha1:
            SHA1(data.data(), data.size(), out.data());
            break;
        case HashAlgorithm::sha256:
            SHA256(data.data(), data.size(), out.data());
            break;
        case HashAlgorithm::sha384:
            SHA384(data.data(), data.size(), out.data());
            break;
        case HashAlgorithm::sha512:
            SHA512(data.data(), data.size(), out.data());
            break;
    }
    return out;
}

}  // namespace signet
