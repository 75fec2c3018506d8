#include "toolbox/token_losses.h"

#include <gmock/gmock.h>

#include <cmath>
#include <fstream>
#include <numeric>

#include "backend/registry.h"
#include "base/error.h"
#include "formats/temporary_folder.h"
#include "models/loader.h"
#include "toolbox/multiple_choice.h"
#include "toolbox/ratio.h"

namespace dure {
namespace {

struct TinyModel {
  std::unique_ptr<Device> device = make_device();
  std::unique_ptr<Checkpoint> checkpoint = open_checkpoint(DURE_TESTS_DIR "/fixtures/models/ds3-tiny", *device);
  std::unique_ptr<Model> model = load_model(*checkpoint, *device);
};

std::vector<int> tokens(int count, int seed) {
  std::vector<int> ids;
  for (int i = 0; i < count; ++i) ids.push_back((seed * 37 + i * i * 5 + i) % 300);
  return ids;
}

TEST(TokenLosses, OfManyWindowsAreThoseOfEach) {
  const TinyModel tiny;
  std::vector<Window> windows;
  for (int i = 0; i < 40; ++i) windows.push_back({tokens(3 + i * 7 % 60, i), i % 2});  // more than one batch
  int64_t done = 0;
  const auto losses = token_losses(*tiny.model, *tiny.device, windows, [&](int64_t d, int64_t) { done = d; });
  EXPECT_EQ(done, counted_tokens(windows));
  ASSERT_EQ(losses.size(), windows.size());
  for (size_t w = 0; w < windows.size(); ++w) {
    ModelLogits one(*tiny.model, *tiny.device, std::span(windows).subspan(w, 1));
    const Perplexity expected = measure_perplexity(one, *tiny.device, std::span(windows).subspan(w, 1));
    ASSERT_EQ(losses[w].size(), static_cast<size_t>(windows[w].rows()));
    EXPECT_NEAR(std::accumulate(losses[w].begin(), losses[w].end(), 0.0) / windows[w].rows(), expected.nll.mean, 1e-4);
  }
}

TEST(Ratio, IsAMeanWithItsError) {
  Ratio mean, ratio;
  for (const double v : {1, 0, 1, 1}) mean.add(v);
  EXPECT_NEAR(mean.estimate().mean, 0.75, 1e-12);
  EXPECT_NEAR(mean.estimate().error, 0.25, 1e-12);  // sqrt(0.25 / 4)
  for (const double w : {1, 5, 2}) ratio.add(3 * w, w);
  EXPECT_NEAR(ratio.estimate().mean, 3, 1e-12);
  EXPECT_NEAR(ratio.estimate().error, 0, 1e-6);
  EXPECT_EQ(ratio.count(), 3);
  EXPECT_EQ(Ratio().estimate().mean, 0);
}

TEST(MultipleChoice, TheLikeliestIsChosen) {
  const TinyModel tiny;
  const std::vector<int> prompt = tokens(9, 4);
  std::vector<std::vector<int>> answers;
  for (int i = 0; i < 6; ++i) answers.push_back(tokens(1, 50 + i));
  const std::vector<ChoiceQuestion> questions = {{"", {"a", "b", "c", "d", "e", "f"}, 0, "", "q:1"}};
  const auto scores = score_choices(*tiny.model, *tiny.device, questions, {prompt}, {answers});
  Window w{prompt, static_cast<int>(prompt.size()) - 1};
  w.ids.push_back(answers[scores[0].likeliest][0]);
  const auto best = token_losses(*tiny.model, *tiny.device, std::span(&w, 1));
  EXPECT_NEAR(best[0][0], *std::ranges::min_element(scores[0].nats), 1e-4);
  EXPECT_EQ(scores[0].likeliest, scores[0].likeliest_per_byte);  // all are one byte long
  EXPECT_THROW(score_choices(*tiny.model, *tiny.device, questions, {{}}, {answers}), Error);
  const std::vector<int> too_long(static_cast<size_t>(tiny.model->info().max_position_embeddings), 1);
  EXPECT_THROW(score_choices(*tiny.model, *tiny.device, questions, {too_long}, {answers}), Error);
}

TEST(MultipleChoice, ReadsAnswersInThreeForms) {
  const TemporaryFolder folder;
  const auto read = [&](const std::string& line) {
    std::ofstream(folder / "animals.jsonl") << line << '\n';
    return read_choice_questions(folder / "animals.jsonl").front();
  };
  const std::string begin = R"({"question": "q", "choices": ["cat", "dog", "B"], "answer": )";
  EXPECT_EQ(read(begin + "1}").right, 1u);
  EXPECT_EQ(read(begin + R"("C"})").right, 2u);
  EXPECT_EQ(read(begin + R"("dog"})").right, 1u);
  EXPECT_EQ(read(begin + R"("B"})").right, 2u);  // the text before the letter
  EXPECT_EQ(read(begin + "0}").group, "animals");
  EXPECT_EQ(read(begin + R"(0, "kind": "pets"})").group, "pets");
  for (const char* bad : {"3}", "-1}", "\"cow\"}", "1.5}", "null}"}) EXPECT_THROW(read(begin + bad), Error) << bad;
  for (const char* bad : {"", "[]", R"({"question": "q", "choices": ["one"], "answer": 0})",
                          R"({"question": "q", "choices": ["one", 2], "answer": 0})", R"({"choices": ["a", "b"]})"})
    EXPECT_THROW(read(bad), Error) << bad;
}

}  // namespace
}  // namespace dure
