#pragma once

#include <string>

#include "base/error.h"

namespace dure {

/// For tests: the message of the Error that `use` throws, or "" if it throws none.
template <typename Use>
std::string error_of(Use&& use) {
  try {
    use();
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

}  // namespace dure
