#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dure {

/// How a family of models writes tool calls: one row of the table in tool_format.cc. docs/tools.md shows each.
///
/// A block of calls is
///
///     calls_begin calls_gap  call (call_separator call)*  calls_gap calls_end
///     call  =  call_begin name_prefix NAME name_suffix ARGUMENTS arguments_suffix call_end
///
/// where ARGUMENTS is a JSON object, or parameters in DSML. Parsers accept more than this; see AnswerParser.
struct ToolFormat {
  /// What stands between call_begin and call_end.
  enum class Body : uint8_t {
    none,     ///< the model is offered no tools, so nothing is a call
    heading,  ///< the name, a separating token, the arguments as JSON
    object,   ///< one JSON object that has the name and the arguments
    dsml,     ///< attributes, then one element per argument
  };

  std::string_view name;
  Body body = Body::none;
  std::string_view calls_begin = {}, calls_end = {};  ///< around all calls; may be empty
  std::string_view call_begin = {}, call_end = {};    ///< around each
  std::string_view name_prefix = {}, name_suffix = {}, arguments_suffix = {};
  std::string_view calls_gap = {}, call_separator = {};
  std::string_view before_calls = {};  ///< what the model writes between its text, if any, and the calls
  std::string_view separator = {};     ///< heading: the token that ends the heading
  std::string_view parameter_begin = {}, parameter_end = {};  ///< dsml: without the attributes and `>`
  std::string_view alternative_begin = {};                    ///< another way to begin a call
  /// A JSON object that names an offered tool is a call also without call_begin, at the start of a line.
  bool bare_object = false;

  bool operator==(const ToolFormat& other) const { return name == other.name; }
};

/// Nothing is a call: answers to requests without tools.
const ToolFormat& no_tool_format();
/// By the name of a row. Throws Error for another name, listing the rows.
const ToolFormat& find_tool_format(std::string_view name);
/// The format that a chat template itself writes, or the encoding of that name (see make_encoding). A template that
/// writes no calls gets "generic": see prompt_messages.h for how such a model is told about its tools.
const ToolFormat& detect_tool_format(std::string_view template_or_encoding);
/// All rows but that of no_tool_format().
std::span<const ToolFormat> tool_formats();

/// The strings of the format that are markup, longest first; vocabularies may have control tokens for parts of them.
std::vector<std::string_view> tool_markup(const ToolFormat& format);

/// One call, or a block of them, as the format has it. `arguments` is JSON text; text that is no JSON object stands as
/// it is, in DSML as one parameter "arguments".
struct ToolCallText {
  std::string name, arguments;

  bool operator==(const ToolCallText&) const = default;
};
std::string write_tool_calls(const ToolFormat& format, std::span<const ToolCallText> calls);

}  // namespace dure
