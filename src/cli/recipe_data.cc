#include "cli/recipe_data.h"

#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "base/sha256.h"
#include "chat/loaded_model.h"
#include "formats/model_tokenizer.h"
#include "formats/tokenizer_json_writer.h"
#include "train/align/preferences.h"
#include "train/data/shard_builder.h"
#include "train/data/shard_source.h"

namespace dure {
namespace {

namespace fs = std::filesystem;

TokenizerHash hash_of(const TokenizerSpec& spec) {
  Sha256 hash;
  hash.update(to_tokenizer_json(spec));
  return hash.digest();
}

}  // namespace

RecipeData::Text::Text(const fs::path& model) : tokenizer(read_model_tokenizer(model)) {
  if (!tokenizer.spec().chat_templates.empty()) renderer = make_renderer(tokenizer.spec(), "");
}

const PromptRenderer& RecipeData::Text::chat(const Recipe& recipe) const {
  require(renderer != nullptr, "{}: model: it has no chat template", recipe.source);
  return *renderer;
}

RecipeData::RecipeData(const Recipe& recipe, Device& device) : recipe_(recipe), device_(device) {
  const fs::path model = !recipe.tokenizer.empty() ? recipe.tokenizer
                         : recipe.from.empty()     ? fs::path()
                                                   : model_in(recipe.from);
  using enum Recipe::Objective;
  const bool chats = recipe_.data().contains("chats");
  const bool needs_text = chats || recipe.objective == grpo || recipe.objective == dpo;
  require(!needs_text || !model.empty(), "{}: field 'tokenizer' is missing: chats are written with it", recipe.source);
  if (needs_text || (recipe.objective == distill && !model.empty())) text_.emplace(model);

  if (recipe.objective == distill) check_teacher();
  if (recipe.objective == dpo) {
    for (const fs::path& file : recipe_pairs(recipe))
      for (PreferencePair& pair : read_preferences(file, text_->chat(recipe), text_->tokenizer))
        pairs_.push_back(std::move(pair));
  } else if (recipe.objective == grpo) {
    tasks_ = problem_tasks(recipe_problems(recipe), text_->chat(recipe), text_->tokenizer, recipe.rewards);
  } else if (chats) {
    tokenize_chats();
  }
}

std::unique_ptr<StepSource> RecipeData::open(Model& model) {
  if (tasks_) return make_grpo_source(model, device_, std::move(*tasks_), recipe_.grpo);
  if (!pairs_.empty()) return make_dpo_source(model, device_, std::move(pairs_), recipe_.dpo);
  if (!recipe_.data().contains("chats"))
    return open_token_source(recipe_.data(), recipe_.source, recipe_.folder.string(), recipe_.seed);
  return make_shard_source({open_shard_set(tokens_folder(), "train", 1)}, recipe_chats(recipe_).length, recipe_.seed);
}

void RecipeData::tokenize_chats() {
  ShardBuilderOptions options;
  options.files = recipe_chats(recipe_).files;
  options.folder = tokens_folder();
  options.answers_only = true;
  std::error_code failed;
  fs::create_directories(options.folder, failed);
  require(!failed, "{}: {}", options.folder.string(), failed.message());
  std::vector<fs::path> earlier;  // nothing else that lies there is ours
  for (const auto& entry : fs::directory_iterator(options.folder))
    if (entry.path().extension() == ".tokens") earlier.push_back(entry.path());
  for (const fs::path& file : earlier) {
    fs::remove(file, failed);
    require(!failed, "{}: {}", file.string(), failed.message());
  }
  bad_ = build_shards(options, text_->tokenizer, hash_of(text_->tokenizer.spec()), &text_->chat(recipe_),
                      device_.threads())
             .bad;
}

/// A token must mean the same to a teacher and to its student. Behind the last one either may have padding.
void RecipeData::check_teacher() const {
  if (!text_) return;
  const Text teacher(model_in(recipe_.distill.teacher));
  for (int id = 0; id < std::min(text_->tokenizer.vocab_size(), teacher.tokenizer.vocab_size()); ++id)
    require(text_->tokenizer.token_bytes(id) == teacher.tokenizer.token_bytes(id),
            "{}: distill: field 'teacher': token {} is another one there", recipe_.source, id);
}

}  // namespace dure
