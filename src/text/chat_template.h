#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "text/prompt_renderer.h"

namespace dure {

/// A model's Jinja chat template, with the semantics that transformers' apply_chat_template gives it; see
/// docs/formats/chat-template.md for the language and its limits.
///
/// Trust: what the template says is trusted, and so are top-level strings of the context named `*_token` and the usual
/// values of a message's `role`; every other string of the context is not.
class ChatTemplate final : public PromptRenderer {
 public:
  /// Formats the local time as strftime does; tests pass a fixed one.
  using Clock = std::function<std::string(const std::string& format)>;

  /// `name` stands in messages: a model's name or a path.
  /// Throws Error("chat template NAME, line N: ...") if the source is not a template.
  explicit ChatTemplate(std::string source, std::string name, Clock clock = {});
  ~ChatTemplate() override;
  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;

  /// Throws Error, as above, where the template raises an exception, uses what is undefined, or goes past a limit.
  /// REQUIRES: the context is a JSON object.
  std::vector<Segment> render_segments(const Json& context) const override;

 private:
  struct Parsed;
  std::unique_ptr<Parsed> parsed_;
};

}  // namespace dure
