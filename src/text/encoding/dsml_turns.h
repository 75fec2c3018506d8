#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/encoding/conversation.h"
#include "text/encoding/dsml.h"
#include "text/prompt_renderer.h"

namespace dure::encoding {

/// What V4 and V4.1 do differently; all else is DsmlTurns.
struct Dialect {
  std::string_view name;
  DsmlTags tags;
  bool system_token;        ///< `<｜System｜>` before system messages, which may then begin an answer
  bool describe_all_tools;  ///< a tool without description gets an empty one
  bool thinking_by_default;
  /// The text before everything else of a thinking prompt. Throws Error on an effort that the model does not know.
  std::string (*effort)(const Json& context, std::string_view name);
};

/// The prompt of V4 and V4.1: turns behind role tokens, tool results inside the user's turn in the order of the calls,
/// reasoning of earlier turns left out unless tools are offered.
/// Source: the encoding module published with DeepSeek-V4 and its four test vectors.
class DsmlTurns final : public PromptRenderer {
 public:
  explicit DsmlTurns(const Dialect& dialect) : dialect_(dialect) {}
  std::vector<Segment> render_segments(const Json& context) const override;

 private:
  Dialect dialect_;
};

}  // namespace dure::encoding
