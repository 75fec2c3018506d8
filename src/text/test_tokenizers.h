#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/tokenizer_spec.h"
#include "text/byte_level.h"

namespace dure {

inline AddedToken added_token(int id, std::string content, bool special = false) {
  AddedToken token;
  token.id = id;
  token.content = std::move(content);
  token.special = special;
  return token;
}

/// Byte-level: ids 0 to 255 are the bytes, then one id for every text in `words`, each reached by merging from its
/// left.
inline TokenizerSpec byte_tokenizer(const std::vector<std::string>& words = {}) {
  TokenizerSpec spec;
  spec.source = "test";
  for (int b = 0; b < 256; ++b) spec.tokens.push_back(bytes_to_characters(std::string(1, static_cast<char>(b))));
  const auto id_of = [&](std::string_view bytes) {
    const std::string token = bytes_to_characters(bytes);
    for (size_t id = 0; id < spec.tokens.size(); ++id)
      if (spec.tokens[id] == token) return static_cast<int>(id);
    spec.tokens.push_back(token);
    return static_cast<int>(spec.tokens.size() - 1);
  };
  for (const std::string& word : words)
    for (size_t n = 2; n <= word.size(); ++n) {
      const int left = id_of(word.substr(0, n - 1)), right = id_of(word.substr(n - 1, 1));
      spec.merges.push_back({left, right, id_of(word.substr(0, n)), static_cast<int>(spec.merges.size())});
    }
  spec.pre_tokenizers.emplace_back(pre_tokenizers::ByteLevel{});
  spec.decoders.emplace_back(decoders::ByteLevel{});
  return spec;
}

/// SentencePiece-like: <unk> 0, <s> 1, </s> 2, bytes from 3, then `pieces`; no merges.
inline TokenizerSpec piece_tokenizer(const std::vector<std::string>& pieces) {
  TokenizerSpec spec;
  spec.source = "test";
  spec.tokens = {"<unk>", "<s>", "</s>"};
  for (int b = 0; b < 256; ++b) spec.tokens.push_back(fmt::format("<0x{:02X}>", b));
  for (const std::string& piece : pieces) spec.tokens.push_back(piece);
  spec.added_tokens = {added_token(0, "<unk>", true), added_token(1, "<s>", true), added_token(2, "</s>", true)};
  spec.normalizers = {normalizers::Prepend{"▁"}, normalizers::Replace{TextPattern{" "}, "▁"}};
  spec.decoders = {decoders::Replace{TextPattern{"▁"}, " "}, decoders::ByteFallback{}, decoders::Fuse{},
                   decoders::Strip{" ", 1, 0}};
  spec.byte_fallback = true;
  spec.prefix = {1};
  return spec;
}

}  // namespace dure
