#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace dure {

/// A regular expression over module paths such as `model.layers.0.self_attn.q_proj`, from an adapter's configuration:
/// the common ground of Python's `re`, in which they are written, and PCRE2. Copies share the compiled pattern.
class ModulePattern {
 public:
  /// Throws Error, beginning with `source`, if the pattern does not compile.
  ModulePattern(const std::string& pattern, std::string source);

  /// Whether it matches the whole path, as re.fullmatch does; `first_group` receives what its first group matched.
  /// Throws Error if it backtracks beyond a limit.
  bool matches(std::string_view path, std::string* first_group = nullptr) const;

 private:
  struct Code;
  std::shared_ptr<const Code> code_;
};

}  // namespace dure
