#include "engine/engine.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/error.h"
#include "engine/cached_batch.h"
#include "engine/mtp_drafter.h"
#include "engine/ngram_drafter.h"
#include "ops/view.h"

namespace dure {
namespace {

using Clock = std::chrono::steady_clock;

// Reading from the disk holds everybody up, so a step does it for so long and a block more.
constexpr std::chrono::milliseconds kLoadTime{20};

/// Sets a flag for as long as it lives.
class Busy {
 public:
  explicit Busy(bool& flag) : flag_(flag), outermost_(!std::exchange(flag, true)) {}
  ~Busy() {
    if (outermost_) flag_ = false;
  }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;
  bool outermost() const { return outermost_; }

 private:
  bool& flag_;
  bool outermost_;
};

constexpr float kLeastLogprob = -9999;  // what clients read instead of -inf, as in vLLM

}  // namespace

Engine::Engine(Model& model, Device& device, const EngineOptions& options, std::unique_ptr<Drafter> drafter)
    : model_(model),
      device_(device),
      max_model_len_(options.max_model_len > 0 ? options.max_model_len : model.info().max_position_embeddings),
      drafter_(std::move(drafter)),
      draft_length_(options.speculation) {
  DraftSource source = drafter_ ? DraftSource::none : options.speculation.source;
  if (source == DraftSource::automatic) source = model.can_draft() ? DraftSource::mtp : DraftSource::ngram;
  const bool mtp = source == DraftSource::mtp;
  require(!mtp || model.can_draft(), "speculation: {} has no layer for multi-token prediction",
          model.info().model_type);
  const auto planes = model.cache_planes(mtp);
  const int64_t block_bytes = cache_bytes_per_token(planes, options.cache_dtype) * KVCache::kBlockSize;
  const int64_t blocks =
      options.cache_bytes > 0 ? options.cache_bytes / block_bytes : BlockManager::blocks_for(max_model_len_);
  require(blocks > 0 && blocks < (1 << 24), "KV cache: {} bytes hold no page of {} bytes", options.cache_bytes,
          block_bytes);
  max_model_len_ = static_cast<int>(std::min<int64_t>(max_model_len_, blocks * KVCache::kBlockSize));

  const BlockManagerOptions memory{static_cast<int>(blocks), options.cache_dtype, options.exact,
                                   options.fingerprint,      options.cache_dir,   options.cache_dir_bytes};
  blocks_ = std::make_unique<BlockManager>(device, planes, memory);
  for (int i = 0; i < device.threads().size(); ++i) workspaces_.push_back(std::make_shared<SamplerWorkspace>());
  const int rows = std::max(options.max_num_batched_tokens, 1);
  const int sequences = std::clamp(options.max_num_seqs, 1, rows);
  scheduler_ = std::make_unique<Scheduler>(*blocks_, SchedulerLimits{sequences, rows, options.exact});
  if (mtp) drafter_ = std::make_unique<MtpDrafter>(model, device, blocks_->cache());
  if (source == DraftSource::ngram) drafter_ = std::make_unique<NgramDrafter>();
  if (options.max_num_waiting > 0) max_requests_ = std::max<int64_t>(options.max_num_seqs, 1) + options.max_num_waiting;
}

SeqId Engine::add(Request request) {
  const int vocab = model_.info().vocab_size, adapters = static_cast<int>(model_.adapters().size());
  require(!request.prompt.empty(), "the prompt is empty");
  require(static_cast<int>(request.prompt.size()) < max_model_len_,
          "the prompt has {} tokens, the context holds {} with the answer", request.prompt.size(), max_model_len_);
  for (const int id : request.prompt)
    require(id >= 0 && id < vocab, "token id {}: the vocabulary has {} entries", id, vocab);
  require(request.n >= 1 && request.n <= kMaxChoices, "n is {}, must be between 1 and {}", request.n, kMaxChoices);
  require(request.adapter >= -1 && request.adapter < adapters, "adapter {}: the model has {}", request.adapter,
          adapters);
  if (max_requests_ > 0 && scheduler_->requests() >= max_requests_)
    throw QueueFull(fmt::format("{} requests run or wait already, which is the limit", max_requests_));

  const auto group = std::make_shared<SequenceGroup>(SequenceGroup{next_id_, std::move(request)});
  std::vector<std::unique_ptr<Sequence>> choices;
  SamplingParams sampling = group->request.sampling;
  for (int i = 0; i < group->request.n; ++i) {
    Sampler sampler(sampling, vocab, workspaces_.front());
    sampling.seed = sampler.seed() + 1;
    auto constraint = group->request.constraint ? group->request.constraint(i) : nullptr;
    choices.push_back(std::make_unique<Sequence>(Sequence{group, i, std::move(sampler), std::move(constraint),
                                                          i == 0 ? SequenceState::waiting : SequenceState::forking,
                                                          group->request.prompt}));
    choices.back()->drafting.follow = drafter_ != nullptr && draft_length_.follow();
  }
  for (auto& s : choices) scheduler_->add(std::move(s));
  return next_id_++;
}

void Engine::cancel(SeqId id) {
  const Busy busy(busy_);
  for (const Sequence* s : scheduler_->sequences())
    if (s->group->id == id) {
      const std::shared_ptr<SequenceGroup> group = s->group;
      finish_all(*group, FinishReason::cancelled);
      break;
    }
  if (busy.outermost()) scheduler_->sweep();
}

int Engine::cached_tokens(const std::vector<int>& prompt, int adapter) const {
  return prompt.empty() ? 0 : blocks_->plan(prompt, adapter, static_cast<int>(prompt.size()) - 1).rows();
}

EngineStats Engine::stats() const {
  EngineStats s = counts_;
  s.running = scheduler_->count(SequenceState::running);
  s.waiting = scheduler_->count(SequenceState::waiting) + scheduler_->count(SequenceState::forking);
  const BlockPool& pool = blocks_->pool();
  s.blocks = pool.size();
  s.blocks_used = pool.size() - pool.available();
  s.blocks_cached = pool.idle();
  s.disk_hits = blocks_->disk_hits();
  s.disk_bytes = blocks_->disk_bytes();
  s.preemptions = scheduler_->preemptions();
  return s;
}

bool Engine::step() {
  const Busy busy(busy_);
  DURE_ASSERT(busy.outermost());
  ++counts_.steps;
  end_late();
  scheduler_->admit();
  load();
  tell_started();
  const Clock::time_point begin = Clock::now();
  std::vector<Computed> computed;
  for (ScheduledBatch& batch : scheduler_->schedule()) {
    Computed c{std::move(batch), {}, {}, {}};
    if (compute(c)) computed.push_back(std::move(c));
  }
  for (Computed& c : computed) commit_rows(c);
  for (Computed& c : computed) commit_tokens(c);
  if (drafter_) draft(computed, begin);
  switch_adapter(model_, -1);  // for whoever else uses the model
  scheduler_->sweep();
  return !scheduler_->idle();
}

void Engine::end_late() {
  const Clock::time_point now = Clock::now();
  for (const Sequence* s : scheduler_->sequences())
    if (!s->finished() && s->request().deadline && *s->request().deadline <= now)
      finish_all(*s->group, FinishReason::deadline);
}

void Engine::load() {
  const Clock::time_point end = Clock::now() + kLoadTime;
  for (Sequence* s : scheduler_->sequences())
    while (s->running() && s->loading && Clock::now() < end) blocks_->load(*s);
}

void Engine::tell_started() {
  for (const Sequence* s : scheduler_->sequences()) {
    SequenceGroup& group = *s->group;
    if (!s->running() || s->loading || group.started) continue;
    group.started = true;
    counts_.prompt_tokens += s->prompt_length();
    counts_.prefix_queries += s->prompt_length();
    counts_.prefix_hits += s->computed;
    if (group.request.on_start) guarded(group, [&] { group.request.on_start(s->computed); });
  }
}

Batch Engine::make_batch(const ScheduledBatch& batch) const {
  Batch b;
  b.starts = {0};
  std::vector<const Sequence*> sequences;
  for (const auto& [s, rows] : batch.parts) {
    for (int i = s->computed; i < s->computed + rows; ++i) {
      b.tokens.push_back(s->token(i));
      b.positions.push_back(i);
    }
    b.starts.push_back(b.rows());
    sequences.push_back(s);
  }
  use_cache(b, blocks_->cache(), device_, batch.kind, sequences);
  return b;
}

/// False if the model failed, and so did the requests of the batch.
bool Engine::compute(Computed& c) {
  std::erase_if(c.batch.parts, [](const Scheduled& p) { return p.sequence->finished(); });
  if (c.batch.parts.empty()) return false;
  try {
    switch_adapter(model_, c.batch.adapter);
    c.hidden = model_.forward(make_batch(c.batch));
    std::vector<int> last_rows;
    int row = 0;
    for (const auto& [s, rows] : c.batch.parts) {
      row += rows;
      const int choices = s->computed + rows - s->length() + 1;
      if (choices <= 0) continue;  // the rest comes in later steps
      for (int i = choices; i > 0; --i) last_rows.push_back(row - i);
      c.sampling.push_back({s, choices});
    }
    if (!last_rows.empty()) c.logits = model_.logits(take_rows(c.hidden, last_rows));
    return true;
  } catch (...) {
    for (const auto& [s, rows] : c.batch.parts) fail(*s->group, std::current_exception());
    return false;
  }
}

void Engine::commit_rows(Computed& c) {
  for (const auto& [s, rows] : c.batch.parts) {
    c.before.push_back(s->computed);
    if (s->finished()) continue;
    const int sure = std::min(rows, s->length() - s->computed);  // without guesses
    const int known = static_cast<int>(s->kinds.size());
    if (s->resumed) counts_.recomputed_tokens += std::clamp(known - s->computed, 0, sure);
    blocks_->advance(*s, sure);
    SequenceGroup& group = *s->group;
    if (s->choice != 0 || s->computed > s->prompt_length() || s->computed <= group.prefilled) continue;
    group.prefilled = s->computed;
    if (group.request.on_prefill) guarded(group, [&] { group.request.on_prefill(s->computed, s->prompt_length()); });
  }
}

void Engine::commit_tokens(Computed& c) {
  sample_together(c);
  std::span<const float> logits = c.logits.defined() ? c.logits.data() : std::span<const float>();
  const size_t vocab = static_cast<size_t>(model_.info().vocab_size);
  for (Sampling& sampling : c.sampling) {
    Sequence* s = sampling.sequence;
    const std::span<const float> own = logits.first(static_cast<size_t>(sampling.rows) * vocab);
    logits = logits.subspan(own.size());
    if (s->finished()) continue;
    if (s->goes_alone()) {
      choose_along(sampling, own);
      continue;
    }
    // The prompt's last row: all choices begin with it.
    scheduler_->fork(*s);
    for (Sequence* choice : scheduler_->sequences())
      if (choice->group == s->group && !choice->finished()) choose(*choice, own);
  }
}

/// The next tokens of sequences, on all threads: of a large vocabulary one takes a millisecond. A constraint must be
/// asked when it is its turn.
void Engine::sample_together(Computed& c) {
  std::vector<std::pair<Sampling*, std::span<const float>>> work;
  std::span<const float> logits = c.logits.defined() ? c.logits.data() : std::span<const float>();
  const size_t vocab = static_cast<size_t>(model_.info().vocab_size);
  for (Sampling& sampling : c.sampling) {
    const Sequence& s = *sampling.sequence;
    if (!s.finished() && s.goes_alone() && !s.constraint) work.emplace_back(&sampling, logits.first(vocab));
    logits = logits.subspan(static_cast<size_t>(sampling.rows) * vocab);
  }
  if (work.size() < 2) return;
  const size_t threads = workspaces_.size();
  device_.threads().parallel_for(static_cast<int64_t>(threads), 1, [&](int64_t begin, int64_t end) {
    for (size_t thread = static_cast<size_t>(begin); thread < static_cast<size_t>(end); ++thread)
      for (size_t i = thread; i < work.size(); i += threads) {
        auto& [sampling, row] = work[i];
        Sequence& s = *sampling->sequence;
        s.sampler.use(workspaces_[thread]);
        try {
          sampling->first = s.sampler.sample(row, s.tokens, s.prompt_length());
        } catch (...) {
          sampling->error = std::current_exception();
        }
      }
  });
}

/// Chooses a token after the last row that is sure, and after each guess for as long as guesses come true.
void Engine::choose_along(Sampling& sampling, std::span<const float> logits) {
  Sequence& s = *sampling.sequence;
  const int rows = sampling.rows;
  const std::vector<int> drafts = std::exchange(s.drafts, {});
  const size_t vocab = logits.size() / static_cast<size_t>(rows);
  int kept = 0;
  for (;;) {
    // A constraint may have forced several tokens at once: those that were guessed are computed already.
    if (s.length() == s.computed)
      choose(s, logits.subspan(static_cast<size_t>(kept) * vocab, vocab), kept == 0 ? &sampling : nullptr);
    if (s.finished() || kept == rows - 1) break;
    if (s.tokens[static_cast<size_t>(s.computed)] != drafts[static_cast<size_t>(kept)]) break;
    blocks_->advance(s, 1);
    ++kept;
  }
  if (rows == 1) return;
  counts_.drafted_tokens += rows - 1;
  counts_.accepted_tokens += kept;
  draft_length_.compared(s.drafting, std::min(kept + 1, rows - 1), kept);
}

/// Guesses for the next step.
void Engine::draft(const std::vector<Computed>& computed, Clock::time_point begin) {
  const Clock::time_point computed_at = Clock::now();
  int rows = 0, depth = 0;
  bool answers_only = true;
  for (const Computed& c : computed) {
    KeptBatch kept{c.hidden, c.batch.kind, {}};
    int first = 0;
    for (size_t i = 0; i < c.batch.parts.size(); first += c.batch.parts[i].rows, ++i) {
      Sequence& s = *c.batch.parts[i].sequence;
      answers_only &= c.before[i] >= s.prompt_length();
      if (!s.running() || s.computed <= c.before[i]) continue;
      const int wanted = drafts_wanted(s);
      depth = std::max(depth, wanted);
      kept.parts.push_back({&s, first, c.before[i], s.computed - c.before[i], wanted});
    }
    rows += first;
    if (kept.parts.empty()) continue;
    switch_adapter(model_, c.batch.adapter);
    drafter_->follow(kept);
  }
  const std::chrono::duration<double> whole = Clock::now() - begin, guessing = Clock::now() - computed_at;
  if (!answers_only || rows == 0) return;
  if (const double foreseen = draft_length_.seconds(rows, depth); foreseen > 0) {
    counts_.step_seconds += whole.count();
    counts_.foreseen_seconds += foreseen;
  }
  draft_length_.took(rows, whole.count(), depth, guessing.count());
}

int Engine::drafts_wanted(Sequence& s) {
  if (s.computed < s.prompt_length() || s.length() - s.computed != 1) return 0;
  const int answered = s.length() - s.prompt_length();
  const int left =
      std::min(max_model_len_ - s.length(), s.request().sampling.max_tokens.value_or(max_model_len_) - answered);
  // The last token of all is sampled, not guessed.
  return std::min(draft_length_.choose(s.drafting, scheduler_->count(SequenceState::running)), left - 1);
}

/// Goes on with what the constraint forces, or else with a sampled token, which may be known.
void Engine::choose(Sequence& s, std::span<const float> logits, Sampling* known) {
  guarded(*s.group, [&] {
    if (known != nullptr && known->error) std::rethrow_exception(known->error);
    if (s.constraint && s.constraint->complete()) return finish(s, FinishReason::stop);
    if (feed_forced(s)) return;
    const auto sample = [&] {
      const auto mask = s.constraint ? s.constraint->mask() : std::span<const uint64_t>();
      return s.sampler.sample(logits, s.tokens, s.prompt_length(), mask);
    };
    Sampled token = known != nullptr && known->first ? std::move(*known->first) : sample();
    if (is_stop_token(s.request().sampling, token.id)) return finish(s, FinishReason::stop);
    for (TokenLogprob& t : token.top) t.logprob = std::max(t.logprob, kLeastLogprob);
    if (s.request().sampling.logprobs) token.logprob = std::max(token.logprob, kLeastLogprob);
    if (append(s, token)) feed_forced(s);
  });
}

/// Tokens that need no sampling; the next steps compute their rows together. None with log-probabilities, which every
/// token then must have. False if there are none.
bool Engine::feed_forced(Sequence& s) {
  if (!s.constraint || s.request().sampling.logprobs) return false;
  const std::vector<int> forced = s.constraint->forced();
  for (const int id : forced) {
    require(id >= 0 && id < model_.info().vocab_size, "forced token id {}: the vocabulary has {} entries", id,
            model_.info().vocab_size);
    if (is_stop_token(s.request().sampling, id)) {
      finish(s, FinishReason::stop);
      break;
    }
    if (!append(s, {id, std::numeric_limits<float>::quiet_NaN(), {}})) break;
  }
  return !forced.empty();
}

/// False if that was the last token.
bool Engine::append(Sequence& s, const Sampled& token) {
  s.tokens.push_back(token.id);
  ++counts_.generated_tokens;
  if (s.constraint) s.constraint->accept(token.id);
  const Request& request = s.request();
  const bool more = !request.on_token || request.on_token(s.choice, token);
  if (s.finished()) return false;
  const int answered = s.length() - s.prompt_length();
  const bool full = s.length() >= max_model_len_ || answered >= request.sampling.max_tokens.value_or(max_model_len_);
  if (!more) {
    finish(s, FinishReason::cancelled);
  } else if (s.constraint && s.constraint->complete()) {
    finish(s, FinishReason::stop);
  } else if (full) {
    finish(s, FinishReason::length);
  }
  return !s.finished();
}

/// Whether `call` went through; if it threw, its request has failed.
template <class Call>
bool Engine::guarded(SequenceGroup& group, const Call& call) {
  try {
    call();
    return true;
  } catch (...) {
    fail(group, std::current_exception());
    return false;
  }
}

void Engine::finish(Sequence& s, FinishReason reason) {
  scheduler_->finish(s);
  ++counts_.finished[static_cast<size_t>(reason)];
  SequenceGroup& group = *s.group;
  if (group.request.on_finish) guarded(group, [&] { group.request.on_finish(s.choice, reason); });
}

void Engine::finish_all(const SequenceGroup& group, FinishReason reason) {
  for (Sequence* s : scheduler_->sequences())
    if (s->group.get() == &group && !s->finished()) finish(*s, reason);
}

void Engine::fail(SequenceGroup& group, std::exception_ptr error) {
  if (!group.failed) {
    group.failed = true;
    try {
      if (group.request.on_error) group.request.on_error(std::move(error));
    } catch (...) {  // there is nobody left to tell
    }
  }
  finish_all(group, FinishReason::failed);
}

}  // namespace dure
