#include "formats/llama2c_tokenizer.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/utf8.h"
#include "formats/merges.h"

namespace dure {
namespace {

constexpr int kUnk = 0, kBos = 1, kEos = 2, kFirstByte = 3, kFirstPiece = kFirstByte + 256;
constexpr std::array<std::string_view, 3> kControl = {"<unk>", "<s>", "</s>"};

static_assert(std::endian::native == std::endian::little);

/// The next number of a little-endian file.
template <class T>
T take(std::span<const std::byte>& rest, size_t total, std::string_view source) {
  require(rest.size() >= sizeof(T), "{}: ends within a token at byte {}", source, total - rest.size());
  T value;
  std::memcpy(&value, rest.data(), sizeof value);
  rest = rest.subspan(sizeof value);
  return value;
}

std::string with_marks(std::string_view text) {
  std::string out;
  for (const char c : text) c == ' ' ? out += "\u2581" : out += c;
  return out;
}

}  // namespace

TokenizerSpec parse_llama2c_tokenizer(std::span<const std::byte> file, std::string_view source) {
  TokenizerSpec spec;
  spec.source = source;
  std::span<const std::byte> rest = file;
  const int longest = take<int>(rest, file.size(), source);
  require(longest > 0 && longest < 1 << 16, "{}: longest token {}, expected 1 to 65535 bytes", source, longest);
  while (!rest.empty()) {
    const size_t id = spec.tokens.size();
    const float score = take<float>(rest, file.size(), source);
    const int length = take<int>(rest, file.size(), source);
    require(std::isfinite(score), "{}: token {} has a score that is no number", source, id);
    require(length >= 0 && static_cast<size_t>(length) <= rest.size(), "{}: token {} has length {}, {} bytes are left",
            source, id, length, rest.size());
    const std::string_view text(reinterpret_cast<const char*>(rest.data()), static_cast<size_t>(length));
    require(is_utf8(text), "{}: token {} is not UTF-8", source, id);
    rest = rest.subspan(text.size());
    spec.scores.push_back(score);
    spec.tokens.push_back(id < kControl.size() ? std::string(kControl[id]) : with_marks(text));
  }
  require(spec.tokens.size() >= kFirstPiece, "{}: {} tokens, expected at least {}", source, spec.tokens.size(),
          kFirstPiece);
  for (int b = 0; b < 256; ++b)
    require(spec.tokens[kFirstByte + b] == fmt::format("<0x{:02X}>", b), "{}: token {} is {}, expected <0x{:02X}>",
            source, kFirstByte + b, quote(spec.tokens[kFirstByte + b]), b);

  std::vector<bool> mergeable(spec.tokens.size(), true);
  for (int id = 0; id < kFirstPiece; ++id) mergeable[id] = false;
  spec.merges = merges_from_scores(spec.tokens, spec.scores, mergeable);
  use_sentencepiece_steps(true, spec);

  for (const int id : {kUnk, kBos, kEos}) {
    AddedToken token;
    token.id = id;
    token.content = kControl[id];
    token.special = true;
    spec.added_tokens.push_back(std::move(token));
  }
  spec.unk_id = kUnk;
  spec.bos_id = kBos;
  spec.eos_id = kEos;
  spec.prefix = {kBos};
  spec.special_tokens = {{"bos_token", "<s>"}, {"eos_token", "</s>"}, {"unk_token", "<unk>"}};
  return spec;
}

}  // namespace dure
