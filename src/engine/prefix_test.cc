// What a prompt finds of those before it.
#include <fstream>

#include "engine/test_engine.h"
#include "formats/temporary_folder.h"

namespace dure {
namespace {

namespace fs = std::filesystem;

std::vector<int> joined(std::vector<int> a, const std::vector<int>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST(Prefix, IsSharedByThoseThatRun) {
  TinyEngine f;
  Engine engine = f.engine(1024, 32);
  const std::vector<int> system = tiny_prompt(300, 1);
  std::vector<TinyAnswer> answers(5);
  for (int i = 0; i < 5; ++i) {
    engine.add(tiny_request(joined(system, tiny_prompt(20, 10 + i)), 40, &answers[static_cast<size_t>(i)]));
    engine.step();
  }
  EXPECT_EQ(engine.stats().running, 5);
  EXPECT_EQ(engine.stats().blocks_used, 2 + 5);
  run_to_end(engine);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(answers[static_cast<size_t>(i)].cached, i == 0 ? 0 : 256);
    EXPECT_TRUE(answers[static_cast<size_t>(i)].same(tiny_alone(f, joined(system, tiny_prompt(20, 10 + i)), 40)));
  }
}

TEST(Prefix, IsFoundToTheLastToken) {
  TinyEngine f;
  for (const int length : {1, 20, 127, 128, 129, 256, 300}) {
    SCOPED_TRACE(length);
    Engine engine = f.engine(1024);
    TinyAnswer first, again, shorter;
    const std::vector<int> ids = tiny_prompt(length, 1);
    EXPECT_EQ(engine.cached_tokens(ids), 0);
    engine.add(tiny_request(ids, 30, &first));
    run_to_end(engine);
    EXPECT_EQ(engine.cached_tokens(ids), length - 1);  // the last row's logits are needed
    engine.add(tiny_request(ids, 30, &again));
    run_to_end(engine);
    EXPECT_EQ(again.cached, length - 1);
    EXPECT_TRUE(again.same(first));
    const std::vector<int> next = joined(joined(ids, first.tokens), {7});
    EXPECT_EQ(engine.cached_tokens(next), length + 29);  // the row of the last token was never needed
    EXPECT_EQ(engine.cached_tokens(next, 0), 0) << "another adapter";
  }
}

TEST(Prefix, ChoicesShareThePrompt) {
  TinyEngine f;
  for (const int blocks : {5, 30})
    for (const int length : {128, 200}) {
      SCOPED_TRACE(fmt::format("{} blocks, {} tokens", blocks, length));
      Engine engine = f.engine(512, blocks);
      const std::vector<int> ids = tiny_prompt(length, 4);
      std::vector<TinyAnswer> together(4), apart(4);
      Request r = tiny_request(ids, 150, together.data(), 1);
      r.n = 4;
      int prefilled = 0;
      r.on_prefill = [&](int done, int) { prefilled = done; };
      engine.add(std::move(r));
      run_to_end(engine);
      EXPECT_EQ(prefilled, length);
      EXPECT_EQ(engine.stats().preemptions > 0, blocks == 5);
      for (int i = 0; i < 4; ++i) {
        Engine other = f.engine(512);
        TinyAnswer& answer = apart[static_cast<size_t>(i)];
        Request one = tiny_request(ids, 150, &answer, 1);
        one.sampling.seed = 5 + static_cast<uint64_t>(i);
        other.add(std::move(one));
        run_to_end(other);
        EXPECT_TRUE(together[static_cast<size_t>(i)].same(answer)) << i;
      }
      EXPECT_FALSE(apart[0].same(apart[1]));
    }
}

/// A conversation of three turns; `between` makes an engine out of the last one for each.
std::vector<TinyAnswer> conversation(const std::function<Engine&()>& next_engine) {
  std::vector<TinyAnswer> answers(4);
  std::vector<int> ids = tiny_prompt(200, 6);
  for (int turn = 0; turn < 4; ++turn) {
    TinyAnswer& answer = answers[static_cast<size_t>(turn)];
    Engine& engine = next_engine();
    engine.add(tiny_request(ids, 60, &answer));
    run_to_end(engine);
    ids = joined(joined(ids, answer.tokens), tiny_prompt(25, 30 + turn));
  }
  return answers;
}

TEST(Prefix, AConversationGoesOnAfterARestart) {
  TinyEngine f;
  Engine lasting = f.engine(1024);
  const std::vector<TinyAnswer> expected = conversation([&]() -> Engine& { return lasting; });

  const TemporaryFolder folder;
  std::unique_ptr<Engine> engine;
  const std::vector<TinyAnswer> answers = conversation([&]() -> Engine& {
    engine.reset();  // writes what waits
    EngineOptions options = f.options(1024);
    options.cache_dir = folder / "kv";
    engine = std::make_unique<Engine>(*f.model, *f.device, options);
    return *engine;
  });
  for (size_t turn = 0; turn < 4; ++turn) {
    EXPECT_TRUE(answers[turn].same(expected[turn])) << turn;
    EXPECT_EQ(answers[turn].cached, expected[turn].cached) << turn;
    EXPECT_EQ(answers[turn].cached, turn == 0 ? 0 : 174 + 85 * static_cast<int>(turn));
  }
  EXPECT_EQ(engine->stats().disk_hits, answers[3].cached);
  engine->flush();
  EXPECT_GT(engine->stats().disk_bytes, 0);

  EngineOptions other = f.options(1024);
  other.cache_dir = folder / "kv";
  other.fingerprint = "another model";
  EXPECT_EQ(f.engine(other).cached_tokens(tiny_prompt(200, 6)), 0);
  other.fingerprint.clear();
  EXPECT_THROW(f.engine(other), Error);
}

/// Damage to files is a miss. Exact, so that what is computed again has the same bytes.
TEST(Prefix, DamagedFilesAreMisses) {
  TinyEngine f;
  EngineOptions options = f.options(1024);
  options.exact = true;
  const auto ask = [&](TinyAnswer& answer) {
    Engine engine = f.engine(options);
    engine.add(tiny_request(tiny_prompt(500, 6), 60, &answer));
    run_to_end(engine);
  };
  TinyAnswer expected;
  ask(expected);
  const TemporaryFolder folder;
  options.cache_dir = folder.path();
  const auto each_file = [&](const std::function<void(const fs::path&)>& change) {
    for (const fs::directory_entry& e : fs::directory_iterator(folder.path())) change(e.path());
  };
  const std::pair<const char*, std::function<void(const fs::path&)>> damages[] = {
      {"none", [](const fs::path&) {}},
      {"empty", [](const fs::path& p) { fs::resize_file(p, 0); }},
      {"half", [](const fs::path& p) { fs::resize_file(p, fs::file_size(p) / 2); }},
      {"longer", [](const fs::path& p) { fs::resize_file(p, fs::file_size(p) + 1); }},
      {"a bit", [](const fs::path& p) { std::fstream(p, std::ios::in | std::ios::out).seekp(5000).put('?'); }},
      {"a folder", [](const fs::path& p) { fs::remove(p), fs::create_directory(p); }},
      {"gone", [](const fs::path& p) { fs::remove_all(p); }},
  };
  for (const auto& [what, damage] : damages) {
    SCOPED_TRACE(what);
    TinyAnswer written, read;
    ask(written);
    each_file(damage);
    ask(read);
    EXPECT_TRUE(written.same(expected));
    EXPECT_TRUE(read.same(expected));
    EXPECT_EQ(read.cached, what == std::string("none") ? 384 : 0);  // whole blocks, as the prompt ends within one
    each_file([](const fs::path& p) { fs::remove_all(p); });
  }
  options.cache_dir = "/dev/null/nowhere";
  TinyAnswer answer;
  ask(answer);
  EXPECT_TRUE(answer.same(expected));
}

}  // namespace
}  // namespace dure
