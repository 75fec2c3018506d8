#pragma once

#include <string_view>

#include "text/jinja/runtime.h"

namespace dure::jinja {

struct NamedNative {
  std::string_view name;
  Native native;
};

/// Looks a name up in a table; nullptr if it is not there.
template <size_t N>
Native look_up(const NamedNative (&table)[N], std::string_view name) {
  for (const NamedNative& entry : table)
    if (entry.name == name) return entry.native;
  return nullptr;
}

inline Value integer_value(size_t n) { return static_cast<int64_t>(n); }

}  // namespace dure::jinja
