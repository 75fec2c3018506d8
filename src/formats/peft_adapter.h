#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "formats/peft_config.h"
#include "tensor/tensor.h"

namespace dure {

/// The prefix of every tensor of an adapter; what follows is a module's path and ".lora_A.weight" or ".lora_B.weight".
inline constexpr std::string_view kPeftPrefix = "base_model.model.";

/// A LoRA adapter as PEFT stores it (docs/formats/peft.md): a configuration and, for each adapted linear layer
/// y = W x, two matrices: y += scaling(module) * B (A x).
///
/// Checked as a whole when it is opened: every tensor is one of a complete pair, both have the rank that the
/// configuration states for the module, and the module is one that target_modules names. Whether the model has such a
/// module, and of which size, is for the reader of the model to check.
class PeftAdapter {
 public:
  struct Pair {
    Tensor a;  ///< [r, in]
    Tensor b;  ///< [out, r]
  };

  /// Reads adapter_config.json and adapter_model.safetensors of a folder; `device` outlives the tensors.
  /// Throws Error naming the file and the field or tensor if something is missing, damaged or not supported.
  static PeftAdapter open(const std::filesystem::path& folder, Device& device);
  /// The same from memory; `config` and `weights` are the two files' names in messages, `owner` keeps `bytes` alive.
  static PeftAdapter parse(const Json& json, std::string config, std::span<const std::byte> bytes, std::string weights,
                           std::shared_ptr<const void> owner, Device& device);

  const PeftConfig& config() const { return config_; }
  const std::string& source() const { return source_; }  ///< the path of the weights, for messages
  const std::map<std::string, Pair>& modules() const { return modules_; }

 private:
  PeftConfig config_;
  std::string source_;
  std::map<std::string, Pair> modules_;
};

}  // namespace dure
