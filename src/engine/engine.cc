#include "engine/engine.h"

#include <algorithm>

#include "base/error.h"
#include "ops/view.h"

namespace dure {
namespace {

constexpr int kMinShared = 16;  // fewer tokens are not worth another sequence's pages

}  // namespace

Engine::Engine(Model& model, Device& device, const EngineOptions& options)
    : model_(model),
      device_(device),
      max_model_len_(options.max_model_len > 0 ? options.max_model_len : model.info().max_position_embeddings),
      max_batch_(std::max(options.max_num_batched_tokens, 1)),
      exact_(options.exact),
      pool_(0) {
  const auto planes = model.cache_planes();
  const int64_t page_bytes = cache_bytes_per_token(planes, options.cache_dtype) * KVCache::kBlockSize;
  const int64_t pages = options.cache_bytes > 0 ? options.cache_bytes / page_bytes : pages_for(max_model_len_);
  require(pages > 0 && pages < (1 << 24), "KV cache: {} bytes hold no page of {} bytes", options.cache_bytes,
          page_bytes);
  cache_ = std::make_unique<KVCache>(device, planes, static_cast<int>(pages), options.cache_dtype);
  pool_ = BlockPool(static_cast<int>(pages));
  max_model_len_ = static_cast<int>(std::min<int64_t>(max_model_len_, pages * KVCache::kBlockSize));
}

int64_t Engine::cache_bytes() const { return cache_->bytes(); }

int Engine::pages_for(int tokens) const { return (tokens + KVCache::kBlockSize - 1) / KVCache::kBlockSize; }

SeqId Engine::add(Request request) {
  const int vocab = model_.info().vocab_size;
  require(!request.prompt.empty(), "the prompt is empty");
  require(static_cast<int>(request.prompt.size()) < max_model_len_,
          "the prompt has {} tokens, the context holds {} with the answer", request.prompt.size(), max_model_len_);
  for (const int id : request.prompt)
    require(id >= 0 && id < vocab, "token id {}: the vocabulary has {} entries", id, vocab);
  require(request.n == 1, "n is {}: not yet", request.n);
  Sampler sampler(request.sampling, vocab, workspace_);
  waiting_.push_back(std::make_unique<Sequence>(next_id_, std::move(request), std::move(sampler)));
  return next_id_++;
}

int Engine::cached_tokens(const std::vector<int>&, int) const { return 0; }

EngineStats Engine::stats() const {
  EngineStats s;
  s.running = static_cast<int>(running_.size());
  s.waiting = static_cast<int>(waiting_.size());
  return s;
}

void Engine::cancel(SeqId id) {
  // Running sequences are only marked: this may be a callback in the midst of a step. The next step drops them.
  for (auto& s : running_)
    if (s->id == id && !s->finished) finish(*s, FinishReason::cancelled);
  const auto it = std::ranges::find_if(waiting_, [&](const auto& s) { return s->id == id; });
  if (it == waiting_.end()) return;
  const std::unique_ptr<Sequence> s = std::move(*it);
  waiting_.erase(it);
  finish(*s, FinishReason::cancelled);
}

/// Starts waiting sequences, in order, while the cache has room for all that each may need.
void Engine::admit() {
  while (!waiting_.empty()) {
    Sequence& s = *waiting_.front();
    const int64_t wanted = int64_t{s.prompt_length()} + s.request.sampling.max_tokens.value_or(max_model_len_);
    const int need = pages_for(static_cast<int>(std::min<int64_t>(wanted, max_model_len_)));
    if (need > pool_.available()) return;
    if (auto parked = pool_.reclaim(s.tokens, kMinShared)) {
      // The last row is computed anew whatever is shared: its logits choose the first token.
      s.computed = std::min(static_cast<int>(parked->tokens.size()), s.prompt_length() - 1);
      s.pages = std::move(parked->pages);
    }
    const int have = static_cast<int>(s.pages.size());
    if (have > need) {
      pool_.give_back({s.pages.begin() + need, s.pages.end()});
      s.pages.resize(static_cast<size_t>(need));
    } else {
      const std::vector<int> more = pool_.take(need - have);
      s.pages.insert(s.pages.end(), more.begin(), more.end());
    }
    running_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
    if (s.request.on_start) s.request.on_start(s.computed);
  }
}

RowKind Engine::kind_of(const Sequence& s) const {
  return exact_ || s.computed >= s.prompt_length() ? RowKind::sampled : RowKind::prompt;
}

/// Single rows first, so that nobody's answer waits for another's prompt.
std::vector<Engine::Scheduled> Engine::schedule(RowKind kind, int* budget) const {
  std::vector<Scheduled> scheduled;
  for (const bool single : {true, false})
    for (const auto& s : running_) {
      const int left = s->length() - s->computed;
      if (kind_of(*s) != kind || (left == 1) != single || *budget == 0) continue;
      scheduled.push_back({s.get(), std::min(left, *budget)});
      *budget -= scheduled.back().rows;
    }
  return scheduled;
}

Batch Engine::make_batch(const std::vector<Scheduled>& scheduled, RowKind kind) const {
  Batch b;
  b.kind = kind;
  b.starts = {0};
  size_t widest = 0;
  for (const auto& [s, rows] : scheduled) widest = std::max(widest, s->pages.size());
  std::vector<int> table;  // [S, widest]
  for (const auto& [s, rows] : scheduled) {
    for (int i = s->computed; i < s->computed + rows; ++i) {
      b.tokens.push_back(s->tokens[i]);
      b.positions.push_back(i);
    }
    b.starts.push_back(b.rows());
    table.insert(table.end(), s->pages.begin(), s->pages.end());
    table.resize(table.size() + widest - s->pages.size());
  }
  b.cache = cache_.get();
  b.block_table =
      Tensor::from(device_, table).alias({static_cast<int64_t>(scheduled.size()), static_cast<int64_t>(widest)});
  return b;
}

bool Engine::step() {
  std::erase_if(running_, [](const auto& s) { return s->finished; });
  admit();
  std::vector<Scheduled> scheduled;
  std::vector<Computed> computed;
  int budget = max_batch_;
  for (const RowKind kind : {RowKind::sampled, RowKind::prompt}) {
    const std::vector<Scheduled> some = schedule(kind, &budget);
    if (some.empty()) continue;
    computed.push_back(compute(some, kind));
    scheduled.insert(scheduled.end(), some.begin(), some.end());
  }
  if (scheduled.empty()) return false;
  commit(scheduled, computed);
  std::erase_if(running_, [](const auto& s) { return s->finished; });
  return !running_.empty() || !waiting_.empty();
}

Engine::Computed Engine::compute(const std::vector<Scheduled>& scheduled, RowKind kind) {
  const Tensor hidden = model_.forward(make_batch(scheduled, kind));  // [T, D]
  Computed computed;
  std::vector<int> last_rows;
  int row = 0;
  for (const auto& [s, rows] : scheduled) {
    row += rows;
    if (s->computed + rows < s->length()) continue;  // the prompt goes on in the next step
    last_rows.push_back(row - 1);
    computed.sampling.push_back(s);
  }
  if (!last_rows.empty()) computed.logits = model_.logits(take_rows(hidden, last_rows));  // [sampling, V]
  return computed;
}

void Engine::commit(const std::vector<Scheduled>& scheduled, const std::vector<Computed>& computed) {
  // The model is done; only from here on does anything change. A callback may cancel any sequence.
  for (const auto& [s, rows] : scheduled) {
    if (s->finished) continue;
    s->computed += rows;
    if (s->computed <= s->prompt_length() && s->request.on_prefill)
      s->request.on_prefill(s->computed, s->prompt_length());
  }
  for (const auto& [sampling, logits] : computed)
    for (size_t i = 0; i < sampling.size(); ++i) {
      Sequence& s = *sampling[i];
      if (s.finished) continue;
      const size_t vocab = static_cast<size_t>(logits.dim(1));
      const Sampled token = s.sampler.sample(logits.data().subspan(i * vocab, vocab), s.tokens, s.prompt_length());
      if (is_stop_token(s.request.sampling, token.id)) {
        finish(s, FinishReason::stop);
        continue;
      }
      s.tokens.push_back(token.id);
      const int answered = s.length() - s.prompt_length();
      const bool full =
          s.length() >= max_model_len_ || answered >= s.request.sampling.max_tokens.value_or(max_model_len_);
      const bool more = !s.request.on_token || s.request.on_token(0, token);
      if (s.finished) continue;
      if (!more || full) finish(s, more ? FinishReason::length : FinishReason::cancelled);
    }
}

void Engine::finish(Sequence& s, FinishReason reason) {
  s.finished = true;
  s.tokens.resize(static_cast<size_t>(s.computed));
  pool_.park(std::move(s.tokens), std::move(s.pages));
  if (s.request.on_finish) s.request.on_finish(0, reason);
}

}  // namespace dure
