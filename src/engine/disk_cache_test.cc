#include "engine/disk_cache.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>

#include "base/file.h"
#include "formats/temporary_folder.h"

namespace dure {
namespace {

namespace fs = std::filesystem;

DiskName name_of(int i, int rows = 128) {
  return {token_key({}, std::vector{i}), RowKinds(std::array<uint64_t, 2>{uint64_t(i), 0}), rows};
}

std::vector<std::byte> payload_of(int i, size_t bytes = 1000) { return std::vector(bytes, std::byte(i)); }

TEST(DiskName, IsAFileName) {
  const DiskName name = name_of(5, 77);
  EXPECT_EQ(DiskName::parse(name.file()), name);
  EXPECT_EQ(name.file().substr(32), "-00000000000000000000000000000005-77.kv");
  for (const std::string& bad : {std::string(), fmt::format("{}x", name.file()), fmt::format("x{}", name.file()),
                                 name_of(1, 0).file(), name_of(1, 129).file(), name_of(1, -5).file(),
                                 std::string(66, '-') + "1.kv", fmt::format("G{}", name.file().substr(1))})
    EXPECT_FALSE(DiskName::parse(bad)) << bad;
}

TEST(DiskRecord, IsBelievedOnlyAsItWasWritten) {
  const DiskName name = name_of(5);
  const std::vector<std::byte> payload = payload_of(9, 333);
  std::vector<std::byte> file = disk_header(name, payload);
  file.insert(file.end(), payload.begin(), payload.end());
  ASSERT_TRUE(read_record(name, file));
  EXPECT_TRUE(std::ranges::equal(*read_record(name, file), payload));
  EXPECT_FALSE(read_record(name_of(6), file));
  EXPECT_FALSE(read_record(name_of(5, 3), file));
  for (size_t i = 0; i < file.size(); ++i) {
    EXPECT_FALSE(read_record(name, std::span(file).first(i)));
    file[i] ^= std::byte{4};
    EXPECT_FALSE(read_record(name, file)) << i;
    file[i] ^= std::byte{4};
  }
}

/// Values made by another program from docs/engine.md.
TEST(DiskRecord, IsWhatItsPageSays) {
  const auto hex = [](const std::vector<std::byte>& bytes) {
    std::string text;
    for (const std::byte b : bytes) text += fmt::format("{:02x}", static_cast<int>(b));
    return text;
  };
  DiskName name{{}, RowKinds(std::array<uint64_t, 2>{5, 0}), 128};
  for (uint8_t i = 0; i < 16; ++i) name.tokens.bytes[i] = i;
  EXPECT_EQ(hex(disk_header(name, std::vector<std::byte>(100))),
            "647572654b563031000102030405060708090a0b0c0d0e0f05000000000000000000000000000000"
            "800000000000000064000000000000002cccc794a5dc49cc");
  const BlockKey root = root_key("block 128\ncache F32\nexact false\nc_kv 4 \nx", -1);
  EXPECT_EQ(root.hex(), "d900accc551a874d69fcaaa07e247c0a");
  const BlockKey tokens = token_key(root, std::vector{1, 2, 3});
  EXPECT_EQ(tokens.hex(), "a1728da82d0cc1fe24c3500834a6be90");
  EXPECT_EQ(block_key(tokens, name.kinds).hex(), "1b7f80ae65d58e0c93274e3d7f221d89");
}

TEST(DiskCache, FindsWhatWasStored) {
  const TemporaryFolder folder;
  {
    DiskCache disk(folder / "a", 1 << 20);
    for (int i = 0; i < 20; ++i) {
      EXPECT_TRUE(disk.wants(name_of(i), 1000));
      disk.store(name_of(i), payload_of(i));
      EXPECT_FALSE(disk.wants(name_of(i), 1000));
    }
  }
  std::ofstream(folder / "a/foreign") << "not ours";
  DiskCache disk(folder / "a", 1 << 20);
  EXPECT_EQ(disk.bytes(), 20 * 1064);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(disk.find(name_of(i).tokens, 128), std::vector{name_of(i).kinds});
    EXPECT_TRUE(disk.find(name_of(i).tokens, 127).empty());
    EXPECT_EQ(disk.load(name_of(i), 1000), payload_of(i));
  }
  EXPECT_FALSE(disk.load(name_of(3), 999));  // not what this cache writes: it is forgotten
  EXPECT_FALSE(disk.load(name_of(3), 1000));
  EXPECT_FALSE(disk.load(name_of(99), 1000));
  EXPECT_EQ(disk.bytes(), 19 * 1064);
  EXPECT_TRUE(fs::exists(folder / "a/foreign"));
}

TEST(DiskCache, LetsGoOfWhatWasUsedLongestAgo) {
  const TemporaryFolder folder;
  DiskCache disk(folder.path(), 10 * 1064);
  for (int i = 0; i < 10; ++i) disk.store(name_of(i), payload_of(i)), disk.flush();
  EXPECT_TRUE(disk.load(name_of(0), 1000));
  disk.store(name_of(10), payload_of(10));
  disk.flush();
  EXPECT_LE(disk.bytes(), 10 * 1064);
  EXPECT_TRUE(disk.load(name_of(0), 1000));
  EXPECT_TRUE(disk.load(name_of(10), 1000));
  EXPECT_FALSE(disk.load(name_of(1), 1000));
  disk.store(name_of(11), payload_of(11, 20000));  // larger than all of it
  disk.flush();
  EXPECT_EQ(disk.find(name_of(11).tokens, 128).size(), 0u);
}

TEST(DiskCache, AFullDiskIsAMiss) {
  const TemporaryFolder folder;
  DiskCache disk(folder.path(), 1 << 20);
  disk.store(name_of(1), payload_of(1));
  disk.flush();
  struct rlimit old {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const struct rlimit small {
    500, old.rlim_max
  };
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  disk.store(name_of(2), payload_of(2));
  disk.flush();
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_FALSE(disk.load(name_of(2), 1000));
  EXPECT_TRUE(disk.load(name_of(1), 1000));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);  // nothing half written is left
  disk.store(name_of(2), payload_of(2));
  disk.flush();
  EXPECT_TRUE(disk.load(name_of(2), 1000));
}

TEST(DiskCache, DoesWithoutAFolder) {
  const TemporaryFolder folder;
  std::ofstream(folder / "file") << "x";
  DiskCache disk(folder / "file/below", 1 << 20);
  disk.store(name_of(1), payload_of(1));
  disk.flush();
  EXPECT_FALSE(disk.load(name_of(1), 1000));
}

/// Two in one folder, each with little room, and everybody writes, reads and throws away.
TEST(DiskCache, SharesItsFolder) {
  const TemporaryFolder folder;
  constexpr int64_t kMax = 20 * 1064;
  {
    DiskCache a(folder.path(), kMax), b(folder.path(), kMax);
    std::vector<std::thread> threads;
    for (DiskCache* disk : {&a, &b})
      threads.emplace_back([disk] {
        for (int i = 0; i < 600; ++i) {
          const int id = i * 7 % 40;
          disk->store(name_of(id), payload_of(id));
          EXPECT_EQ(disk->load(name_of(i * 3 % 40), 1000).value_or(payload_of(i * 3 % 40)), payload_of(i * 3 % 40));
          disk->find(name_of(id).tokens, 128);
          EXPECT_LE(disk->bytes(), kMax + 1064);
          if (i % 50 == 0) disk->flush();
        }
      });
    for (std::thread& t : threads) t.join();
  }
  DiskCache both(folder.path(), kMax);
  EXPECT_LE(both.bytes(), kMax);
  EXPECT_GT(both.bytes(), 0);
}

}  // namespace
}  // namespace dure
