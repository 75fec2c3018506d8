#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "train/adamw.h"
#include "train/align/dpo.h"
#include "train/align/problem_tasks.h"
#include "train/muon.h"
#include "train/new_model.h"
#include "train/schedule.h"

namespace dure {

/// All that decides a training run, as a JSON file says it; docs/training.md lists the keys. Paths in it are relative
/// to its own folder.
struct Recipe {
  /// Both minimise -log p of the tokens that the data want learned; fine-tuning goes on from a model and knows chats.
  /// The third samples answers and learns what its rewards say of them; the fourth learns which of two is preferred;
  /// the fifth learns what a teacher makes of the data.
  enum class Objective : uint8_t { pretrain, sft, grpo, dpo, distill };
  enum class Method : uint8_t { adamw, muon };

  std::string source;                ///< names the file in errors
  std::filesystem::path folder;      ///< where it lies
  std::shared_ptr<const Json> json;  ///< the whole of it, overrides included

  Objective objective = Objective::pretrain;
  std::filesystem::path output;
  uint64_t seed = 1;

  std::shared_ptr<const Json> config;  ///< of a new model, or null
  InitOptions init;
  std::filesystem::path from;        ///< else: the model to go on from, or a run whose last checkpoint is meant
  std::shared_ptr<const Json> lora;  ///< adapter_config.json of what is trained instead of the model, or null
  std::filesystem::path tokenizer;   ///< folder whose tokenizer goes into checkpoints; empty: that of `from`

  int64_t tokens = 0;        ///< of the whole run
  Stages batch_tokens;       ///< of a step
  int64_t micro_tokens = 0;  ///< that go through the model at once
  bool recompute = false;
  Compute compute = Compute::f32;

  Method method = Method::adamw;
  double lr = 0;
  AdamWOptions adamw;
  MuonOptions muon;
  double clip = 1;  ///< largest norm of all gradients together
  Schedule schedule;

  Stages mtp;          ///< weight of the loss of multi-token prediction
  Stages bias_speed;   ///< step of the routers' balancing biases
  double balance = 0;  ///< weight of the sequence-wise balance loss

  GrpoOptions grpo;
  RewardOptions rewards;
  DpoOptions dpo;
  struct {
    std::filesystem::path teacher;  ///< a model's folder or file
    double share = 1;               ///< of the loss; the data's own tokens are the rest
    double temperature = 1;
  } distill;

  int64_t checkpoint_steps = 100;
  int keep_checkpoints = 2;

  const Json& data() const;
};

/// The problems that a recipe's data name: {"problems": ["sums.jsonl"], "kind": "arithmetic"}.
std::vector<Problem> recipe_problems(const Recipe& recipe);
/// Their files of preferences: {"pairs": ["pairs.jsonl"]}.
std::vector<std::filesystem::path> recipe_pairs(const Recipe& recipe);

/// Their files of conversations: {"chats": ["chats.jsonl"], "length": 512}; of a conversation at most so many rows at
/// once.
struct ChatFiles {
  std::vector<std::filesystem::path> files;
  int length;
};
ChatFiles recipe_chats(const Recipe& recipe);

/// Reads a recipe; `overrides` are "optimizer.lr=1e-3": a path of keys and a JSON value, or else a string.
/// Throws Error for an unknown key, a missing one, or a value that cannot be.
Recipe read_recipe(const std::filesystem::path& path, const std::vector<std::string>& overrides = {});
/// The same from a document, as if it lay in `folder`.
Recipe parse_recipe(Json json, const std::string& source, const std::filesystem::path& folder);

}  // namespace dure
