#pragma once

#include <string>
#include <vector>

#include "chat/answer_sink.h"

namespace dure {

/// A stretch of an answer of one kind: Anthropic's content block, the output item of OpenAI's Responses.
struct AnswerBlock {
  enum class Kind : uint8_t { reasoning, text, call };
  Kind kind;
  std::string id = {}, name = {};  ///< of a call
  std::string text = {};           ///< thoughts, text, or a call's arguments as JSON
};

/// Who wants to know how blocks come into being. One is open at a time.
class BlockListener {
 public:
  virtual void block_opened(size_t index, const AnswerBlock& block) = 0;
  virtual void block_grew(size_t index, const AnswerBlock& block, const std::string& text) = 0;
  virtual void block_closed(size_t index, const AnswerBlock& block) = 0;

 protected:
  ~BlockListener() = default;
};

/// Sorts the pieces of one answer into blocks.
class AnswerBlocks {
 public:
  /// `listener` may be null. REQUIRES: it outlives this.
  explicit AnswerBlocks(BlockListener* listener = nullptr) : listener_(listener) {}

  void add(const AnswerPiece& piece);
  void close();  ///< the open one, if there is one
  /// An empty block, for protocols that want one where a model said nothing.
  void add_empty(AnswerBlock::Kind kind);

  bool has(AnswerBlock::Kind kind) const;
  const std::vector<AnswerBlock>& blocks() const { return blocks_; }

 private:
  void open(AnswerBlock block);
  void grow(AnswerBlock::Kind kind, const std::string& text);

  BlockListener* listener_;
  std::vector<AnswerBlock> blocks_;
  bool open_ = false;
};

}  // namespace dure
