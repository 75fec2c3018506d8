#include "toolbox/verify.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "backend/registry.h"
#include "base/sanitized.h"

namespace dure {
namespace {

std::vector<std::string> model_folders() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(DURE_TESTS_DIR "/fixtures/models"))
    if (std::filesystem::exists(entry.path() / "golden.json")) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

class Golden : public testing::TestWithParam<std::string> {};

TEST_P(Golden, EveryBackendAndChunkingGivesTheReferenceLogits) {
  const std::string folder = DURE_TESTS_DIR "/fixtures/models/" + GetParam();
  // Sanitized, the plain one and the fastest one: tests of src/backend go through them all.
  std::vector<std::string> names = backends();
  if (kSanitized) names = {names.front(), names.back()};
  const std::vector<Check> checks = verify_model(folder, names, {});
  EXPECT_GT(checks.size(), 10u);
  for (const Check& c : checks)
    EXPECT_TRUE(c.passed()) << c.backend << ": " << c.what << ": " << c.error << " (limit " << c.limit << ")";
}

INSTANTIATE_TEST_SUITE_P(Models, Golden, testing::ValuesIn(model_folders()), [](const auto& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace dure
