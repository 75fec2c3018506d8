#include "toolbox/hub/find_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/error_of.h"
#include "formats/temporary_folder.h"

namespace dure {
namespace {

namespace fs = std::filesystem;

/// A folder with empty files of these names.
fs::path make_folder(const fs::path& folder, const std::vector<std::string>& files) {
  fs::create_directories(folder);
  for (const std::string& name : files) std::ofstream(folder / name).put('x');
  return folder;
}

TEST(FindModel, AFolderMayBeTheModelOrHoldIt) {
  const TemporaryFolder root;
  const auto found = [&](const fs::path& folder) { return find_model(folder.string(), root / "cache"); };
  const fs::path hf = make_folder(root / "hf", {"config.json", "other.gguf"});
  EXPECT_EQ(found(hf), hf);
  const fs::path weights = make_folder(root / "weights", {"model.safetensors", "other.gguf"});
  EXPECT_EQ(found(weights), weights);
  EXPECT_EQ(found(make_folder(root / "one", {"README.md", "m.gguf"})), root / "one" / "m.gguf");
  EXPECT_EQ(found(make_folder(root / "parts", {"m-00001-of-00002.gguf", "m-00002-of-00002.gguf"})),
            root / "parts" / "m-00001-of-00002.gguf");
  const fs::path none = make_folder(root / "none", {"README.md"});
  EXPECT_EQ(found(none), none);
  make_folder(root / "deep" / "below", {"m.gguf"});  // not looked for: the folder may be anything
  EXPECT_EQ(found(root / "deep"), root / "deep");
  const fs::path two = make_folder(root / "two", {"a.gguf", "b.gguf"});
  EXPECT_THAT(error_of([&] { found(two); }), testing::HasSubstr("holds 2 models; say which: "));
}

}  // namespace
}  // namespace dure
