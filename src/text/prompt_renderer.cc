#include "text/prompt_renderer.h"

namespace dure {

std::string PromptRenderer::render(const Json& context) const {
  std::string prompt;
  for (const Segment& segment : render_segments(context)) prompt += segment.text;
  return prompt;
}

}  // namespace dure
