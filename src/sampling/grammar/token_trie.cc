#include "sampling/grammar/token_trie.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "sampling/grammar/token_scan.h"

namespace dure {

TokenTrie::TokenTrie(std::span<const std::string> tokens, std::vector<int> end_tokens)
    : end_tokens_(std::move(end_tokens)), leaf_scans_(std::make_unique<grammar::LeafScans>()) {
  begins_.push_back(0);
  for (size_t id = 0; id < tokens.size(); ++id) {
    require(tokens[id].size() < 65'536, "token {} has {} bytes, at most 65535 are supported", id, tokens[id].size());
    max_length_ = std::max(max_length_, int(tokens[id].size()));
    text_ += tokens[id];
    begins_.push_back(text_.size());
    if (!tokens[id].empty()) ordered_.push_back(int(id));
  }
  for (const int id : end_tokens_)
    require(id >= 0 && size_t(id) < tokens.size(), "end token {} is not in a vocabulary of {}", id, tokens.size());
  std::sort(ordered_.begin(), ordered_.end(), [&](int a, int b) {
    const int order = bytes(a).compare(bytes(b));
    return order != 0 ? order < 0 : a < b;
  });

  std::vector<size_t> path;  // nodes from the root to the token before
  std::string_view before;
  for (size_t i = 0; i < ordered_.size(); ++i) {
    const std::string_view token = bytes(ordered_[i]);
    const size_t common =
        size_t(std::mismatch(token.begin(), token.end(), before.begin(), before.end()).first - token.begin());
    for (; path.size() > common; path.pop_back()) nodes_[path.back()].end = uint32_t(nodes_.size());
    for (size_t depth = common; depth < token.size(); ++depth) {
      path.push_back(nodes_.size());
      nodes_.push_back({0, uint32_t(i), uint16_t(depth + 1), uint8_t(token[depth])});
    }
    before = token;
  }
  for (const size_t node : path) nodes_[node].end = uint32_t(nodes_.size());
  nodes_.push_back({uint32_t(nodes_.size()) + 1, uint32_t(ordered_.size()), 0, 0});
}

TokenTrie::~TokenTrie() = default;

std::string_view TokenTrie::bytes(int id) const {
  return std::string_view(text_).substr(begins_[size_t(id)], begins_[size_t(id) + 1] - begins_[size_t(id)]);
}

bool TokenTrie::continues(std::string_view text) const {
  size_t node = 0, end = size();
  for (const char c : text) {
    while (node < end && nodes_[node].byte != uint8_t(c)) node = nodes_[node].end;
    if (node >= end) return false;
    end = nodes_[node++].end;
  }
  return node < end;
}

}  // namespace dure
