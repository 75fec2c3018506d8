#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "sampling/grammar/compiled_grammar.h"
#include "sampling/grammar/recognizer.h"
#include "sampling/grammar/rule.h"

// Debian's json-schema-test-suite: schemas with values that they accept and values that they do not.

namespace dure::grammar {
namespace {

const std::filesystem::path kSuite = "/usr/share/json-schema-test-suite/tests/draft7";
const std::filesystem::path kVerdicts = std::filesystem::path(DURE_TESTS_DIR) / "fixtures/json_schema_suite.txt";

/// The names of all properties, in the order in which a schema has them.
void collect_names(const Json& schema, std::vector<std::string>& names) {
  if (schema.is_array())
    for (const Json& part : schema) collect_names(part, names);
  if (!schema.is_object()) return;
  if (const auto properties = schema.find("properties"); properties != schema.end() && properties->is_object())
    for (const auto& [name, value] : properties->items()) names.push_back(name);
  for (const auto& [key, value] : schema.items()) collect_names(value, names);
}

/// A value whose members stand in that order.
Json ordered(const Json& value, const std::vector<std::string>& names) {
  if (value.is_array()) {
    Json out = Json::array();
    for (const Json& item : value) out.push_back(ordered(item, names));
    return out;
  }
  if (!value.is_object()) return value;
  Json out = Json::object();
  for (const std::string& name : names)
    if (value.contains(name)) out[name] = ordered(value.at(name), names);
  for (const auto& [name, member] : value.items())
    if (!out.contains(name)) out[name] = ordered(member, names);
  return out;
}

bool accepts(const std::shared_ptr<const CompiledGrammar>& grammar, const std::string& text) {
  Recognizer recognizer(grammar);
  auto at = recognizer.start();
  for (const char c : text) at = recognizer.step(at, uint8_t(c));
  return recognizer.accepting(at);
}

TEST(JsonSchema, KeepsToTheTestSuite) {
  if (!std::filesystem::exists(kSuite)) GTEST_SKIP() << "skipped: the package json-schema-test-suite is not installed";
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kSuite))
    // What `content.json` has to say is an annotation since draft 2019-09.
    if (entry.path().extension() == ".json" && entry.path().filename() != "content.json") files.push_back(entry.path());
  std::sort(files.begin(), files.end());

  // Of each group: `kept`, every value is judged as the suite does; `refused`, the schema cannot be kept exactly and is
  // not taken; `narrower`, some valid value cannot be written, such as an object whose properties stand in another
  // order.
  std::string verdicts;
  for (const auto& file : files) {
    const std::string name = file.lexically_relative(kSuite).string();
    for (const Json& group : parse_json(read_file(file), name)) {
      const std::string title = name + ": " + group.at("description").get<std::string>();
      std::shared_ptr<const CompiledGrammar> grammar;
      try {
        Json schema = group.at("schema");
        if (schema.is_object() && !schema.contains("$schema"))
          schema["$schema"] = "http://json-schema.org/draft-07/schema#";
        grammar = compile(json_schema(schema, JsonSpacing::compact));
      } catch (const Error&) {
        verdicts += "refused   " + title + "\n";
        continue;
      }
      std::vector<std::string> names;
      collect_names(group.at("schema"), names);
      bool all = true;
      for (const Json& test : group.at("tests")) {
        const std::string text = dump_json(ordered(test.at("data"), names));
        const bool valid = test.at("valid").get<bool>(), accepted = accepts(grammar, text);
        if (accepted && !valid) ADD_FAILURE() << title << " accepts " << text;
        all &= accepted == valid;
      }
      verdicts += (all ? "kept      " : "narrower  ") + title + "\n";
    }
  }
  if (verdicts == read_file(kVerdicts)) return;
  const auto now = std::filesystem::temp_directory_path() / kVerdicts.filename();
  std::ofstream(now) << verdicts;
  ADD_FAILURE() << "the verdicts are not what " << kVerdicts << " lists; it is in " << now;
}

}  // namespace
}  // namespace dure::grammar
