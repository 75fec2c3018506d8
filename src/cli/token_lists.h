#pragma once

#include <string>
#include <vector>

namespace dure {

/// Reads a JSON array of arrays of token ids. Throws Error, naming the file and the list, if it is something else.
std::vector<std::vector<int>> read_token_lists(const std::string& path);

}  // namespace dure
