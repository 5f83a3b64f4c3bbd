// Signatures in PDF documents (ISO 32000-1 section 12.8): a signature field, a visible stamp and an empty place for the CMS
// go in as an incremental update (section 7.5.6), so that not one byte of the source changes and earlier signatures stay
// valid; the CMS is put into its place once it was made.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"

namespace signet::pdf {

inline constexpr std::size_t kMaxDocument = std::size_t{64} << 20;  // bytes
inline constexpr std::size_t kDefaultReserve = std::size_t{16} << 10;

enum class SubFilter : std::uint8_t {
    pkcs7_detached,  // adbe.pkcs7.detached (ISO 32000-1 section 12.8.3.3)
    cades_detached,  // ETSI.CAdES.detached (ETSI EN 319 142-1)
};

// What is printed on the last page, in a frame at its lower left; beside the stamps that are there already.
struct Stamp {
    std::vector<std::string>
        lines;  // UTF-8, one to eight of 120 characters at most; the first one is the heading
    std::filesystem::path font;  // TrueType; its glyphs for these lines are embedded
};

struct Options {
    SubFilter sub_filter = SubFilter::pkcs7_detached;
    SystemTime time{};                      // /M, in UTC
    std::string name{};                     // /Name, UTF-8: who signs
    std::string reason{};                   // /Reason
    std::optional<Stamp> stamp{};           // none: an invisible signature
    std::size_t reserve = kDefaultReserve;  // bytes of DER there is room for
};

// What is appended to the source. The source and this, with the CMS in place, are the signed document; both can be kept apart
// and put together again byte for byte.
struct Update {
    Bytes bytes;
    std::uint64_t source_size = 0;
    Sha256 source_digest{};
    std::uint64_t contents = 0;  // offset in `bytes` of the first hexadecimal digit of /Contents
    std::uint64_t digits = 0;    // how many there are: twice `reserve`
};

// Errors: invalid_argument (no PDF, or one that is broken), permission_denied (encrypted, or its author's signature forbids
// further ones), too_large, not_found (the font), unprocessable (a character of the stamp that the font lacks).
Result<Update> prepare(ByteView source, const Options& options);

// The bytes a signature covers: everything but /Contents (section 12.8.1). Error: failed_precondition (another source).
Result<Bytes> digest_of(ByteView source, const Update& update, HashAlgorithm hash);

// The signed document. Errors: failed_precondition (another source), too_large (the CMS is over the reserve).
Result<Bytes> assemble(ByteView source, const Update& update, ByteView cms);

struct FoundSignature {
    std::string field;       // its full name
    std::string sub_filter;  // "adbe.pkcs7.detached", …
    Bytes cms;               // DER, without the padding
    std::array<std::uint64_t, 4> byte_range{};
    bool whole_document = false;  // nothing follows what it covers
    // The bytes that are covered, in one piece.
    Bytes signed_bytes(ByteView document) const;
};
// Those of the document's signature fields, in the order in which they were made. Each covers everything up to its end but its
// own /Contents, or it is refused. Errors: as `prepare`.
Result<std::vector<FoundSignature>> find_signatures(ByteView document);

}  // namespace signet::pdf
