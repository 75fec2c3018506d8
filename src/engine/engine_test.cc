// Requests from their beginning to each kind of end.
#include "engine/test_engine.h"

namespace dure {
namespace {

TEST(Engine, ARequestGetsTheSameTokensInCompanyAsAlone) {
  TinyEngine f;
  Engine engine = f.engine(512, 12, 64);  // three at a time; the rest wait
  std::vector<TinyAnswer> answers(8);
  for (int i = 0; i < 8; ++i) engine.add(tiny_request(tiny_prompt(5 + 37 * i, i), 20 + i, &answers[i]));
  run_to_end(engine);
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(answers[i].reason, FinishReason::length);
    EXPECT_EQ(answers[i].tokens, tiny_alone(f, tiny_prompt(5 + 37 * i, i), 20 + i).tokens) << i;
  }
}

TEST(Engine, APromptThatContinuesAConversationComputesOnlyTheRest) {
  TinyEngine f;
  Engine engine = f.engine(1024);
  TinyAnswer first, second;
  std::vector<int> ids = tiny_prompt(200, 3);
  engine.add(tiny_request(ids, 10, &first));
  run_to_end(engine);
  ids.insert(ids.end(), first.tokens.begin(), first.tokens.end());
  ids.push_back(7);
  Request r = tiny_request(ids, 10, &second);
  int before = -1;
  r.on_prefill = [&](int done, int) {
    if (before < 0) before = done;
  };
  engine.add(std::move(r));
  engine.step();
  EXPECT_EQ(before, 211);
  run_to_end(engine);
  EXPECT_EQ(second.tokens, tiny_alone(f, ids, 10).tokens);
}

TEST(Engine, StopsWhereItIsTold) {
  TinyEngine f;
  const std::vector<int> tokens = tiny_alone(f, tiny_prompt(9, 1), 8).tokens;
  TinyAnswer stopped, refused, full;
  Engine engine = f.engine(64);
  Request r = tiny_request(tiny_prompt(9, 1), 8, &stopped);
  r.sampling.stop_token_ids = {tokens[5]};
  engine.add(std::move(r));
  r = tiny_request(tiny_prompt(9, 1), 8, &refused);
  r.on_token = [&](int, const Sampled& t) { return refused.tokens.push_back(t.id), refused.tokens.size() < 3; };
  engine.add(std::move(r));
  r = tiny_request(tiny_prompt(60, 1), 8, &full);
  engine.add(std::move(r));
  run_to_end(engine);
  EXPECT_EQ(stopped.reason, FinishReason::stop);
  EXPECT_LE(stopped.tokens.size(), 5u);
  EXPECT_EQ(refused.reason, FinishReason::cancelled);
  EXPECT_EQ(refused.tokens.size(), 3u);
  EXPECT_EQ(full.reason, FinishReason::length);
  EXPECT_EQ(full.tokens.size(), 4u);
}

TEST(Engine, ACallbackMayCancelAnySequence) {
  TinyEngine f;
  Engine engine = f.engine(512, 4);  // two at a time; the third waits
  std::vector<TinyAnswer> answers(3);
  std::vector<SeqId> ids;
  for (int i = 0; i < 3; ++i) {
    Request r = tiny_request(tiny_prompt(9, i), 20, &answers[i]);
    if (i == 0) {
      r.on_token = [&](int, const Sampled& t) {
        answers[0].tokens.push_back(t.id);
        if (answers[0].tokens.size() == 3)
          for (const SeqId id : ids) engine.cancel(id);
        return true;
      };
    }
    ids.push_back(engine.add(std::move(r)));
  }
  run_to_end(engine);
  for (const TinyAnswer& a : answers) EXPECT_EQ(a.reason, FinishReason::cancelled);
  EXPECT_EQ(answers[0].tokens.size(), 3u);
  TinyAnswer after;
  engine.add(tiny_request(tiny_prompt(9, 1), 5, &after));
  run_to_end(engine);
  EXPECT_EQ(after.tokens, tiny_alone(f, tiny_prompt(9, 1), 5).tokens);
}

TEST(Engine, RefusesWhatCanNotRun) {
  TinyEngine f;
  Engine engine = f.engine(64);
  TinyAnswer answer;
  EXPECT_THROW(engine.add(tiny_request({}, 1, &answer)), Error);
  EXPECT_THROW(engine.add(tiny_request({320}, 1, &answer)), Error);
  EXPECT_THROW(engine.add(tiny_request({-1}, 1, &answer)), Error);
  EXPECT_THROW(engine.add(tiny_request(tiny_prompt(64, 1), 1, &answer)), Error);
  EXPECT_FALSE(engine.step());
}

TEST(Engine, RefusesWhatIsOneTooMany) {
  TinyEngine f;
  EngineOptions options = f.options(64);
  options.max_num_seqs = 1;
  options.max_num_waiting = 2;
  Engine engine = f.engine(options);
  std::vector<TinyAnswer> answers(4);
  engine.add(tiny_request(tiny_prompt(9, 0), 5, &answers[0]));
  engine.step();
  const SeqId second = engine.add(tiny_request(tiny_prompt(9, 1), 5, &answers[1]));
  engine.add(tiny_request(tiny_prompt(9, 2), 5, &answers[2]));
  EXPECT_THROW(engine.add(tiny_request(tiny_prompt(9, 3), 5, &answers[3])), QueueFull);
  engine.cancel(second);
  EXPECT_EQ(answers[1].reason, FinishReason::cancelled);
  engine.add(tiny_request(tiny_prompt(9, 3), 5, &answers[3]));
  run_to_end(engine);
  EXPECT_EQ(answers[3].reason, FinishReason::length);
  EXPECT_EQ(engine.stats().finished[static_cast<size_t>(FinishReason::length)], 3);
}

TEST(Engine, ARequestEndsAtItsDeadline) {
  TinyEngine f;
  EngineOptions options = f.options(512);
  options.max_num_seqs = 1;
  Engine engine = f.engine(options);
  const auto now = std::chrono::steady_clock::now();
  TinyAnswer late[2], running, waiting;
  Request r = tiny_request(tiny_prompt(9, 0), 400, &running);
  r.deadline = now + std::chrono::milliseconds(20);
  engine.add(std::move(r));
  engine.step();
  r = tiny_request(tiny_prompt(9, 1), 5, late);
  r.n = 2;
  r.deadline = now;
  engine.add(std::move(r));
  engine.add(tiny_request(tiny_prompt(9, 2), 5, &waiting));
  run_to_end(engine);
  EXPECT_EQ(running.reason, FinishReason::deadline);
  for (const TinyAnswer& answer : late) EXPECT_EQ(answer.reason, FinishReason::deadline);
  EXPECT_EQ(late[0].cached, -1);
  EXPECT_EQ(waiting.reason, FinishReason::length);
}

/// What a callback throws ends its request, and no other.
TEST(Engine, ACallbackThatThrowsFailsItsRequestAlone) {
  TinyEngine f;
  for (const char* where : {"start", "prefill", "token", "finish", "error"}) {
    SCOPED_TRACE(where);
    Engine engine = f.engine(512);
    TinyAnswer good, bad[3];
    int errors = 0;
    const auto thrower = [&](const char* here) {
      if (where == std::string(here)) throw std::runtime_error(here);
    };
    Request r = tiny_request(tiny_prompt(30, 1), 9, bad, 1);
    r.n = 3;
    r.on_start = [=](int) { thrower("start"); };
    r.on_prefill = [=](int, int) { thrower("prefill"); };
    r.on_token = [=, tokens = 0](int, const Sampled&) mutable {
      if (++tokens == 8) thrower("token"), thrower("error");
      if (tokens == 8 && where == std::string("error")) throw std::runtime_error("x");
      return true;
    };
    r.on_finish = [=, finish = r.on_finish](int choice, FinishReason reason) {
      finish(choice, reason);
      thrower("finish");
    };
    r.on_error = [&](std::exception_ptr e) {
      ++errors;
      EXPECT_THROW(std::rethrow_exception(e), std::runtime_error);
      thrower("error");
    };
    engine.add(std::move(r));
    engine.add(tiny_request(tiny_prompt(31, 2), 20, &good));
    run_to_end(engine);
    EXPECT_TRUE(good.same(tiny_alone(f, tiny_prompt(31, 2), 20)));
    EXPECT_EQ(errors, 1);
    for (const TinyAnswer& answer : bad) EXPECT_EQ(answer.finished, 1);
    EXPECT_EQ(bad[2].reason, FinishReason::failed);
    EXPECT_EQ(engine.stats().blocks_used, 0);
  }
}

/// Another model that fails now and then.
class Faulty : public Model {
 public:
  explicit Faulty(Model& model) : model_(model) {}
  Tensor forward(const Batch& b) override {
    require(b.rows() != bad_rows, "{} rows", bad_rows);
    return model_.forward(b);
  }
  Tensor logits(const Tensor& hidden) override { return model_.logits(hidden); }
  Tensor draft_hidden(const Tensor& hidden, const Batch& next) override { return model_.draft_hidden(hidden, next); }
  Tensor draft_logits(const Tensor& hidden) override { return model_.draft_logits(hidden); }
  bool can_draft() const override { return false; }
  const Parameters& parameters() const override { return model_.parameters(); }
  std::vector<std::vector<CachePlane>> cache_planes(bool) const override { return model_.cache_planes(); }
  const ModelInfo& info() const override { return model_.info(); }
  const std::vector<AdapterSwitch>& adapters() const override { return model_.adapters(); }

