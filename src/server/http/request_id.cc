#include "server/http/request_id.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

namespace dure {

std::string request_id(std::string_view given) {
  const auto fit = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' || c == '_' ||
           c == '-';
  };
  const bool usable = !given.empty() && given.size() <= 64 && std::all_of(given.begin(), given.end(), fit);
  if (usable) return std::string(given);
  thread_local std::mt19937_64 random{std::random_device{}()};
  return fmt::format("req_{:016x}", random());
}

}  // namespace dure
