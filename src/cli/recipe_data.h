#pragma once

#include <memory>
#include <optional>

#include "text/prompt_renderer.h"
#include "text/tokenizer.h"
#include "train/data/documents.h"
#include "train/recipe.h"
#include "train/trainer.h"

namespace dure {

/// What a recipe learns from, whatever its objective: opened from the recipe alone, before there is a model.
class RecipeData {
 public:
  /// Reads problems and preferences. Conversations become tokens in OUTPUT/chat-tokens, each time anew: of the answers
  /// alone, by the chat template of the model that is trained. Throws Error if something cannot be used. REQUIRES:
  /// `device` outlives this.
  RecipeData(const Recipe& recipe, Device& device);

  /// REQUIRES: called once, and this and the model outlive the source.
  std::unique_ptr<StepSource> open(Model& model);

  const BadLines& bad_lines() const { return bad_; }  ///< conversations that could not be used

 private:
  /// The tokenizer of a model's folder, and how that model writes chats.
  struct Text {
    explicit Text(const std::filesystem::path& model);
    const PromptRenderer& chat(const Recipe& recipe) const;  ///< throws Error if it has no template
    Tokenizer tokenizer;
    std::unique_ptr<PromptRenderer> renderer;
  };
  std::filesystem::path tokens_folder() const { return recipe_.output / "chat-tokens"; }
  void tokenize_chats();
  void check_teacher() const;

  const Recipe recipe_;
  Device& device_;
  std::optional<Text> text_;  // of the model that is trained, where one is known
  std::vector<PreferencePair> pairs_;
  std::optional<GrpoTasks> tasks_;
  BadLines bad_;
};

}  // namespace dure
