#pragma once

#include <filesystem>
#include <string>

#include "toolbox/hub/options.h"

namespace dure {

/// The hub and the cache as the environment says, in the variables that Hugging Face's own tools read: HF_ENDPOINT,
/// HF_TOKEN, HF_TOKEN_PATH, HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME, HF_HUB_OFFLINE, HF_HUB_DOWNLOAD_TIMEOUT.
/// Throws Error if there is no home to keep models in, or if the token file cannot be read.
HubOptions hub_options();

/// The folder that holds the models from the hub; as hub_options() has it.
std::filesystem::path hub_cache();

/// The folder or file that a MODEL on the command line means: a path, or a name from the cache (find_model()).
std::filesystem::path model_path(const std::string& model);

}  // namespace dure
