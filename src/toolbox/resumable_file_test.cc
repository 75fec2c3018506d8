#include "toolbox/resumable_file.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/error_of.h"
#include "base/file.h"
#include "formats/temporary_folder.h"

namespace dure {
namespace {

namespace fs = std::filesystem;

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

/// Writes parts until `count` are there.
void write_parts(ResumableFile& file, size_t count) {
  while (file.parts() < count) {
    const std::string text = "part " + std::to_string(file.parts());
    file.append(bytes(std::string_view(text).substr(0, 3)));
    file.append(bytes(std::string_view(text).substr(3)));
    file.end_part();
  }
}

TEST(ResumableFile, TakesItsNameWhenItIsWhole) {
  const TemporaryFolder folder;
  const fs::path path = folder / "x";
  {
    ResumableFile file(path, "a");
    write_parts(file, 3);
    EXPECT_FALSE(fs::exists(path));
    file.finish();
  }
  EXPECT_EQ(read_file(path), "part 0part 1part 2");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 1);
}

TEST(ResumableFile, GoesOnAfterTheLastWholePart) {
  const TemporaryFolder folder;
  const fs::path path = folder / "x";
  {
    ResumableFile file(path, "a");
    write_parts(file, 2);
    file.append(bytes("part"));  // not finished
  }
  ResumableFile file(path, "a");
  EXPECT_EQ(file.parts(), 2u);
  EXPECT_EQ(file.bytes(), 12);
  write_parts(file, 3);
  file.finish();
  EXPECT_EQ(read_file(path), "part 0part 1part 2");
}

TEST(ResumableFile, NeverTrustsWhatItFinds) {
  const auto damage = [](const fs::path& file, int64_t at, std::string_view text) {
    std::fstream out(file, std::ios::in | std::ios::out | std::ios::binary);
    out.seekp(at);
    out << text;
  };
  const struct {
    const char* what;
    std::function<void(const fs::path& partial, const fs::path& journal)> spoil;
    size_t kept;
  } kCases[] = {
      {"nothing", [](auto&, auto&) {}, 3},
      {"a byte of part 1", [&](auto& partial, auto&) { damage(partial, 7, "X"); }, 1},
      {"the end is missing", [](auto& partial, auto&) { fs::resize_file(partial, 15); }, 2},
      {"the journal's last line", [](auto&, auto& journal) { fs::resize_file(journal, fs::file_size(journal) - 1); },
       2},
      {"no journal", [](auto&, auto& journal) { fs::remove(journal); }, 0},
      {"the journal's first line", [&](auto&, auto& journal) { damage(journal, 6, "zz"); }, 0},
      {"a size of another world", [&](auto&, auto& journal) { damage(journal, 22, "9999999999999999999999\n"); }, 0},
  };
  for (const auto& c : kCases) {
    const TemporaryFolder folder;
    const fs::path path = folder / "x";
    {
      ResumableFile file(path, "a");
      write_parts(file, 3);
    }
    c.spoil(folder / "x.partial", folder / "x.partial.journal");
    ResumableFile file(path, "a");
    EXPECT_EQ(file.parts(), c.kept) << c.what;
    write_parts(file, 3);
    file.finish();
    EXPECT_EQ(read_file(path), "part 0part 1part 2") << c.what;
  }
}

TEST(ResumableFile, AnotherContentStartsOver) {
  const TemporaryFolder folder;
  {
    ResumableFile file(folder / "x", "a");
    write_parts(file, 2);
  }
  EXPECT_EQ(ResumableFile(folder / "x", "b").parts(), 0u);
  EXPECT_TRUE(fs::is_empty(folder.path())) << "what has no finished part is not left behind";
}

TEST(ResumableFile, OneWriterAtATime) {
  const TemporaryFolder folder;
  ResumableFile file(folder / "x", "a");
  EXPECT_EQ(error_of([&] { ResumableFile(folder / "x", "a"); }),
            (folder / "x").string() + ": another program is writing it");
  EXPECT_EQ(error_of([&] { ResumableFile(folder.path(), "a"); }),
            folder.path().string() + ": is a folder, expected the name of a file");
}

}  // namespace
}  // namespace dure
