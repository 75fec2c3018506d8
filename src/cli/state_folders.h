#pragma once

#include <filesystem>
#include <string>

namespace dure {

// Where the program keeps what outlasts it, by the XDG rules. Folders are made, readable by their owner alone.
// Throw Error if there is no home or the folder cannot be made.

/// $XDG_DATA_HOME/dure or ~/.local/share/dure: what a user would miss.
std::filesystem::path default_data_folder();
/// $XDG_CACHE_HOME/dure/NAME or ~/.cache/dure/NAME: what can be made again.
std::filesystem::path default_cache_folder(const std::string& name);
/// Makes the folder if it is not there.
std::filesystem::path private_folder(const std::filesystem::path& path);

}  // namespace dure