  int bad_rows = 0;

 private:
  Model& model_;
};

TEST(Engine, AnErrorOfTheModelFailsTheRequestsOfThatBatch) {
  TinyEngine f;
  Faulty model(*f.model);
  model.bad_rows = 33;
  Engine engine(model, *f.device, f.options(512));
  TinyAnswer good, bad;
  engine.add(tiny_request(tiny_prompt(30, 1), 20, &good));
  engine.step();
  Request r = tiny_request(tiny_prompt(33, 2), 20, &bad);
  std::string message;
  r.on_error = [&](std::exception_ptr e) {
    try {
      std::rethrow_exception(e);
    } catch (const Error& error) {
      message = error.what();
    }
  };
  engine.add(std::move(r));
  run_to_end(engine);
  EXPECT_EQ(bad.reason, FinishReason::failed);
  EXPECT_EQ(message, "33 rows");
  EXPECT_TRUE(good.same(tiny_alone(f, tiny_prompt(30, 1), 20)));
  EXPECT_EQ(engine.stats().blocks_used, 0);
}

/// A script: tokens that are forced, then sampled ones from a few, again and again.
class Script : public TokenConstraint {
 public:
  Script(std::vector<int> text, int end) : text_(std::move(text)), end_(end) {}

  std::span<const uint64_t> mask() override {
    mask_.assign(5, 0);
    if (text_[place_] < 0) {
      for (const int id : {7, 11, 200}) mask_[static_cast<size_t>(id / 64)] |= uint64_t{1} << (id % 64);
    } else {
      mask_[static_cast<size_t>(text_[place_] / 64)] |= uint64_t{1} << (text_[place_] % 64);
    }
    return mask_;
  }
  void accept(int id) override {
    require(mask()[static_cast<size_t>(id / 64)] >> (id % 64) & 1, "token {} is not in the script", id);
    ++place_;
  }
  std::vector<int> forced() override {
    const auto begin = text_.begin() + static_cast<long>(place_);
    return {begin, std::find(begin, text_.end(), -1)};
  }
  bool complete() const override { return place_ == text_.size() || static_cast<int>(place_) == end_; }

