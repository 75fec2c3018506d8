#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/tools/tool_format.h"

namespace dure {

/// A stretch of an answer as clients see it.
struct AnswerDelta {
  enum class Kind : uint8_t {
    reasoning,       ///< thoughts
    content,         ///< what is meant for the reader
    call_begin,      ///< a tool call begins; `text` is the whole name of the function
    call_arguments,  ///< a part of its arguments, as JSON text
    call_end,        ///< it is over; `text` is empty
  };
  Kind kind;
  int index = 0;  ///< of the call, from 0; 0 for text
  std::string text = {};

  bool operator==(const AnswerDelta&) const = default;
};

/// Where the prompt left off.
enum class AnswerStart : uint8_t {
  text,       ///< the answer's first words are for the reader, unless they are <think>
  reasoning,  ///< behind <think>
  calls,      ///< behind calls_begin: the prompt forces a call
};

/// How the answer to a prompt starts. `prompt` is the text that the template itself wrote at the end, not a user's.
AnswerStart answer_start(std::string_view prompt, const ToolFormat& format);

/// Takes an answer apart as it is sampled: thoughts between <think> and </think>, text, tool calls.
///
/// - Deltas are the same, but for where pieces are cut, however the answer is cut into pieces.
/// - Only text that may still become markup is held back. White space around thoughts and before calls is not content.
/// - Arguments arrive as they are made. Parameters in DSML become a JSON object; arguments that were given as a JSON
///   string are unpacked. Models' common slips are forgiven: end markers that are missing, spaces and Markdown fences
///   around calls, a superfluous brace.
/// - What did not become a call by the time its name should have been known is content, byte for byte; what is wrong
///   later stands in the arguments. Calls among thoughts are thoughts.
///
/// Only a <think> before any text opens reasoning; later ones are text.
class AnswerParser {
 public:
  /// `tools`: the names that a bare object may have (ToolFormat::bare_object); other markup is taken at its word.
  explicit AnswerParser(const ToolFormat& format, AnswerStart start = AnswerStart::text,
                        std::vector<std::string> tools = {});
  ~AnswerParser();
  AnswerParser(AnswerParser&&) noexcept;
  AnswerParser& operator=(AnswerParser&&) noexcept;

  /// REQUIRES: pieces are whole characters, and so are then the deltas.
  std::vector<AnswerDelta> push(std::string_view text);
  /// The answer is over. Call once.
  std::vector<AnswerDelta> finish();

  /// Calls begun so far.
  int calls() const;
  /// The calls' markup as the model wrote it, from the first begin marker to the last end; empty if there are no calls
  /// or if text stands between them. For ToolCallMemory; REQUIRES: finish() was called.
  const std::string& calls_text() const;

 private:
  class Machine;
  std::unique_ptr<Machine> machine_;
};

/// Neighbouring text of one kind joined, so that only the meaning is left.
std::vector<AnswerDelta> join_deltas(const std::vector<AnswerDelta>& deltas);

}  // namespace dure
