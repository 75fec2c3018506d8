#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "base/json_fwd.h"

namespace dure {

/// Reads a file of JSON Lines: `use` gets each record and where it stands, "FILE:LINE", until it returns false. Lines
/// without text are skipped.
/// Throws Error if the file cannot be read or a line is not JSON.
void for_each_json_line(const std::filesystem::path& path,
                        const std::function<bool(const Json& record, const std::string& source)>& use);

}  // namespace dure
