#pragma once

#include "chat/tool_call_memory.h"
#include "text/prompt_renderer.h"
#include "text/tools/tool_format.h"

namespace dure {

/// Renders conversations as another renderer does, but for tool calls that the memory knows: they stand as the model
/// sampled them. See docs/tools.md.
///
/// A call's text is replayed only if it still parses to the names and arguments in the message, and if the block of
/// calls is found in the rendered prompt; else the message is rendered as it is. Markup of the format is trusted in
/// replayed text, all else is not.
class ReplayingRenderer final : public PromptRenderer {
 public:
  /// REQUIRES: all three outlive this, and contexts have messages as prompt_messages() makes them.
  ReplayingRenderer(const PromptRenderer& renderer, const ToolFormat& format, ToolCallMemory& memory)
      : renderer_(renderer), format_(format), memory_(memory) {}

  std::vector<Segment> render_segments(const Json& context) const override;

 private:
  const PromptRenderer& renderer_;
  const ToolFormat& format_;
  ToolCallMemory& memory_;
};

}  // namespace dure
