#include "chat/answer_builder.h"

#include <cmath>

#include "base/utf8.h"

namespace dure {
namespace {

TokenText token_text(const Tokenizer& tokenizer, int id, float logprob) {
  // A number that JSON can say: a token that the model thinks impossible may still be forced.
  constexpr float kLeast = -9999;
  const std::string bytes(tokenizer.token_bytes(id));
  return {sanitize_utf8(bytes), bytes, std::isfinite(logprob) ? logprob : kLeast};
}

}  // namespace

AnswerBuilder::AnswerBuilder(const Tokenizer& tokenizer, const AnswerRules& rules)
    : tokenizer_(tokenizer),
      plain_(rules.plain),
      stream_(tokenizer, rules.stop, rules.markers),
      parser_(*rules.format, rules.start, rules.tools),
      reasoning_(!rules.plain && rules.start == AnswerStart::reasoning) {
  stream_.skip(rules.before);
}

AnswerPiece AnswerBuilder::push(const Sampled& token) {
  ++tokens_;
  if (reasoning_) ++reasoning_tokens_;
  if (!std::isnan(token.logprob)) {
    Waiting w{{token_text(tokenizer_, token.id, token.logprob), {}, reasoning_}, shown_ + stream_.held()};
    for (const TokenLogprob& t : token.top) w.detail.top.push_back(token_text(tokenizer_, t.id, t.logprob));
    waiting_.push_back(std::move(w));
  }
  const std::string text = stream_.push(token.id);
  return take(text, plain_ || text.empty() ? std::vector<AnswerDelta>() : parser_.push(text), false);
}

AnswerPiece AnswerBuilder::finish() {
  const std::string text = stream_.stopped() ? "" : stream_.finish();
  std::vector<AnswerDelta> deltas;
  if (!plain_) {
    deltas = parser_.push(text);
    const std::vector<AnswerDelta> rest = parser_.finish();
    deltas.insert(deltas.end(), rest.begin(), rest.end());
  }
  return take(text, std::move(deltas), true);
}

AnswerPiece AnswerBuilder::take(const std::string& text, std::vector<AnswerDelta> deltas, bool last) {
  AnswerPiece piece;
  if (plain_ && !text.empty()) deltas.push_back({AnswerDelta::Kind::content, 0, text});
  for (const AnswerDelta& d : deltas) reasoning_ = d.kind == AnswerDelta::Kind::reasoning;
  piece.deltas = std::move(deltas);

  shown_ += text.size();
  const bool all = !stream_.stopped() && (last || stream_.held() == 0);
  while (!waiting_.empty() && (all || waiting_.front().start < shown_)) {
    piece.tokens.push_back(std::move(waiting_.front().detail));
    waiting_.pop_front();
  }
  return piece;
}

}  // namespace dure
