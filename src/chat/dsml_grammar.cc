#include "chat/dsml_grammar.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "chat/markup_rule.h"

namespace dure {
namespace {

using grammar::RulePtr;

bool is_annotation(std::string_view keyword) {
  constexpr std::string_view kAnnotations[] = {"title",    "description", "default",  "examples", "deprecated",
                                               "readOnly", "writeOnly",   "$comment", "$schema",  "$id"};
  return std::find(std::begin(kAnnotations), std::end(kAnnotations), keyword) != std::end(kAnnotations);
}

/// A schema that any string satisfies, and nothing else.
bool is_plain_string(const Json& schema) {
  if (!schema.is_object() || schema.value("type", Json()) != "string") return false;
  for (const auto& [key, value] : schema.items())
    if (key != "type" && !is_annotation(key)) return false;
  return true;
}

/// Whether any string is among what the schema accepts.
bool accepts_plain_string(const Json& schema) {
  if (is_plain_string(schema)) return true;
  if (!schema.is_object()) return false;
  const Json ways = schema.value("anyOf", Json());
  for (const auto& [key, value] : schema.items())
    if (key != "anyOf" && key != "type" && !is_annotation(key)) return false;
  if (ways.is_array()) return !schema.contains("type") && std::any_of(ways.begin(), ways.end(), is_plain_string);
  const Json type = schema.value("type", Json());
  return type.is_array() && std::find(type.begin(), type.end(), "string") != type.end();
}

/// Writes parameters of one format for one vocabulary.
class Parameters {
 public:
  Parameters(const ToolFormat& format, const Tokenizer& tokenizer) : format_(format), tokenizer_(tokenizer) {}

  RulePtr begin(std::string_view name, bool text) const {
    return markup(fmt::format("{} name=\"{}\" string=\"{}\">", format_.parameter_begin, name, text));
  }
  RulePtr end() const { return markup(std::string(format_.parameter_end)); }

  /// Raw text. Where the end tag has a token of its own, no text can be mistaken for it.
  RulePtr text_and_end() const {
    if (!tokenizer_.token_id("｜DSML｜")) return grammar::text_until(std::string(format_.parameter_end));
    return grammar::sequence({grammar::regex("[\\s\\S]*"), end()});
  }

  RulePtr text(std::string_view name) const { return grammar::sequence({begin(name, true), text_and_end()}); }
  RulePtr json(std::string_view name, const Json& schema) const {
    return grammar::sequence({begin(name, false), grammar::json_schema(schema), end()});
  }

  RulePtr any() const {
    const auto rest = [](bool text) { return grammar::literal(fmt::format("\" string=\"{}\">", text)); };
    const RulePtr value = grammar::json_schema(Json::object());  // anything
    return grammar::sequence({markup(std::string(format_.parameter_begin) + " name=\""), grammar::regex("[^\"<>\\n]+"),
                              grammar::choice({grammar::sequence({rest(true), text_and_end()}),
                                               grammar::sequence({rest(false), value, end()})})});
  }

  RulePtr value(std::string_view name, const Json& schema, const Json& root) const {
    if (is_plain_string(schema)) return text(name);
    if (RulePtr words = enumeration(name, schema)) return words;
    Json whole = schema;
    if (whole.is_object())
      for (const char* definitions : {"$defs", "definitions"})
        if (root.contains(definitions) && !whole.contains(definitions)) whole[definitions] = root[definitions];
    const RulePtr as_json = json(name, whole);
    return accepts_plain_string(schema) ? grammar::choice({text(name), as_json}) : as_json;
  }

 private:
  RulePtr markup(std::string_view text) const { return markup_rule(format_, text, tokenizer_); }

  /// An enum of strings, which stand raw; null for another schema.
  RulePtr enumeration(std::string_view name, const Json& schema) const {
    if (!schema.is_object() || !schema.contains("enum") || !schema["enum"].is_array() || schema["enum"].empty())
      return nullptr;
    for (const auto& [key, value] : schema.items())
      if (key != "enum" && !is_annotation(key) && !(key == "type" && value == "string")) return nullptr;
    std::vector<RulePtr> words;
    for (const Json& word : schema["enum"]) {
      if (!word.is_string()) return nullptr;
      words.push_back(grammar::literal(word.get<std::string>()));
    }
    return grammar::sequence({begin(name, true), grammar::choice(std::move(words)), end()});
  }

  const ToolFormat& format_;
  const Tokenizer& tokenizer_;
};

}  // namespace

RulePtr dsml_parameters_rule(const ToolFormat& format, const Json& schema, const Tokenizer& tokenizer) {
  require(schema.is_object(), "expected a schema of an object");
  constexpr std::string_view kKnown[] = {"type",  "properties", "required", "additionalProperties",
                                         "$defs", "definitions"};
  for (const auto& [key, value] : schema.items())
    require(is_annotation(key) || std::find(std::begin(kKnown), std::end(kKnown), key) != std::end(kKnown),
            "/{}: not supported for the parameters of a function as this model writes them", key);
  require(!schema.contains("type") || schema["type"] == "object", "/type: expected \"object\"");
  const Json properties = schema.value("properties", Json::object());
  const Json required = schema.value("required", Json::array());
  require(properties.is_object(), "/properties: expected an object");
  require(required.is_array(), "/required: expected a list");
  for (const Json& name : required)
    require(name.is_string() && properties.contains(name.get<std::string>()), "/required: {} is not in /properties",
            quote(dump_json(name)));

  const bool open = !schema.contains("additionalProperties") || schema["additionalProperties"] != false;
  if (!schema.contains("properties") && open) return dsml_any_parameters_rule(format, tokenizer);

  const Parameters parameters(format, tokenizer);
  std::vector<RulePtr> lines;
  for (const auto& [name, property] : properties.items()) {
    require(name.find_first_of("\"<>\n") == std::string::npos, "/properties: {} cannot be written as an attribute",
            quote(name));
    const RulePtr line = grammar::sequence({parameters.value(name, property, schema), grammar::literal("\n")});
    const bool needed = std::find(required.begin(), required.end(), name) != required.end();
    lines.push_back(needed ? line : grammar::optional(line));
  }
  // Without parameters a blank line stands in their place.
  if (required.empty()) lines.push_back(grammar::optional(grammar::literal("\n")));
  return grammar::sequence(std::move(lines));
}

RulePtr dsml_any_parameters_rule(const ToolFormat& format, const Tokenizer& tokenizer) {
  const RulePtr line = grammar::sequence({Parameters(format, tokenizer).any(), grammar::literal("\n")});
  return grammar::sequence({grammar::repeat(line), grammar::optional(grammar::literal("\n"))});
}

}  // namespace dure
