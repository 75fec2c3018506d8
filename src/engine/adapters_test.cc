// Requests that choose different LoRA adapters, in the same steps.
#include "engine/test_engine.h"

namespace dure {
namespace {

TEST(Adapters, OfOneStepDoNotDisturbEachOther) {
  const std::pair<const char*, const char*> models[] = {{"ds3-odd-bf16", "lora-ds3-odd"},
                                                        {"qwen3-tied", "lora-qwen3-tied"}};
  for (const auto& [base, lora] : models) {
    SCOPED_TRACE(base);
    const std::filesystem::path folder = std::filesystem::path(DURE_TESTS_DIR "/fixtures/models") / lora;
    TinyEngine f{base, {{folder, 1, "one"}, {folder, -2, "two"}}};
    const auto request = [](int prompt, int adapter, TinyAnswer& answer) {
      Request r = tiny_request(tiny_prompt(30 + 60 * prompt, prompt), 20, &answer);
      for (int& id : r.prompt) id %= 150;  // smaller vocabularies
      r.adapter = adapter;
      return r;
    };
    // Prompts of several lengths, so that in most steps some are read while others are answered.
    constexpr int kPrompts = 3, kAdapters = 3;
    TinyAnswer together[kPrompts][kAdapters], alone[kPrompts][kAdapters];
    Engine engine = f.engine(512, 0, 64);
    for (int p = 0; p < kPrompts; ++p)
      for (int a = 0; a < kAdapters; ++a) engine.add(request(p, a - 1, together[p][a]));
    run_to_end(engine);
    for (int p = 0; p < kPrompts; ++p)
      for (int a = 0; a < kAdapters; ++a) {
        Engine own = f.engine(512, 0, 64);
        own.add(request(p, a - 1, alone[p][a]));
        run_to_end(own);
        EXPECT_EQ(alone[p][a].tokens.size(), 20u);
        EXPECT_TRUE(together[p][a].same(alone[p][a])) << "prompt " << p << ", adapter " << a - 1;
        EXPECT_FALSE(a > 0 && alone[p][a].same(alone[p][a - 1])) << "the adapter makes no difference";
      }
  }
}

}  // namespace
}  // namespace dure
