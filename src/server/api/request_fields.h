#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "server/http/http.h"

namespace dure {

/// The body of a request as a JSON object. Throws HttpError 400.
Json parse_body(const HttpRequest& request);

/// A list of token ids. `where` names it in errors. Throws HttpError 400.
std::vector<int> token_ids(const Json& list, const std::string& where);

/// Typed access to the fields of a request. A null counts as absent, fields that nobody asks for are ignored. All throw
/// HttpError 400 that names the field (`param`) and says what was expected.
class RequestFields {
 public:
  /// `path` goes before names in errors: "tools[0].function". REQUIRES: the object outlives this.
  explicit RequestFields(const Json& object, std::string path = {});

  const Json* find(std::string_view name) const;  ///< null if absent
  bool has(std::string_view name) const { return find(name) != nullptr; }
  std::optional<double> number(std::string_view name, double min, double max) const;
  std::optional<int64_t> integer(std::string_view name, int64_t min, int64_t max) const;
  std::optional<bool> boolean(std::string_view name) const;
  std::optional<std::string> string(std::string_view name) const;
  std::string string_or(std::string_view name, std::string fallback) const;
  bool boolean_or(std::string_view name, bool fallback) const { return boolean(name).value_or(fallback); }
  /// Null if absent.
  const Json* array(std::string_view name, size_t max_size) const;
  const Json* object(std::string_view name) const;
  /// A string, or a list of them.
  std::vector<std::string> strings(std::string_view name, size_t max_size) const;

  [[noreturn]] void refuse(std::string_view name, const std::string& expected) const;
  std::string path(std::string_view name) const;

 private:
  const Json& object_;
  std::string path_;
};

}  // namespace dure
