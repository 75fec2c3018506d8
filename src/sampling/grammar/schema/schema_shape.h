#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sampling/grammar/rule_node.h"
#include "sampling/grammar/schema/schema_document.h"

namespace dure::grammar {

/// Schemas that must hold together; ascending, without repeats. None of them: anything goes.
using Schemas = std::vector<SchemaDocument::Id>;

/// Values without alternatives between the keywords that describe them: of each type those that all keywords allow.
struct Shape {
  struct Lists {
    std::vector<Schemas> prefix;
    Schemas rest;
    int min = 0, max = kUnbounded;
  };
  struct Objects {
    struct Property {
      std::string name;
      Schemas value;
      bool required;
    };
    std::vector<Property> properties;
    int min = 0, max = kUnbounded;
    Schemas sources;  ///< the schemas that speak of other properties
  };
  std::vector<std::string> literals;  ///< JSON texts, of types that are not listed below
  std::optional<CharDfa> numbers;     ///< as texts
  bool any_number = false;
  std::optional<Text> strings;  ///< as values
  std::optional<Lists> lists;
  std::optional<Objects> objects;
};

/// Other properties of objects: keys of a language, which share the schemas of their values.
struct OtherProperties {
  CharDfa keys;
  Schemas value;
};

/// What schemas say together, keyword by keyword. Throws Error for what cannot be kept exactly.
class SchemaShapes {
 public:
  explicit SchemaShapes(SchemaDocument& document) : document_(document) {}

  /// A value must have one of these shapes.
  std::vector<Shape> shapes(const Schemas& schemas);
  std::vector<OtherProperties> others(const Shape::Objects& objects);
  /// Proof that no value satisfies the schemas; false if there is none at hand.
  bool is_never(const Schemas& schemas, int depth = 0);

 private:
  using Id = SchemaDocument::Id;
  std::vector<Schemas> alternatives(const Schemas& schemas);
  void check_one_of(Id schema);
  void check_keywords(Id schema) const;
  Shape shape_of(const Schemas& flat);
  void read_types(const Schemas& flat, bool (&allowed)[7]) const;
  std::optional<CharDfa> number_language(const Schemas& flat, bool integer);
  Text string_language(const Schemas& flat);
  Shape::Lists lists(const Schemas& flat);
  Shape::Objects objects(const Schemas& flat);
  void add_for_key(Id schema, const std::string& key, Schemas& out);
  std::optional<CharDfa> key_language(const Schemas& flat);
  void restrict_to_values(const Schemas& flat, Shape& shape);
  const CharDfa& pattern(Id schema, const std::string& place, const std::string& text);
  Id child(Id schema, const char* keyword);
  Id child(Id schema, const char* keyword, const std::string& key, const Json& json);

  SchemaDocument& document_;
  std::map<std::string, CharDfa> patterns_;
  std::map<Schemas, bool> never_;
};

}  // namespace dure::grammar
