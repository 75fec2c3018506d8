#include "server/api/answer_blocks.h"

#include <algorithm>

namespace dure {

void AnswerBlocks::open(AnswerBlock block) {
  close();
  blocks_.push_back(std::move(block));
  open_ = true;
  if (listener_ != nullptr) listener_->block_opened(blocks_.size() - 1, blocks_.back());
}

void AnswerBlocks::close() {
  if (!open_) return;
  open_ = false;
  if (listener_ != nullptr) listener_->block_closed(blocks_.size() - 1, blocks_.back());
}

void AnswerBlocks::grow(AnswerBlock::Kind kind, const std::string& text) {
  if (text.empty()) return;
  if (!open_ || blocks_.back().kind != kind) open({kind});
  blocks_.back().text += text;
  if (listener_ != nullptr) listener_->block_grew(blocks_.size() - 1, blocks_.back(), text);
}

void AnswerBlocks::add(const AnswerPiece& piece) {
  size_t call = 0;
  for (const AnswerDelta& d : piece.deltas) switch (d.kind) {
      case AnswerDelta::Kind::reasoning: grow(AnswerBlock::Kind::reasoning, d.text); break;
      case AnswerDelta::Kind::content: grow(AnswerBlock::Kind::text, d.text); break;
      case AnswerDelta::Kind::call_begin: open({AnswerBlock::Kind::call, piece.call_ids.at(call++), d.text}); break;
      case AnswerDelta::Kind::call_arguments: grow(AnswerBlock::Kind::call, d.text); break;
      case AnswerDelta::Kind::call_end: close(); break;
    }
}

void AnswerBlocks::add_empty(AnswerBlock::Kind kind) {
  open({kind});
  close();
}

bool AnswerBlocks::has(AnswerBlock::Kind kind) const {
  return std::ranges::any_of(blocks_, [&](const AnswerBlock& b) { return b.kind == kind; });
}

}  // namespace dure
