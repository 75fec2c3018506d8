#include "cli/eval_batch.h"

#include <chrono>

#include "base/json.h"
#include "base/utf8.h"
#include "chat/settings.h"
#include "train/tasks/answer_prompts.h"

namespace dure {
namespace {

RenderedPrompt render(const LoadedModel& model, const std::vector<Problem::Message>& messages, const BatchOptions& o) {
  if (o.raw || model.renderer() == nullptr) {
    RenderedPrompt prompt;
    for (const Problem::Message& m : messages) prompt.text.append(m.content).push_back('\n');
    prompt.ids = model.raw_prompt(prompt.text);
    return prompt;
  }
  Json context = thinking_flags(o.thinking.value());
  for (const Problem::Message& m : messages)
    context["messages"].push_back({{"role", m.role}, {"content", sanitize_utf8(m.content)}});
  context["add_generation_prompt"] = true;
  return model.render(std::move(context), o.thinking.value() == std::optional(false));
}

Engine make_engine(const LoadedModel& model, const BatchOptions& o) {
  EngineOptions engine;
  const int most = model.info().max_position_embeddings;
  engine.max_model_len = o.context > 0 ? std::min(o.context, most) : model.affordable_context(engine.cache_dtype);
  engine.max_num_seqs = o.sequences;
  engine.max_num_waiting = 0;
  engine.cache_bytes = model.affordable_cache(engine.cache_dtype, engine.max_model_len, o.sequences);
  return Engine(model.model(), model.device(), engine);
}

}  // namespace

void BatchOptions::add_to(CLI::App& command) { model.add_to(command); }

void BatchOptions::add_more_to(CLI::App& command) {
  command.add_option("--attempts", attempts, "Answers to each prompt; needs a temperature")
      ->check(CLI::Range(1, kMaxChoices))
      ->capture_default_str();
  command.add_option("--temp,--temperature", sampling.temperature, "By default 0: the likeliest token");
  command.add_option("--top-p", sampling.top_p, "Sample from the likeliest tokens that share this probability");
  command.add_option("--seed", sampling.seed, "The same seed gives the same answers; by default 1");
  command.add_option("-n,--max-tokens", sampling.max_tokens, "Length of an answer at most")->check(kAtLeastOne);
  command.add_option("-c,--context", context, "Tokens of prompt and answer at most; by default what memory allows")
      ->check(kAtLeastOne);
  command.add_option("--parallel", sequences, "Answers that are made at once")
      ->check(CLI::Range(1, 512))
      ->capture_default_str();
  thinking.add_to(command);
  command.add_flag("--raw", raw, "The prompt and a line break instead of the chat template");
}

BatchAnswers answer_batch(const BatchOptions& o, const std::vector<std::vector<Problem::Message>>& conversations) {
  const LoadedModel model({o.model.path(), o.model.device(), o.model.load()});
  Engine engine = make_engine(model, o);
  SamplingParams greedy;
  greedy.temperature = 0;
  greedy.seed = 1;
  greedy.eos_token_ids = model.recommended().eos_token_ids;
  std::vector<std::vector<int>> prompts;
  std::vector<bool> in_reasoning;
  for (const std::vector<Problem::Message>& messages : conversations) {
    RenderedPrompt prompt = render(model, messages, o);
    prompts.push_back(std::move(prompt.ids));
    in_reasoning.push_back(prompt.in_reasoning);
  }

  ProgressBar bar("answering");
  const auto begin = std::chrono::steady_clock::now();
  const auto answers =
      answer_prompts(engine, prompts, o.sampling.over(greedy), {.attempts = o.attempts, .progress = progress_of(bar)});
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  bar.finish();

  BatchAnswers result;
  size_t tokens = 0;
  for (size_t p = 0; p < prompts.size(); ++p) {
    result.of.emplace_back();
    for (const PromptAnswer& a : answers[p]) {
      std::string text = model.tokenizer().decode(a.ids);
      if (in_reasoning[p]) text.insert(0, "<think>\n");
      result.of.back().push_back({std::move(text), a.ids.size(), a.reason == FinishReason::stop});
      tokens += a.ids.size();
    }
  }
  result.tokens_per_second = static_cast<double>(tokens) / seconds;
  return result;
}

}  // namespace dure