 private:
  std::vector<int> text_;
  int end_;
  size_t place_ = 0;
  std::vector<uint64_t> mask_;
};

TEST(Engine, FollowsAConstraint) {
  TinyEngine f;
  // -1 is a free choice.
  const std::vector<int> text = {1, 2, 3, 4, -1, -1, 50, 51, 52, 53, 54, 55, -1, 60};
  const auto run = [&](int end, int max_tokens, bool logprobs, int* steps) {
    Engine engine = f.engine(512);
    TinyAnswer answer;
    Request r = tiny_request(tiny_prompt(30, 1), max_tokens, &answer, 1);
    if (!logprobs) r.sampling.logprobs.reset();
    r.sampling.ignore_eos = true;
    r.constraint = [&](int) { return std::make_shared<Script>(text, end); };
    engine.add(std::move(r));
    run_to_end(engine);
    *steps = static_cast<int>(engine.stats().steps);
    return answer;
  };
  int slow, fast, steps;
  const TinyAnswer each = run(-1, 100, true, &slow), together = run(-1, 100, false, &fast);
  EXPECT_EQ(each.reason, FinishReason::stop);
  EXPECT_EQ(each.tokens, together.tokens);  // rows that are fed together are the same rows
  ASSERT_EQ(each.tokens.size(), text.size());
  for (size_t i = 0; i < text.size(); ++i) EXPECT_EQ(each.tokens[i], text[i] < 0 ? each.tokens[i] : text[i]);
  EXPECT_EQ(slow, 14);
  EXPECT_EQ(fast, 4);  // the prompt, and three choices
  EXPECT_EQ(run(8, 100, false, &steps).tokens.size(), 8u);
  const TinyAnswer full = run(-1, 9, false, &steps);
  EXPECT_EQ(full.tokens.size(), 9u);
  EXPECT_EQ(full.reason, FinishReason::length);
}

}  // namespace
}  // namespace dure
