#pragma once

#include <filesystem>
#include <string>

namespace dure {

/// The folder or GGUF file that a MODEL on the command line means. A path that exists is itself, or the GGUF model in
/// it if it is a folder with that and no config.json; otherwise OWNER/NAME[:REVISION][/FILE] is looked up in the cache
/// of models from the hub: its snapshot, a file or folder in it, or, where the snapshot holds one GGUF model and no
/// safetensors, that model (the first part if it is split). A name that is clearly a path ("/...", "./...", more than a
/// name would have) is given back as it is, for the usual error of who opens it. Throws Error if the model is not in
/// the cache, or there are several GGUF models and the name does not say which.
std::filesystem::path find_model(const std::string& name, const std::filesystem::path& cache);

}  // namespace dure
