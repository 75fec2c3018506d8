#pragma once

#include <span>
#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace dure {

/// Sampled ids become text that may be shown: whole characters only, and nothing that could be the beginning of a stop
/// string. A stop string itself is never shown.
class TextStream {
 public:
  /// `markers`: control tokens that are shown by their names; others are not. REQUIRES: the tokenizer outlives this.
  TextStream(const Tokenizer& tokenizer, std::vector<std::string> stop, std::span<const int> markers = {});

  /// Tokens that stand before the answer and are not shown, when it continues their text: the first word keeps its
  /// space.
  void skip(std::span<const int> ids);
  /// The text that is certain after this token.
  std::string push(int id);
  /// What was held back; call once, at the end.
  std::string finish();
  bool stopped() const { return !stopped_by_.empty(); }
  /// Bytes of text that were decoded and not returned yet.
  size_t held() const { return held_.size(); }
  /// The stop string that was found; empty if none was.
  const std::string& stopped_by() const { return stopped_by_; }

 private:
  std::string release(std::string text, bool last);

  StreamDecoder decoder_;
  std::vector<std::string> stop_;
  std::string held_, stopped_by_;
};

}  // namespace dure
