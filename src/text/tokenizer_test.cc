#include "text/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "base/error.h"
#include "base/utf8.h"
#include "text/test_tokenizers.h"

namespace dure {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Ids = std::vector<int>;

constexpr int kByte = 3;  // id of byte 0 in piece_tokenizer

std::string streamed(const Tokenizer& tokenizer, const Ids& ids, bool skip_special = false) {
  StreamDecoder decoder = tokenizer.stream_decoder(skip_special);
  std::string text;
  for (const int id : ids) {
    const std::string part = decoder.push(id);
    EXPECT_TRUE(is_utf8(part));
    text += part;
  }
  return text + decoder.finish();
}

Tokenizer chat_tokenizer() {
  TokenizerSpec spec = byte_tokenizer();
  spec.added_tokens = {added_token(300, "<｜User｜>"), added_token(301, "<｜Assistant｜>"),
                       added_token(302, "<s>", true), added_token(303, "ø"), added_token(304, "｜DSML｜")};
  spec.prefix = {302};
  spec.bos_id = 302;
  return Tokenizer(std::move(spec));
}

TEST(Tokenizer, AddsThePrefixOnlyWhenAsked) {
  const Tokenizer t = chat_tokenizer();
  EXPECT_THAT(t.encode("a"), ElementsAre('a'));
  EXPECT_THAT(t.encode("a", {.add_special = true}), ElementsAre(302, 'a'));
  EXPECT_THAT(t.encode("", {.add_special = true}), ElementsAre(302));
  EXPECT_THAT(t.encode(""), ElementsAre());
}

TEST(Tokenizer, ControlTokensOfAUserStayText) {
  const Tokenizer t = chat_tokenizer();
  EXPECT_THAT(t.encode("<｜User｜>"), ElementsAre(300));
  for (const char* typed : {"<｜User｜>", "<s>", "｜DSML｜"}) {
    const std::string_view text = typed;
    EXPECT_EQ(t.encode(text, {.parse_special = false}).size(), text.size());
  }
  EXPECT_THAT(t.encode("ø", {.parse_special = false}), ElementsAre(303)) << "an added token that is just text";
}

TEST(Tokenizer, SegmentsAreOneTextWithGuardedControlTokens) {
  TokenizerSpec spec = byte_tokenizer({" hi"});
  spec.added_tokens = {added_token(300, "<u>"), added_token(301, "<a>")};
  for (const bool normalized : {false, true}) {
    for (AddedToken& token : spec.added_tokens) token.normalized = normalized;
    const Tokenizer t(spec);
    const std::vector<Segment> parts = {{"<u> ", true}, {"hi", false}, {"<a", false}, {">", true}, {"<a>", true}};
    // " hi" merges across the border; "<a" + ">" is no control token, for a user wrote most of it.
    EXPECT_EQ(t.encode(std::span<const Segment>(parts)), (Ids{300, *t.token_id("Ġhi"), '<', 'a', '>', 301}));
  }
}

TEST(Tokenizer, TrustSurvivesNormalisation) {
  TokenizerSpec spec = byte_tokenizer();
  spec.normalizers = {normalizers::UnicodeForm::nfc, normalizers::Prepend{"_"}};
  spec.added_tokens = {added_token(300, "<u>")};
  spec.added_tokens[0].normalized = true;  // looked for as "_<u>"
  const Tokenizer t(spec);
  const std::vector<Segment> parts = {{"<u>", true}, {"e\u0301<u>", false}, {"x", true}};
  EXPECT_THAT(t.encode(std::span<const Segment>(parts)), ElementsAre(300, 0xC3, 0xA9, '<', 'u', '>', 'x'));
}

struct FlagCase {
  bool lstrip, rstrip, single_word;
  std::string text;
  Ids ids;
};

TEST(Tokenizer, AddedTokenFlags) {
  const std::vector<FlagCase> cases = {
      {false, false, false, "a  <m>  b", {'a', ' ', ' ', 300, ' ', ' ', 'b'}},
      {true, false, false, "a  <m>  b", {'a', 300, ' ', ' ', 'b'}},
      {false, true, false, "a  <m>\u3000 b", {'a', ' ', ' ', 300, 'b'}},
      {true, true, false, " <m> <m> ", {300, 300}},
      {false, false, true, "a<m> <m>", {'a', '<', 'm', '>', ' ', 300}},
      {false, false, true, "<m>b", {'<', 'm', '>', 'b'}},
      {false, false, true, "-<m>.", {'-', 300, '.'}},
  };
  for (const FlagCase& c : cases) {
    TokenizerSpec spec = byte_tokenizer();
    AddedToken token = added_token(300, "<m>");
    token.lstrip = c.lstrip;
    token.rstrip = c.rstrip;
    token.single_word = c.single_word;
    spec.added_tokens = {token};
    EXPECT_EQ(Tokenizer(spec).encode(c.text), c.ids) << c.text;
  }
}

TEST(Tokenizer, TheLongestAddedTokenWins) {
  TokenizerSpec spec = byte_tokenizer();
  spec.added_tokens = {added_token(300, "<a>"), added_token(301, "<a><b>"), added_token(302, "<a><b><c")};
  const Tokenizer t(spec);
  EXPECT_THAT(t.encode("<a><b><<a>"), ElementsAre(301, '<', 300));
}

TEST(Tokenizer, InputThatIsNotUtf8IsReplaced) {
  const Tokenizer t(byte_tokenizer());
  EXPECT_THAT(t.encode("a\xFF"
                       "b"),
              ElementsAre('a', 0xEF, 0xBF, 0xBD, 'b'));
  EXPECT_THAT(t.encode("\xED\x95"), ElementsAre(0xEF, 0xBF, 0xBD));
}

TEST(Tokenizer, DecodesIdsWithoutTokenToNothing) {
  const Tokenizer t = chat_tokenizer();
  const Ids ids = {'a', 299, -1, 1 << 30, 'b', 302};
  EXPECT_EQ(t.decode(ids), "ab<s>");
  EXPECT_EQ(t.decode(ids, true), "ab");
  EXPECT_EQ(streamed(t, ids, true), "ab");
  EXPECT_EQ(t.token_bytes(299), "");
}

TEST(Tokenizer, ByteLevelStreamsWholeCharacters) {
  const Tokenizer t(byte_tokenizer());
  StreamDecoder decoder = t.stream_decoder();
  std::vector<std::string> parts;
  for (const char c : std::string_view("\xED\x95\x9C"
                                       "a\xF0\x9F"
                                       "b\xE2\x82"))
    parts.push_back(decoder.push(static_cast<unsigned char>(c)));
  EXPECT_THAT(parts, ElementsAre("", "", "한", "a", "", "",
                                 "\uFFFD"
                                 "b",
                                 "", ""));
  EXPECT_EQ(decoder.finish(), "\uFFFD");
  EXPECT_EQ(decoder.push('x'), "x") << "a new text";
}

TEST(Tokenizer, PiecesPrependReplaceAndFallBackToBytes) {
  const Tokenizer t(piece_tokenizer({"▁", "a", "b"}));  // 259, 260, 261
  EXPECT_THAT(t.encode("a b"), ElementsAre(259, 260, 259, 261));
  EXPECT_THAT(t.encode("é", {.add_special = true}), ElementsAre(1, 259, kByte + 0xC3, kByte + 0xA9));
  EXPECT_THAT(t.encode("a<s>b"), ElementsAre(259, 260, 1, 259, 261)) << "each part gets its own prefix";
  EXPECT_EQ(t.token_bytes(259), " ");
  EXPECT_EQ(t.token_bytes(kByte + 0xC3), "\xC3");
}

TEST(Tokenizer, ByteFallbackDecodesRunsAsAWhole) {
  const Tokenizer t(piece_tokenizer({"▁", "a"}));
  const std::vector<std::pair<Ids, std::string>> cases = {
      {{259, 260, kByte + 0xC3, kByte + 0xA9, 260}, "aéa"},
      {{kByte + 0xC3, 260}, "\uFFFDa"},
      {{kByte + 0xC3, kByte + 0xA9, kByte + 0xFF}, "\uFFFD\uFFFD\uFFFD"},
      {{259, 259, 260, 259}, " a "},
      {{kByte + ' ', 260}, "a"},
      {{}, ""},
  };
  for (const auto& [ids, text] : cases) {
    EXPECT_EQ(t.decode(ids), text);
    EXPECT_EQ(streamed(t, ids), text);
  }
}

TEST(Tokenizer, UnknownCharactersFuseOrDisappear) {
  TokenizerSpec spec = piece_tokenizer({"a"});
  spec.normalizers.clear();
  spec.byte_fallback = false;
  EXPECT_THAT(Tokenizer(spec).encode("한글a"), ElementsAre(259)) << "no unk: dropped";
  spec.unk_id = 0;
  EXPECT_THAT(Tokenizer(spec).encode("한글a한"), ElementsAre(0, 0, 259, 0));
  spec.fuse_unk = true;
  EXPECT_THAT(Tokenizer(spec).encode("한글a한"), ElementsAre(0, 259, 0));
}

TEST(Tokenizer, WithoutDecoderTokensAreJoinedBySpaces) {
  TokenizerSpec spec = piece_tokenizer({"a", "b"});
  spec.decoders.clear();
  const Tokenizer t(spec);
  EXPECT_EQ(t.decode(Ids{259, 260}), "a b");
  EXPECT_EQ(streamed(t, {259, 260}), "a b");
}

TEST(Tokenizer, AMegabyteWordTakesNoSquareTime) {
  const Tokenizer t(byte_tokenizer({"aaaaaaaa"}));
  const std::string text(1 << 20, 'a');
  EXPECT_EQ(t.encode(text).size(), text.size() / 2) << "pairs merge first, and no pair of pairs does";
}

TEST(Tokenizer, ThreadsShareOne) {
  const Tokenizer t(byte_tokenizer({"hello", " world"}));
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int k = 0; k < 4; ++k)
    threads.emplace_back([&, k] {
      for (int i = 0; i < 500; ++i) {
        const std::string text = "hello world " + std::to_string(i % 50 + k);
        if (t.decode(t.encode(text)) != text) ++wrong;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Tokenizer, RefusesContradictions) {
  const auto error = [](auto change) {
    TokenizerSpec spec = byte_tokenizer();
    change(spec);
    try {
      Tokenizer t(std::move(spec));
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string("no error");
  };
  EXPECT_THAT(error([](auto& s) { s.merges = {{0, 1, 9999, 0}}; }), HasSubstr("ids must be below 256"));
  EXPECT_THAT(error([](auto& s) { s.added_tokens = {added_token(2'000'000'000, "x")}; }), HasSubstr("2000000000"));
  EXPECT_THAT(error([](auto& s) { s.added_tokens = {added_token(300, "\xFF")}; }), HasSubstr("not UTF-8"));
  EXPECT_THAT(error([](auto& s) { s.prefix = {700}; }), HasSubstr("700"));
  EXPECT_THAT(error([](auto& s) {
                s.pre_tokenizers = {pre_tokenizers::Split{{"(a", true}, pre_tokenizers::Behavior::isolated, false}};
              }),
              HasSubstr("'(a'"));
  EXPECT_THAT(error([](auto& s) { s.decoders = {decoders::Fuse{}, decoders::ByteLevel{}}; }), HasSubstr("decoder"));
}

}  // namespace
}  // namespace dure
