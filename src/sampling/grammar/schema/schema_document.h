#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace dure::grammar {

/// The schemas within a JSON document, numbered when they are first met, and references between them.
class SchemaDocument {
 public:
  using Id = int;

  /// REQUIRES: `root` outlives this.
  explicit SchemaDocument(const Json& root);

  Id root() const { return 0; }
  const Json& json(Id id) const { return *nodes_[size_t(id)].json; }
  /// A value within a schema, by its place behind that schema's pointer, as in "/items/0".
  Id inner(Id schema, const std::string& place, const Json& json);
  /// The schema that a $ref of this one names. Throws Error if it is not in the document.
  Id target(Id schema);
  /// Whether nothing beside a $ref counts, as it was until draft 7.
  bool old_references() const { return old_references_; }

  /// Throws Error with the JSON pointer of a keyword of a schema, or of the schema itself.
  [[noreturn]] void refuse(Id schema, std::string_view keyword, std::string_view what) const;
  /// A keyword that is a count; `fallback` if there is none.
  int count(Id schema, const char* keyword, int fallback) const;
  bool boolean(Id schema, const char* keyword, bool fallback) const;

 private:
  struct Node {
    const Json* json;
    std::string pointer;
  };
  Id id_of(const Json& json, std::string pointer);
  void find_names(const Json& json, const std::string& pointer, bool is_root);

  std::vector<Node> nodes_;
  std::unordered_map<const Json*, Id> ids_;
  std::unordered_map<std::string, std::pair<const Json*, std::string>> anchors_;
  std::string base_;  ///< the root's $id
  bool old_references_ = false;
  bool has_inner_bases_ = false;  ///< another schema has an $id of its own
};

}  // namespace dure::grammar
