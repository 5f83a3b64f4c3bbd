// Shares of a secret: any M of N open it, fewer do not, and each kind of wrong one is named.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "hsm/custody/messages.h"
#include "hsm/custody/sealed_pins.h"
#include "hsm/custody/share_text.h"

namespace signet::custody {
namespace {

const std::vector<std::string> kNames{"Carol", "Dave", "Erin"};

Dealt dealt(Purpose purpose = Purpose::pin, unsigned threshold = 2) {
    return deal(purpose, new_key(), threshold, kNames).value();
}

std::vector<Share> some(const Dealt& dealt, std::initializer_list<std::size_t> which) {
    std::vector<Share> out;
    for (const auto i : which)
        out.push_back(dealt.shares[i].clone());
    return out;
}

TEST(ShareSet, AnyMOfNGiveTheKeyAndFewerDoNot) {
    const auto key = new_key();
    const auto set = deal(Purpose::pin, key, 2, kNames).value();
    for (const auto& [a, b] : {std::pair{0, 1}, std::pair{0, 2}, std::pair{1, 2}, std::pair{2, 0}}) {
        const auto combined =
            combine(set.set, some(set, {static_cast<std::size_t>(a), static_cast<std::size_t>(b)}));
        ASSERT_TRUE(combined);
        EXPECT_TRUE(std::ranges::equal(combined->view(), key.view()));
    }
    const auto one = combine(set.set, some(set, {0}));
    ASSERT_FALSE(one);
    EXPECT_EQ(one.error().code, ErrorCode::failed_precondition);
}

TEST(ShareSet, NoShareIsTheSecretAndNoTwoSetsAreAlike) {
    const auto key = new_key();
    const auto first = deal(Purpose::pin, key, 2, kNames).value();
    const auto second = deal(Purpose::pin, key, 2, kNames).value();
    for (std::size_t i = 0; i < first.shares.size(); ++i) {
        EXPECT_NE(first.shares[i].number, 0);
        EXPECT_FALSE(std::ranges::equal(first.shares[i].value.view(), key.view()));
        EXPECT_FALSE(std::ranges::equal(first.shares[i].value.view(), second.shares[i].value.view()))
            << "the coefficients are not random";
    }
}

TEST(ShareSet, EachWrongShareIsNamed) {
    const auto set = dealt();
    const auto other = dealt();
    auto good = set.shares[1].clone();
    EXPECT_EQ(set.set.check(good).value(), "Dave");

    auto changed = set.shares[1].clone();
    changed.value.data()[3] ^= 1;
    const auto wrong = set.set.check(changed);
    ASSERT_FALSE(wrong);
    EXPECT_NE(wrong.error().message.find("share 2 (Dave) is not the one that was dealt"), std::string::npos);

    const auto foreign = set.set.check(other.shares[1]);
    ASSERT_FALSE(foreign);
    EXPECT_NE(foreign.error().message.find("of the set"), std::string::npos);

    auto numbered = set.shares[1].clone();
    for (const std::uint8_t number : std::array<std::uint8_t, 3>{0, 4, 255}) {
        numbered.number = number;
        EXPECT_FALSE(set.set.check(numbered)) << int{number};
    }
    // Dave's share under Erin's number.
    numbered.number = 3;
    EXPECT_NE(set.set.check(numbered).error().message.find("share 3 (Erin)"), std::string::npos);
}

TEST(ShareSet, SharesThatDoNotGiveTheKeyAreNoticed) {
    const auto set = dealt();
    auto shares = some(set, {0, 1});
    shares[1].value.data()[0] ^= 1;
    EXPECT_FALSE(combine(set.set, shares));
}

TEST(ShareSet, TheHeaderComesBackAsItWasAndIsReadStrictly) {
    const auto set = dealt(Purpose::backup).set;
    const auto text = to_text(set);
    const auto back = parse_share_set(text, "header");
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(to_text(*back), text);
    EXPECT_FALSE(parse_share_set(text + "more: 1\n", "header"));
    auto low = text;
    low.replace(low.find("threshold: 2"), 12, "threshold: 1");
    EXPECT_FALSE(parse_share_set(low, "header"));
}

TEST(ShareSet, BoundsAreKept) {
    EXPECT_FALSE(deal(Purpose::pin, new_key(), 1, kNames));
    EXPECT_FALSE(deal(Purpose::pin, new_key(), 4, kNames));
    EXPECT_FALSE(deal(Purpose::pin, Secret(16), 2, kNames));
    EXPECT_FALSE(deal(Purpose::pin, new_key(), 2, std::vector<std::string>(17, "x")));
    EXPECT_FALSE(deal(Purpose::pin, new_key(), 2, {"Carol", "a\nb"}));
}

TEST(ShareText, FortyWordsAndBack) {
    const auto set = dealt();
    const auto words = to_words(set.shares[2]);
    EXPECT_EQ(std::ranges::count(words, '\n'), 4) << "five lines";
    const auto back = share_from_words(words);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_TRUE(set.set.check(*back));
    auto upper = words;
    std::ranges::transform(upper, upper.begin(),
                           [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    EXPECT_TRUE(share_from_words(upper)) << "case does not matter";
}

TEST(ShareText, EverySlipIsNoticed) {
    const auto words = to_words(dealt().shares[0]);
    std::vector<std::string> list;
    for (std::size_t at = 0; at < words.size();) {
        const auto end = std::min(words.find_first_of(" \n", at), words.size());
        list.push_back(words.substr(at, end - at));
        at = end + 1;
    }
    ASSERT_EQ(list.size(), kShareWords);
    const auto joined = [](const std::vector<std::string>& some) {
        std::string out;
        for (const auto& word : some)
            out += word + " ";
        return out;
    };
    for (std::size_t i = 0; i < list.size(); ++i) {
        auto missing = list;
        missing.erase(missing.begin() + static_cast<std::ptrdiff_t>(i));
        EXPECT_FALSE(share_from_words(joined(missing))) << "without word " << i + 1;
        auto twice = list;
        twice.insert(twice.begin() + static_cast<std::ptrdiff_t>(i), list[i]);
        EXPECT_FALSE(share_from_words(joined(twice))) << "word " << i + 1 << " twice";
        auto typo = list;
        typo[i] += "x";
        EXPECT_FALSE(share_from_words(joined(typo)));
        if (i + 2 < list.size() && list[i] != list[i + 2]) {
            auto swapped = list;
            std::swap(swapped[i], swapped[i + 2]);
            EXPECT_FALSE(share_from_words(joined(swapped)))
                << "words " << i + 1 << " and " << i + 3 << " swapped";
        }
    }
}

TEST(SealedPins, OpenWithTheKeyAloneAndNotWhenAltered) {
    const auto key = new_key();
    const auto set = deal(Purpose::pin, key, 2, kNames).value().set;
    const auto sealed = seal(set, key, {Secret::copy_of("1234"), Secret::copy_of("so-1234")}).value();
    const auto text = to_text(sealed);
    EXPECT_EQ(text.find("1234"), std::string::npos);
    const auto back = parse_sealed_pins(text, "pins");
    ASSERT_TRUE(back) << back.error().message;
    const auto pins = unseal(*back, key);
    ASSERT_TRUE(pins);
    EXPECT_EQ(pins->pin.text(), "1234");
    EXPECT_EQ(pins->so_pin.text(), "so-1234");
    EXPECT_FALSE(unseal(*back, new_key()));
    auto altered = *back;
    altered.sealed[20] ^= 1;
    EXPECT_FALSE(unseal(altered, key));
    // A header that says another threshold is not the one that was sealed.
    auto header = *back;
    header.set.threshold = 3;
    EXPECT_FALSE(unseal(header, key));
}

TEST(Messages, ComeBackAsTheyWere) {
    const auto set = dealt();
    const Request request{Ask::give,        Purpose::backup,       3,        kNames,
                          to_text(set.set), set.shares[1].clone(), {1, 2, 3}};
    const auto back = decode_request(encode(request));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->custodians, kNames);
    EXPECT_TRUE(set.set.check(back->share));
    Answer answer;
    answer.status = {true, false, true, "ok", {{"pin", "00010203", 2, kNames, {"Carol"}}}, {"Erin"}};
    answer.text = "text";
    const auto answered = decode_answer(encode(Result<Answer>(std::move(answer))));
    ASSERT_TRUE(answered);
    EXPECT_EQ(answered->status.sets.at(0).given, std::vector<std::string>{"Carol"});
    const auto failed =
        decode_answer(encode(Result<Answer>(fail(ErrorCode::already_exists, "given already"))));
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, ErrorCode::already_exists);
    auto cut = encode(request);
    while (!cut.empty()) {
        cut.pop_back();
        EXPECT_FALSE(decode_request(cut));
    }
}

}  // namespace
}  // namespace signet::custody
