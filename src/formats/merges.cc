#include "formats/merges.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "base/utf8.h"

namespace dure {

TokenIndex::TokenIndex(const std::vector<std::string>& tokens) {
  ids_.reserve(tokens.size());
  for (size_t id = 0; id < tokens.size(); ++id)
    if (!tokens[id].empty()) ids_.emplace(tokens[id], static_cast<int>(id));
}

int TokenIndex::find(std::string_view token) const {
  const auto it = ids_.find(token);
  return it == ids_.end() ? -1 : it->second;
}

Merge resolve_merge(std::string_view left, std::string_view right, size_t rank, const TokenIndex& index,
                    std::string_view source) {
  const auto id_of = [&](std::string_view token) {
    const int id = index.find(token);
    require(id >= 0, "{}: merge {} ({} {}): {} is not in the vocabulary", source, rank, quote(left), quote(right),
            quote(token));
    return id;
  };
  std::string both(left);
  both += right;
  return {id_of(left), id_of(right), id_of(both), static_cast<int>(rank)};
}

std::vector<Merge> merges_from_scores(const std::vector<std::string>& tokens, const std::vector<float>& scores,
                                      const std::vector<bool>& mergeable) {
  DURE_ASSERT(scores.size() == tokens.size() && mergeable.size() == tokens.size());
  std::vector<int> order;  // ids, highest score first
  for (size_t id = 0; id < tokens.size(); ++id)
    if (mergeable[id]) order.push_back(static_cast<int>(id));
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return scores[a] > scores[b]; });

  const TokenIndex index(tokens);
  const auto piece = [&](std::string_view text) {
    const int id = index.find(text);
    return id >= 0 && mergeable[id] ? id : -1;
  };
  std::vector<Merge> merges;
  int rank = -1;
  for (size_t i = 0; i < order.size(); ++i) {
    const int result = order[i];
    if (i == 0 || scores[result] != scores[order[i - 1]]) ++rank;
    const std::string_view token = tokens[result];
    const size_t first = merges.size();
    for (size_t at = 0; at < token.size();) {
      next_utf8(token, at);
      const int left = piece(token.substr(0, at)), right = at < token.size() ? piece(token.substr(at)) : -1;
      if (left >= 0 && right >= 0) merges.push_back({left, right, result, rank});
    }
    // The order in which a tokenizer.json lists the ways to one token, where ranks must differ.
    std::sort(merges.begin() + first, merges.end(),
              [](const Merge& a, const Merge& b) { return std::pair(a.left, a.right) < std::pair(b.left, b.right); });
  }
  return merges;
}

void use_sentencepiece_steps(bool add_prefix, TokenizerSpec& spec) {
  const std::string mark = "\u2581";
  if (add_prefix) spec.normalizers.emplace_back(normalizers::Prepend{mark});
  spec.normalizers.emplace_back(normalizers::Replace{TextPattern{" "}, mark});
  spec.decoders.emplace_back(decoders::Replace{TextPattern{mark}, " "});
  spec.decoders.emplace_back(decoders::ByteFallback{});
  spec.decoders.emplace_back(decoders::Fuse{});
  if (add_prefix) spec.decoders.emplace_back(decoders::Strip{" ", 1, 0});
  spec.byte_fallback = true;
  spec.fuse_unk = true;
}

}  // namespace dure
