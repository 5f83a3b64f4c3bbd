#include "base/pgp_words.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/pgp_word_table.h"

namespace signet {
namespace {

constexpr std::size_t kMostWords = 64;
using List = std::array<std::string_view, 256>;

constexpr List split(std::string_view text) {
    List out{};
    std::size_t begin = 0;
    for (auto& word : out) {
        const auto end = std::min(text.find(' ', begin), text.size());
        word = text.substr(begin, end - begin);
        begin = std::min(end + 1, text.size());
    }
    return out;
}

constexpr std::array<List, 2> kLists{split(kEvenWords), split(kOddWords)};
static_assert(kLists[0][0] == "aardvark" && kLists[0][255] == "Zulu");
static_assert(kLists[1][0] == "adroitness" && kLists[1][255] == "Yucatan");

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::optional<std::uint8_t> find(const List& list, std::string_view word) {
    for (std::size_t i = 0; i < list.size(); ++i) {
        if (std::ranges::equal(list[i], word, [](char a, char b) { return lower(a) == lower(b); }))
            return static_cast<std::uint8_t>(i);
    }
    return std::nullopt;
}

bool separates(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '-';
}

}  // namespace

std::string_view pgp_word(std::uint8_t byte, std::size_t index) {
    return kLists[index % 2][byte];
}

std::string to_pgp_words(ByteView bytes, std::size_t per_line) {
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (i != 0) out += per_line != 0 && i % per_line == 0 ? '\n' : ' ';
        out += pgp_word(bytes[i], i);
    }
    return out;
}

Result<Secret> from_pgp_words(std::string_view text) {
    Secret out(kMostWords);
    std::size_t count = 0;
    for (std::size_t at = 0; at < text.size();) {
        if (separates(text[at])) {
            ++at;
            continue;
        }
        const auto begin = at;
        while (at < text.size() && !separates(text[at]))
            ++at;
        const auto word = text.substr(begin, at - begin);
        if (count == kMostWords)
            return fail(ErrorCode::invalid_argument, "more than " + std::to_string(kMostWords) + " words");
        const auto place = "word " + std::to_string(count + 1);
        const auto byte = find(kLists[count % 2], word);
        if (!byte && find(kLists[1 - count % 2], word))
            return fail(ErrorCode::invalid_argument,
                        place + " belongs at another place: a word is missing, doubled or swapped near it");
        // The word itself may be secret: its place says enough.
        if (!byte) return fail(ErrorCode::invalid_argument, place + " is not in the word list");
        out.data()[count++] = *byte;
    }
    out.truncate(count);
    return out;
}

}  // namespace signet
