#include "sampling/grammar/schema/schema_shape.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "sampling/grammar/regex.h"
#include "sampling/grammar/schema/number_language.h"
#include "sampling/grammar/schema/string_format.h"

namespace dure::grammar {
namespace {

constexpr size_t kMaxAlternatives = 5000;
constexpr size_t kMaxPatterns = 4;
constexpr int kProofDepth = 6;

enum Type : int { kNull, kBoolean, kInteger, kNumber, kString, kArray, kObject };
constexpr std::string_view kTypeNames[] = {"null", "boolean", "integer", "number", "string", "array", "object"};

constexpr std::string_view kAnnotations[] = {
    "$schema",         "$id",           "$anchor", "$comment",    "$defs",       "$vocabulary",
    "$dynamicAnchor",  "title",         "default", "examples",    "description", "definitions",
    "deprecated",      "example",       "then",    "readOnly",    "writeOnly",   "contentMediaType",
    "contentEncoding", "contentSchema", "else",    "minContains", "maxContains"};
constexpr std::string_view kAssertions[] = {"type",
                                            "enum",
                                            "const",
                                            "properties",
                                            "required",
                                            "additionalProperties",
                                            "items",
                                            "prefixItems",
                                            "minItems",
                                            "maxItems",
                                            "additionalItems",
                                            "patternProperties",
                                            "anyOf",
                                            "oneOf",
                                            "allOf",
                                            "$ref",
                                            "propertyNames",
                                            "minProperties",
                                            "minLength",
                                            "maxLength",
                                            "pattern",
                                            "format",
                                            "maxProperties",
                                            "minimum",
                                            "maximum",
                                            "exclusiveMinimum",
                                            "exclusiveMaximum",
                                            "multipleOf",
                                            "uniqueItems"};

template <size_t n>
bool is_one_of(std::string_view word, const std::string_view (&words)[n]) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

void add(Schemas& schemas, SchemaDocument::Id id) {
  const auto at = std::lower_bound(schemas.begin(), schemas.end(), id);
  if (at == schemas.end() || *at != id) schemas.insert(at, id);
}

/// As JSON Schema compares: 1 is 1.0, and the order of members does not matter.
bool equal(const Json& a, const Json& b) {
  if (a.is_object() && b.is_object())
    return a.size() == b.size() && std::all_of(a.items().begin(), a.items().end(), [&](const auto& member) {
             const auto other = b.find(member.key());
             return other != b.end() && equal(member.value(), *other);
           });
  if (a.is_array() && b.is_array()) return std::equal(a.begin(), a.end(), b.begin(), b.end(), equal);
  return a == b;
}

}  // namespace

SchemaDocument::Id SchemaShapes::child(Id schema, const char* keyword) {
  return document_.inner(schema, std::string("/") + keyword, document_.json(schema).at(keyword));
}

SchemaDocument::Id SchemaShapes::child(Id schema, const char* keyword, const std::string& key, const Json& json) {
  return document_.inner(schema, std::string("/") + keyword + "/" + key, json);
}

void SchemaShapes::check_keywords(Id schema) const {
  const Json& json = document_.json(schema);
  const auto has = [&](const char* key) { return json.contains(key); };
  for (const auto& [key, value] : json.items()) {
    if (is_one_of(key, kAssertions) || key.substr(0, 2) == "x-") continue;
    if ((key == "then" || key == "else") && has("if")) continue;  // said of `if` below
    if (is_one_of(key, kAnnotations) && !((key == "minContains" || key == "maxContains") && has("contains"))) continue;
    if (key == "unevaluatedProperties" || key == "unevaluatedItems" || key == "contains")
      if (value == true || value == Json::object())
        if (key != "contains") continue;
    document_.refuse(schema, key, "this keyword is not supported");
  }
}

std::vector<Schemas> SchemaShapes::alternatives(const Schemas& schemas) {
  // What is left to look at: schemas, and choices of which one way has to be taken.
  struct Item {
    Id schema;
    const char* choice;
  };
  struct Partial {
    std::vector<Item> todo;
    size_t next = 0;
    Schemas flat = {};
  };
  std::vector<Partial> work(1);
  for (const Id id : schemas) work[0].todo.push_back({id, nullptr});
  std::vector<Schemas> out;
  while (!work.empty()) {
    Partial p = std::move(work.back());
    work.pop_back();
    bool possible = true;
    while (possible && p.next < p.todo.size()) {
      const auto [id, choice] = p.todo[p.next++];
      const Json& json = document_.json(id);
      if (choice) {
        const Json& ways = json.at(choice);
        require(work.size() + out.size() + ways.size() <= kMaxAlternatives,
                "schema: more than {} combinations of alternatives", kMaxAlternatives);
        for (size_t i = ways.size(); i-- > 0;) {
          Partial branch = p;
          branch.todo.push_back({child(id, choice, std::to_string(i), ways[i]), nullptr});
          work.push_back(std::move(branch));
        }
        possible = false;  // the branches go on
        break;
      }
      if (json.is_boolean()) {
        possible = json.get<bool>();
        continue;
      }
      if (std::binary_search(p.flat.begin(), p.flat.end(), id)) continue;
      if (json.contains("$ref")) p.todo.push_back({document_.target(id), nullptr});
      if (json.contains("$ref") && document_.old_references()) continue;
      check_keywords(id);
      add(p.flat, id);
      for (const char* keyword : {"allOf", "anyOf", "oneOf"}) {
        if (!json.contains(keyword)) continue;
        const Json& list = json.at(keyword);
        if (!list.is_array() || list.empty()) document_.refuse(id, keyword, "expected a list of schemas");
        if (keyword[0] == 'o') check_one_of(id);
        if (keyword[1] == 'l') {
          for (size_t i = 0; i < list.size(); ++i)
            p.todo.push_back({child(id, keyword, std::to_string(i), list[i]), nullptr});
        } else {
          p.todo.push_back({id, keyword});
        }
      }
    }
    if (possible) out.push_back(std::move(p.flat));
  }
  return out;
}

void SchemaShapes::check_one_of(Id schema) {
  const Json& ways = document_.json(schema).at("oneOf");
  for (size_t i = 0; i < ways.size(); ++i)
    for (size_t j = i + 1; j < ways.size(); ++j) {
      Schemas both;
      add(both, child(schema, "oneOf", std::to_string(i), ways[i]));
      add(both, child(schema, "oneOf", std::to_string(j), ways[j]));
      if (!is_never(both))
        document_.refuse(schema, "oneOf",
                         fmt::format("a value might match both {} and {}; use anyOf, or a required "
                                     "property with different constants",
                                     i, j));
    }
}

bool SchemaShapes::is_never(const Schemas& schemas, int depth) {
  if (depth > kProofDepth) return false;
  const auto [known, added] = never_.emplace(schemas, false);  // false as well while it is being found out
  if (!added) return known->second;
  const auto empty = [&](const Shape& s) {
    if (!s.literals.empty() || s.any_number) return false;
    if (s.numbers && !s.numbers->empty()) return false;
    if (s.strings && !s.strings->language.empty() && s.strings->min <= s.strings->max) return false;
    if (s.lists && s.lists->min <= s.lists->max) {
      bool never = false;
      for (int i = 0; i < s.lists->min && !never; ++i) {
        const bool in_prefix = size_t(i) < s.lists->prefix.size();
        never = is_never(in_prefix ? s.lists->prefix[size_t(i)] : s.lists->rest, depth + 1);
        if (!in_prefix) break;
      }
      if (!never) return false;
    }
    if (!s.objects) return true;
    const auto& properties = s.objects->properties;
    return s.objects->min > s.objects->max || std::any_of(properties.begin(), properties.end(), [&](const auto& p) {
             return p.required && is_never(p.value, depth + 1);
           });
  };
  const std::vector<Shape> all = shapes(schemas);
  const bool never = std::all_of(all.begin(), all.end(), empty);
  never_[schemas] = never;
  return never;
}

std::vector<Shape> SchemaShapes::shapes(const Schemas& schemas) {
  std::vector<Shape> out;
  for (const Schemas& flat : alternatives(schemas)) out.push_back(shape_of(flat));
  return out;
}

void SchemaShapes::read_types(const Schemas& flat, bool (&allowed)[7]) const {
  std::fill(std::begin(allowed), std::end(allowed), true);
  for (const Id id : flat) {
    const auto type = document_.json(id).find("type");
    if (type == document_.json(id).end()) continue;
    bool here[7] = {};
    const auto name = [&](const Json& word) {
      const auto at = word.is_string()
                          ? std::find(std::begin(kTypeNames), std::end(kTypeNames), word.get_ref<const std::string&>())
                          : std::end(kTypeNames);
      if (at == std::end(kTypeNames)) document_.refuse(id, "type", "expected a type of JSON Schema or a list of them");
      here[at - std::begin(kTypeNames)] = true;
    };
    if (type->is_array()) {
      for (const Json& word : *type) name(word);
    } else {
      name(*type);
    }
    here[kInteger] |= here[kNumber];
    for (int t = 0; t < 7; ++t) allowed[t] &= here[t];
  }
}

Shape SchemaShapes::shape_of(const Schemas& flat) {
  bool allowed[7];
  read_types(flat, allowed);
  Shape shape;
  if (allowed[kNull]) shape.literals.push_back("null");
  if (allowed[kBoolean]) shape.literals.insert(shape.literals.end(), {"false", "true"});
  if (allowed[kInteger]) {
    shape.numbers = number_language(flat, !allowed[kNumber]);
    shape.any_number = !shape.numbers;
  }
  if (allowed[kString]) shape.strings = string_language(flat);
  if (allowed[kArray]) shape.lists = lists(flat);
  if (allowed[kObject]) shape.objects = objects(flat);
  restrict_to_values(flat, shape);
  return shape;
}

/// None: any number, in any spelling.
std::optional<CharDfa> SchemaShapes::number_language(const Schemas& flat, bool integer) {
  std::optional<CharDfa> out;
  if (integer) out = integers();
  const auto both = [&](const CharDfa& language) { out = out ? intersect(*out, language) : language; };
  for (const Id id : flat) {
    const Json& json = document_.json(id);
    const auto bound = [&](const char* keyword) -> std::optional<Decimal> {
      const auto value = json.find(keyword);
      if (value == json.end()) return std::nullopt;
      if (!value->is_number()) document_.refuse(id, keyword, "expected a number");
      return parse_decimal(value->dump());
    };
    if (const auto b = bound("minimum")) both(at_least(*b, false));
    if (const auto b = bound("exclusiveMinimum")) both(at_least(*b, true));
    if (const auto b = bound("maximum")) both(at_most(*b, false));
    if (const auto b = bound("exclusiveMaximum")) both(at_most(*b, true));
    if (const auto b = bound("multipleOf")) {
      if (b->negative || b->is_zero()) document_.refuse(id, "multipleOf", "expected a number above 0");
      const auto multiples = multiples_of(*b);
      if (!multiples) document_.refuse(id, "multipleOf", "this divisor has too many digits");
      both(*multiples);
    }
  }
  return out;
}

const CharDfa& SchemaShapes::pattern(Id schema, const std::string& place, const std::string& text) {
  const auto known = patterns_.find(text);
  if (known != patterns_.end()) return known->second;
  try {
    const Text language = regex_language(text, Match::part);
    const bool counted = language.min > 0 || language.max != kUnbounded;
    return patterns_
        .emplace(text, counted ? with_length(language.language, language.min, language.max) : language.language)
        .first->second;
  } catch (const Error& error) {
    document_.refuse(schema, place, error.what());
  }
}

Text SchemaShapes::string_language(const Schemas& flat) {
  Text out{any_text()};
  bool any = true;
  const auto both = [&](const Text& text) {
    out.language = any ? text.language : intersect(out.language, text.language);
    out.min = std::max(out.min, text.min);
    out.max = std::min(out.max, text.max);
    any = false;
  };
  for (const Id id : flat) {
    const Json& json = document_.json(id);
    out.min = std::max(out.min, document_.count(id, "minLength", 0));
    out.max = std::min(out.max, document_.count(id, "maxLength", kUnbounded));
    for (const char* keyword : {"pattern", "format"}) {
      const auto value = json.find(keyword);
      if (value == json.end()) continue;
      if (!value->is_string()) document_.refuse(id, keyword, "expected a string");
      const auto& text = value->get_ref<const std::string&>();
      try {
        if (keyword[0] == 'p') {
          both(regex_language(text, Match::part));
        } else if (const auto format = string_format(text)) {
          both(*format);
        }
      } catch (const Error& error) {
        document_.refuse(id, keyword, error.what());
      }
    }
  }
  return out;
}

Shape::Lists SchemaShapes::lists(const Schemas& flat) {
  Shape::Lists out;
  struct Source {
    std::vector<Id> prefix;
    std::optional<Id> rest;
  };
  std::vector<Source> sources;
  for (const Id id : flat) {
    const Json& json = document_.json(id);
    out.min = std::max(out.min, document_.count(id, "minItems", 0));
    out.max = std::min(out.max, document_.count(id, "maxItems", kUnbounded));
    Source source;
    // Until draft 2019-09, a list of `items` was what prefixItems is now, and additionalItems what items is now.
    const bool old = json.contains("items") && json.at("items").is_array();
    const char *prefix = old ? "items" : "prefixItems", *rest = old ? "additionalItems" : "items";
    if (json.contains(prefix)) {
      const Json& list = json.at(prefix);
      if (!list.is_array()) document_.refuse(id, prefix, "expected a list of schemas");
      if (list.size() > 200) document_.refuse(id, prefix, "more than 200 schemas are not supported");
      for (size_t i = 0; i < list.size(); ++i) source.prefix.push_back(child(id, prefix, std::to_string(i), list[i]));
    }
    if (json.contains(rest)) source.rest = child(id, rest);
    sources.push_back(std::move(source));
  }
  size_t longest = 0;
  for (const Source& s : sources) longest = std::max(longest, s.prefix.size());
  out.prefix.resize(longest);
  for (const Source& s : sources) {
    for (size_t i = 0; i < longest; ++i) {
      if (i < s.prefix.size()) {
        add(out.prefix[i], s.prefix[i]);
      } else if (s.rest) {
        add(out.prefix[i], *s.rest);
      }
    }
    if (s.rest) add(out.rest, *s.rest);
  }
  for (const Id id : flat)
    if (document_.boolean(id, "uniqueItems", false) && out.max > 1)
      document_.refuse(id, "uniqueItems", "not supported for more than one item");
  return out;
}

/// What a schema says of the value of one key.
void SchemaShapes::add_for_key(Id schema, const std::string& key, Schemas& out) {
  const Json& json = document_.json(schema);
  bool known = false;
  if (const auto properties = json.find("properties"); properties != json.end())
    if (const auto value = properties->find(key); value != properties->end()) {
      add(out, child(schema, "properties", key, *value));
      known = true;
    }
  if (const auto patterns = json.find("patternProperties"); patterns != json.end())
    for (const auto& [text, value] : patterns->items())
      if (pattern(schema, "patternProperties", text).accepts(key)) {
        add(out, child(schema, "patternProperties", text, value));
        known = true;
      }
  if (!known && json.contains("additionalProperties")) add(out, child(schema, "additionalProperties"));
}

Shape::Objects SchemaShapes::objects(const Schemas& flat) {
  Shape::Objects out;
  out.sources = flat;
  std::vector<std::string> names;
  std::set<std::string> seen, required;
  const auto name = [&](const std::string& key) {
    if (seen.insert(key).second) names.push_back(key);
  };
  for (const Id id : flat) {
    const Json& json = document_.json(id);
    out.min = std::max(out.min, document_.count(id, "minProperties", 0));
    out.max = std::min(out.max, document_.count(id, "maxProperties", kUnbounded));
    for (const char* keyword : {"properties", "patternProperties"})
      if (json.contains(keyword) && !json.at(keyword).is_object())
        document_.refuse(id, keyword, "expected an object of schemas");
    if (const auto properties = json.find("properties"); properties != json.end())
      for (const auto& [key, value] : properties->items()) name(key);
  }
  for (const Id id : flat)
    if (const auto list = document_.json(id).find("required"); list != document_.json(id).end()) {
      if (!list->is_array()) document_.refuse(id, "required", "expected a list of names");
      for (const Json& key : *list) {
        if (!key.is_string()) document_.refuse(id, "required", "expected a list of names");
        name(key.get<std::string>());
        required.insert(key.get<std::string>());
      }
    }
  const auto keys = key_language(flat);
  for (const std::string& key : names) {
    if (keys && !keys->accepts(key)) {
      if (required.count(key) == 0) continue;
      out.max = -1;  // no object has this property
    }
    Shape::Objects::Property property{key, {}, required.count(key) > 0};
    for (const Id id : flat) add_for_key(id, key, property.value);
    out.properties.push_back(std::move(property));
  }
  return out;
}

/// None: any key.
std::optional<CharDfa> SchemaShapes::key_language(const Schemas& flat) {
  Schemas names;
  for (const Id id : flat)
    if (document_.json(id).contains("propertyNames")) add(names, child(id, "propertyNames"));
  if (names.empty()) return std::nullopt;
  CharDfa out;
  for (const Shape& shape : shapes(names))
    if (shape.strings) {
      const Text& s = *shape.strings;
      const bool counted = s.min > 0 || s.max != kUnbounded;
      out = unite(out, counted ? with_length(s.language, s.min, s.max) : s.language);
    }
  return out;
}

std::vector<OtherProperties> SchemaShapes::others(const Shape::Objects& objects) {
  std::vector<std::string> names;
  for (const auto& p : objects.properties) names.push_back(p.name);
  CharDfa keys = names.empty() ? any_text() : all_but(names);
  if (const auto allowed = key_language(objects.sources)) keys = intersect(keys, *allowed);

  std::vector<std::pair<std::string, const CharDfa*>> patterns;
  for (const Id id : objects.sources)
    if (const auto list = document_.json(id).find("patternProperties"); list != document_.json(id).end())
      for (const auto& [text, value] : list->items()) {
        const CharDfa& language = pattern(id, "patternProperties", text);
        const auto same = [&text = text](const auto& p) { return p.first == text; };
        if (std::any_of(patterns.begin(), patterns.end(), same)) continue;
        if (patterns.size() == kMaxPatterns) document_.refuse(id, "patternProperties", "too many patterns");
        patterns.emplace_back(text, &language);
      }

  // Keys that match the same patterns have values of the same schemas.
  std::vector<OtherProperties> out;
  for (size_t matched = 0; matched < size_t{1} << patterns.size(); ++matched) {
    OtherProperties other{keys, {}};
    for (size_t i = 0; i < patterns.size(); ++i)
      other.keys = intersect(other.keys, matched >> i & 1 ? *patterns[i].second : complement(*patterns[i].second));
    if (other.keys.empty()) continue;
    for (const Id id : objects.sources) {
      const Json& json = document_.json(id);
      bool known = false;
      if (const auto list = json.find("patternProperties"); list != json.end())
        for (const auto& [text, value] : list->items())
          for (size_t i = 0; i < patterns.size(); ++i)
            if (patterns[i].first == text && (matched >> i & 1) != 0) {
              add(other.value, child(id, "patternProperties", text, value));
              known = true;
            }
      if (!known && json.contains("additionalProperties")) add(other.value, child(id, "additionalProperties"));
    }
    const auto is_false = [&](Id id) { return document_.json(id) == false; };
    if (std::none_of(other.value.begin(), other.value.end(), is_false)) out.push_back(std::move(other));
  }
  return out;
}

/// Keeps what `enum` and `const` list.
void SchemaShapes::restrict_to_values(const Schemas& flat, Shape& shape) {
  std::optional<std::vector<Json>> values;
  Id source = 0;
  const auto both = [&](std::vector<Json> list, Id id) {
    source = id;
    if (values)
      std::erase_if(list, [&](const Json& v) {
        return std::none_of(values->begin(), values->end(), [&](const Json& w) { return equal(v, w); });
      });
    values = std::move(list);
  };
  for (const Id id : flat) {
    const Json& json = document_.json(id);
    if (const auto value = json.find("const"); value != json.end()) both({*value}, id);
    if (const auto list = json.find("enum"); list != json.end()) {
      if (!list->is_array()) document_.refuse(id, "enum", "expected a list of values");
      both({list->begin(), list->end()}, id);
    }
  }
  if (!values) return;

  std::vector<std::string> literals, strings;
  for (const Json& value : *values) {
    const auto keep = [&](bool allowed) {
      if (allowed) literals.push_back(dump_json(value));
    };
    if (value.is_string()) {
      strings.push_back(value.get<std::string>());
    } else if (value.is_number()) {
      const Decimal decimal = parse_decimal(value.dump());
      if (!shape.any_number && !(shape.numbers && shape.numbers->accepts(decimal.text()))) continue;
      literals.push_back(decimal.text().size() > 20 ? value.dump() : decimal.text());
    } else if (value.is_object() || value.is_array()) {
      const bool list = value.is_array();
      if (list ? !shape.lists : !shape.objects) continue;
      for (const Id id : flat)
        for (const char* keyword : {"items", "prefixItems", "minItems", "maxItems", "additionalItems", "uniqueItems",
                                    "properties", "required", "additionalProperties", "patternProperties",
                                    "propertyNames", "minProperties", "maxProperties"})
          if (document_.json(id).contains(keyword))
            document_.refuse(source, "enum", "lists and objects as values are not supported beside other keywords");
      keep(true);
    } else {
      const std::string text = dump_json(value);
      keep(std::find(shape.literals.begin(), shape.literals.end(), text) != shape.literals.end());
    }
  }
  if (shape.strings) {
    const CharDfa listed = minimize(words(strings));
    shape.strings->language = intersect(listed, shape.strings->language);
  }
  shape.literals = std::move(literals);
  shape.numbers.reset();
  shape.any_number = false;
  shape.lists.reset();
  shape.objects.reset();
}

}  // namespace dure::grammar
