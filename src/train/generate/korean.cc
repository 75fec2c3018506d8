#include "train/generate/korean.h"

#include <cstdint>

#include "base/error.h"

namespace dure {

KoreanEnd korean_end(std::string_view word) {
  if (word.empty()) return KoreanEnd::vowel;
  const char last = word.back();
  switch (last) {  // 영 일 이 삼 사 오 육 칠 팔 구; and 십, 백, 천, 만 end in consonants as 영 does
    case '1':
    case '7':
    case '8': return KoreanEnd::rieul;
    case '0':
    case '3':
    case '6': return KoreanEnd::consonant;
    default: break;
  }
  if (word.size() < 3) return KoreanEnd::vowel;
  const auto byte = [&](size_t back) {
    return static_cast<uint32_t>(static_cast<unsigned char>(word[word.size() - back]));
  };
  const uint32_t code = (byte(3) & 0x0F) << 12 | (byte(2) & 0x3F) << 6 | (byte(1) & 0x3F);
  constexpr uint32_t kFirst = 0xAC00, kLast = 0xD7A3, kFinals = 28, kRieul = 8;  // Unicode, chapter 3.12
  if (code < kFirst || code > kLast) return KoreanEnd::vowel;
  const uint32_t final = (code - kFirst) % kFinals;
  return final == 0 ? KoreanEnd::vowel : final == kRieul ? KoreanEnd::rieul : KoreanEnd::consonant;
}

std::string_view korean_particle(std::string_view word, std::string_view name) {
  struct Pair {
    std::string_view after_consonant, after_vowel;
  };
  constexpr Pair kPairs[] = {{"은", "는"},       {"이", "가"},           {"을", "를"},       {"과", "와"},
                             {"으로", "로"},     {"아", "야"},           {"이라는", "라는"}, {"이라고", "라고"},
                             {"이에요", "예요"}, {"이었어요", "였어요"}, {"이야", "야"},     {"이랑", "랑"}};
  const KoreanEnd end = korean_end(word);
  for (const Pair& p : kPairs) {
    if (p.after_consonant != name) continue;
    const bool vowel = end == KoreanEnd::vowel || (end == KoreanEnd::rieul && name == "으로");
    return vowel ? p.after_vowel : p.after_consonant;
  }
  fail("there is no particle '{}'", name);
}

}  // namespace dure
