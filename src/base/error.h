#pragma once

#include <fmt/core.h>

#include <cassert>
#include <stdexcept>
#include <string>
#include <utility>

/// A mistake of the programmer, never of a file or a user.
#define DURE_ASSERT(condition) assert(condition)

namespace dure {

/// The one exception of the program: bad files, bad input, limits. The message is a single line for the user; it names
/// the file, tensor, key or field at fault and what was expected. Caught in main, the HTTP handler and the scheduler.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Throws Error with a formatted message.
template <typename... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(fmt::format(format, std::forward<Args>(args)...));
}

/// Throws Error with a formatted message unless the condition holds. The message is formatted only on failure.
template <typename... Args>
void require(bool condition, fmt::format_string<Args...> format, Args&&... args) {
  if (!condition) throw Error(fmt::format(format, std::forward<Args>(args)...));
}

/// Text from a file made fit for a one-line message: control characters escaped, cut after `limit` bytes.
std::string quote(std::string_view text, size_t limit = 60);

}  // namespace dure
