#pragma once

#include <string>
#include <vector>

#include "base/json_fwd.h"

namespace dure {

/// A stretch of a rendered prompt. Control tokens may be recognised only in trusted text: what a user wrote stays plain
/// text even if it spells `<|im_end|>`.
struct Segment {
  std::string text;
  bool trusted;  ///< written by the template or the encoding; false: copied out of the caller's data

  bool operator==(const Segment&) const = default;
};

/// Turns a conversation into the prompt that a model was trained on. The context is the object that chat templates
/// read: `messages`, `tools`, `add_generation_prompt`, `bos_token`, `eos_token` and the flags of the model at hand.
/// Thread-safe: rendering changes nothing.
class PromptRenderer {
 public:
  virtual ~PromptRenderer() = default;

  /// The prompt as segments; neighbours differ in trust and none is empty. Throws Error if the context does not suit.
  virtual std::vector<Segment> render_segments(const Json& context) const = 0;

  /// The same prompt in one piece.
  std::string render(const Json& context) const;
};

}  // namespace dure
