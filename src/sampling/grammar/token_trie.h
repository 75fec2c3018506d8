#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dure {

namespace grammar {
class LeafScans;
}

/// The bytes of a vocabulary as a tree, for finding which of all tokens may come next. Made once for each tokenizer;
/// share between threads.
class TokenTrie {
 public:
  /// tokens      the bytes of each token id; empty for those without: control tokens, holes
  /// end_tokens  ids that end an answer
  /// Throws Error if an end token is no id or a token is longer than 64 KiB.
  TokenTrie(std::span<const std::string> tokens, std::vector<int> end_tokens);
  ~TokenTrie();

  /// The nodes but for the root, each before its children, children in the order of their bytes.
  struct Node {
    uint32_t end;          ///< behind the last node below this one
    uint32_t first_token;  ///< in ordered_tokens(); the next node's is behind the last one
    uint16_t depth;        ///< bytes up to here
    uint8_t byte;
  };
  /// And one more behind the last.
  std::span<const Node> nodes() const { return nodes_; }
  size_t size() const { return nodes_.size() - 1; }
  /// Ids by their bytes; those without bytes are not among them.
  std::span<const int> ordered_tokens() const { return ordered_; }
  std::span<const int> tokens_at(size_t node) const {
    return std::span(ordered_).subspan(nodes_[node].first_token,
                                       nodes_[node + 1].first_token - nodes_[node].first_token);
  }

  int vocab_size() const { return int(begins_.size()) - 1; }
  std::string_view bytes(int id) const;  ///< REQUIRES: 0 <= id < vocab_size()
  int max_length() const { return max_length_; }
  std::span<const int> end_tokens() const { return end_tokens_; }
  /// Whether some token is longer than `text` and begins with it.
  bool continues(std::string_view text) const;
  /// What has been found out about automata that occur in many grammars.
  grammar::LeafScans& leaf_scans() const { return *leaf_scans_; }

 private:
  std::string text_;  ///< bytes of all tokens
  std::vector<size_t> begins_;
  std::vector<Node> nodes_;
  std::vector<int> ordered_;
  std::vector<int> end_tokens_;
  int max_length_ = 0;
  std::unique_ptr<grammar::LeafScans> leaf_scans_;
};

}  // namespace dure
