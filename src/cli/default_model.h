#pragma once

#include <filesystem>
#include <optional>

namespace dure {

/// The model that dure chats with if it is not told anything: models/dure-mini beside the program or in a folder above
/// it, as far up as a build folder lies. Nothing if there is none, or it holds no model.
std::optional<std::filesystem::path> default_model();

}  // namespace dure
