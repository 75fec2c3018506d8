#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>

#include "base/file.h"
#include "base/json.h"
#include "chat/assistant.h"
#include "cli/app.h"
#include "toolbox/sequence_run.h"

// Real trained weights: stories260K, converted by `dure convert`, against runs of llama2.c's own program.
namespace dure {

TEST(Stories260K, ContinuesTextAsLlama2cDoes) {
  const std::filesystem::path shared = DURE_SHARED_DIR "/data/weights/stories260K";
  if (!std::filesystem::exists(shared)) GTEST_SKIP() << "skipped: " << shared << " is not here";
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / fmt::format("dure-stories-{}", ::getpid());
  const std::string weights = shared / "stories260K.bin", vocabulary = shared / "tok512.bin", out = folder;
  const char* command[] = {"dure", "convert", weights.c_str(), vocabulary.c_str(), out.c_str()};
  ASSERT_EQ(run_app(5, const_cast<char**>(command)), 0);

  const std::filesystem::path file = shared / "greedy_golden.json";
  const Json golden = parse_json(read_file(file), file.string());
  for (const std::string& backend : backends()) {
    AssistantOptions options;
    options.device.backend = backend;
    options.cache_dtype = DType::F32;
    Assistant assistant(folder, options);
    EXPECT_EQ(assistant.renderer(), nullptr);
    for (const Json& run : golden) {
      const std::string prompt = run["prompt"], expected = run["text"];
      Generation g;
      g.continues = true;
      g.sampling = assistant.recommended();
      g.sampling.temperature = 0;
      std::vector<int> ids = assistant.raw_prompt(prompt);
      // The reference counts positions: BOS and prompt stand among its 200 steps.
      g.sampling.max_tokens = run["max_steps"].get<int>() - static_cast<int>(ids.size()) + 1;
      std::string text = prompt;
      g.on_text = [&](const std::string& part) { return text += part, true; };
      assistant.generate(ids, g);
      EXPECT_EQ(text.substr(0, expected.size()), expected) << backend;
      EXPECT_LE(text.size(), expected.size() + 16) << text;
    }
  }
  std::filesystem::remove_all(folder);
}

TEST(Stories260K, GivesTheReferenceLogits) {
  const std::filesystem::path shared = DURE_SHARED_DIR "/data/weights/stories260K";
  if (!std::filesystem::exists(shared)) GTEST_SKIP() << "skipped: " << shared << " is not here";
  const std::filesystem::path file = shared / "greedy_golden.json";
  const Json golden = parse_json(read_file(file), file.string());
  const std::unique_ptr<Device> device = make_device();
  const std::unique_ptr<Checkpoint> checkpoint = open_checkpoint(shared, *device);
  const std::unique_ptr<Model> model = load_model(*checkpoint, *device);
  int compared = 0;
  for (const Json& run : golden) {
    const auto ids = run["input_token_ids_by_position"].get<std::vector<int>>();
    SequenceRun sequence(*model, *device, 1, static_cast<int>(ids.size()), DType::F32);
    const Tensor logits = model->logits(sequence.feed({ids}));  // [T, V]
    for (const auto& [position, row] : run["full_logits_at_positions"].items())
      for (size_t v = 0; v < row.size(); ++v, ++compared)
        ASSERT_NEAR(logits.data()[std::stoul(position) * 512 + v], row[v].get<float>(), 1e-4) << position << " " << v;
  }
  EXPECT_GE(compared, 3 * 512);
}

}  // namespace dure
