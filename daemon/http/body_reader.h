// Takes the body of a request out of the bytes that follow its header: by length, or chunked (RFC 9112 section 7.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace signet::http {

class BodyReader {
  public:
    enum class State : std::uint8_t { more, done, malformed, too_large };

    static BodyReader of_length(std::uint64_t size, std::size_t limit);
    // `limit` holds for the data; what frames it (sizes, extensions, trailers) has a bound of its own.
    static BodyReader chunked(std::size_t limit);

    // Takes what belongs to the body from the front of `input` and appends the data to `body`. Chunk extensions and
    // trailers are checked and dropped.
    State feed(std::string_view& input, std::string& body);

  private:
    enum class Step : std::uint8_t {
        size,
        extension,
        size_end,
        data,
        data_cr,
        data_lf,
        trailer_start,
        trailer,
        trailer_lf,
        last_lf
    };
    BodyReader(bool chunked, std::uint64_t left, std::size_t limit)
        : chunked_(chunked), left_(left), limit_(limit) {}
    State feed_chunked(std::string_view& input, std::string& body);
    State frame(char c);  // one byte that is not data

    bool chunked_;
    std::uint64_t left_;  // of the body, or of the chunk
    std::size_t limit_;   // of data that may still come
    Step step_ = Step::size;
    unsigned digits_ = 0;
    std::size_t framing_ = 0;  // bytes of extensions and trailers so far
};

}  // namespace signet::http
