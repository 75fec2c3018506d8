#include "text/tools/tool_format.h"

#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "text/tools/json_text.h"

namespace dure {
namespace {

using Body = ToolFormat::Body;

/// A format that differs from another in what `change` says.
constexpr ToolFormat like(ToolFormat format, void (*change)(ToolFormat&)) {
  change(format);
  return format;
}

constexpr ToolFormat kDeepSeek31{.name = "deepseek-v3.1",
                                 .body = Body::heading,
                                 .calls_begin = "<｜tool▁calls▁begin｜>",
                                 .calls_end = "<｜tool▁calls▁end｜>",
                                 .call_begin = "<｜tool▁call▁begin｜>",
                                 .call_end = "<｜tool▁call▁end｜>",
                                 .name_suffix = "<｜tool▁sep｜>",
                                 .separator = "<｜tool▁sep｜>"};

constexpr ToolFormat kDeepSeek32{.name = "deepseek-v3.2",
                                 .body = Body::dsml,
                                 .calls_begin = "<｜DSML｜function_calls>",
                                 .calls_end = "</｜DSML｜function_calls>",
                                 .call_begin = "<｜DSML｜invoke",
                                 .call_end = "</｜DSML｜invoke>",
                                 .name_prefix = " name=\"",
                                 .name_suffix = "\">\n",
                                 .arguments_suffix = "\n",
                                 .calls_gap = "\n",
                                 .call_separator = "\n",
                                 .before_calls = "\n\n",
                                 .parameter_begin = "<｜DSML｜parameter",
                                 .parameter_end = "</｜DSML｜parameter>"};

constexpr ToolFormat kHermes{.name = "hermes",  // Qwen2.5, Qwen3, Nous Hermes
                             .body = Body::object,
                             .call_begin = "<tool_call>",
                             .call_end = "</tool_call>",
                             .name_prefix = "\n{\"name\": \"",
                             .name_suffix = "\", \"arguments\": ",
                             .arguments_suffix = "}\n",
                             .call_separator = "\n",
                             .before_calls = "\n"};

// The order matters to tool_formats() only; detect_tool_format() has its own.
constexpr ToolFormat kFormats[] = {
    like(kDeepSeek31,
         [](ToolFormat& f) {
           f.name = "deepseek-v3";  // R1 too
           f.name_prefix = "function<｜tool▁sep｜>";
           f.name_suffix = "\n```json\n";
           f.arguments_suffix = "\n```";
           f.call_separator = "\n";
         }),
    kDeepSeek31,
    kDeepSeek32,
    like(kDeepSeek32,
         [](ToolFormat& f) {
           f.name = "deepseek-v4";
           f.calls_begin = "<｜DSML｜tool_calls>";
           f.calls_end = "</｜DSML｜tool_calls>";
         }),
    like(kDeepSeek32,
         [](ToolFormat& f) {
           f.name = "deepseek-v4.1";
           f.calls_begin = "<｜DSML｜ calls>";
           f.calls_end = "</｜DSML｜ calls>";
           f.call_begin = "<｜DSML｜ invoke";
           f.call_end = "</｜DSML｜ invoke>";
           f.parameter_begin = "<｜DSML｜ parameter";
           f.parameter_end = "</｜DSML｜ parameter>";
         }),
    kHermes,
    {.name = "llama-3",
     .body = Body::object,
     .name_prefix = "{\"name\": \"",
     .name_suffix = "\", \"parameters\": ",
     .arguments_suffix = "}",
     .call_separator = "; ",
     .before_calls = "\n",
     .alternative_begin = "<|python_tag|>",
     .bare_object = true},
    like(kHermes,
         [](ToolFormat& f) {
           f.name = "generic";  // for models that were not trained on any
           f.bare_object = true;
         }),
};

constexpr ToolFormat kNone{.name = "none"};

void append_parameter(std::string& out, const ToolFormat& f, std::string_view key, const Json& value) {
  const bool text = value.is_string();
  out += fmt::format("{} name=\"{}\" string=\"{}\">", f.parameter_begin, key, text);
  out += text ? value.get<std::string>() : dump_json(value);
  out += f.parameter_end;
}

std::string dsml_parameters(const ToolFormat& f, const std::string& arguments) {
  Json object;
  try {
    object = parse_json(arguments, "tool call arguments");
  } catch (const Error&) {}
  if (!object.is_object()) object = Json::object({{"arguments", arguments}});
  std::string out;
  for (const auto& [key, value] : object.items()) {
    if (!out.empty()) out += '\n';
    append_parameter(out, f, key, value);
  }
  return out;
}

}  // namespace

const ToolFormat& no_tool_format() { return kNone; }

std::span<const ToolFormat> tool_formats() { return kFormats; }

const ToolFormat& find_tool_format(std::string_view name) {
  for (const ToolFormat& format : kFormats)
    if (format.name == name) return format;
  std::string names;
  for (const ToolFormat& format : kFormats) names += fmt::format("{}{}", names.empty() ? "" : ", ", format.name);
  fail("no tool format named {}; there are {}", quote(name), names);
}

const ToolFormat& detect_tool_format(std::string_view source) {
  const auto writes = [&](std::string_view text) { return source.find(text) != std::string_view::npos; };
  for (const ToolFormat& format : kFormats)
    if (source == format.name) return format;
  if (source == "deepseek-v4-0731") return find_tool_format("deepseek-v4");
  // Templates may put the DSML token together with the tags or leave it in a variable: the tags themselves decide.
  if (writes("｜DSML｜"))
    return find_tool_format(writes("function_calls>") ? "deepseek-v3.2"
                            : writes("tool_calls>")   ? "deepseek-v4"
                                                      : "deepseek-v4.1");
  if (writes("<｜tool▁sep｜>")) return find_tool_format(writes("```json") ? "deepseek-v3" : "deepseek-v3.1");
  if (writes("<tool_call>")) return find_tool_format("hermes");
  if (writes("<|python_tag|>") || (writes("\"parameters\": ") && writes("ipython"))) return find_tool_format("llama-3");
  return find_tool_format("generic");
}

std::vector<std::string_view> tool_markup(const ToolFormat& f) {
  std::vector<std::string_view> out;
  for (const std::string_view text : {f.calls_begin, f.calls_end, f.call_begin, f.call_end, f.separator,
                                      f.parameter_begin, f.parameter_end, f.alternative_begin})
    if (!text.empty()) out.push_back(text);
  std::sort(out.begin(), out.end(), [](auto a, auto b) { return a.size() > b.size(); });
  return out;
}

std::string write_tool_calls(const ToolFormat& f, std::span<const ToolCallText> calls) {
  std::string out(f.calls_begin);
  out += f.calls_gap;
  for (bool first = true; const ToolCallText& call : calls) {
    if (!first) out += f.call_separator;
    first = false;
    out += f.call_begin;
    out += f.name_prefix;
    out += f.body == Body::object ? json_escaped(call.name) : call.name;
    out += f.name_suffix;
    out += f.body == Body::dsml ? dsml_parameters(f, call.arguments) : call.arguments;
    out += f.arguments_suffix;
    out += f.call_end;
  }
  out += f.calls_gap;
  out += f.calls_end;
  return out;
}

}  // namespace dure
