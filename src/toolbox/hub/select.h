#pragma once

#include <string>
#include <vector>

#include "toolbox/hub/api.h"

namespace dure {

/// One model of a repository that has several: a GGUF file, or all parts of one that is split.
struct HubModel {
  std::string path;     ///< the file, or the first part: what opens the model
  std::string pattern;  ///< matches its files and no other model's
  int parts = 1;        ///< files there are
  int64_t size = 0;     ///< of all parts together
};

/// The models among these files, in their order: parts NAME-00001-of-00003.gguf count as one. Projectors of images
/// (mmproj) are no models.
std::vector<HubModel> gguf_models(const std::vector<HubFile>& files);

/// Whether a path matches a pattern of * ? [...], where * also matches '/'; a pattern that ends in '/' means what is in
/// that folder.
bool matches_glob(const std::string& path, std::string pattern);

/// What to fetch of a repository.
struct Selection {
  std::vector<HubFile> files;
  std::vector<HubModel> choices;  ///< not empty: it is not clear which; then there are no files
};

/// With `include`, the files that match one of its patterns; without, what a model needs to run: configuration,
/// tokenizer, chat template and safetensors; or, where there are none, the one GGUF model, or a choice if there are
/// several. Files that match one of `exclude` are left out either way.
Selection select_files(const std::vector<HubFile>& files, const std::vector<std::string>& include,
                       const std::vector<std::string>& exclude);

}  // namespace dure
