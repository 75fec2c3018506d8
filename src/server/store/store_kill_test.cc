#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>

#include "base/rng.h"
#include "formats/temporary_folder.h"
#include "server/store/store_test_records.h"

namespace dure {
namespace {

/// One PUT that was answered: message `id` has version `version`.
struct Answered {
  int id;
  int64_t version;
};

/// Writes messages, and each of them again and again as an answer grows; says on `fd` what was answered.
[[noreturn]] void write_until_killed(const std::filesystem::path& path, int first, int fd) {
  ConversationStore store({path});
  store.put(test_header("c"), {0});
  for (int id = first;; ++id) {
    std::string text;
    for (int64_t version = 0; version < 5; ++version) {
      text += "검색엔진을 만든다 ";
      const Answered answered{id, store.put("c", test_message(std::to_string(id), {}, text), {version}).stored.version};
      if (::write(fd, &answered, sizeof answered) != sizeof answered) ::_exit(1);
    }
  }
}

TEST(StoreKill, WhatWasAnsweredIsThereAfterKill9) {
  const TemporaryFolder folder;
  const auto path = folder / "conversations.db";
  std::map<int, int64_t> answered;  // id -> the last version that was answered
  for (int round = 0; round < 12; ++round) {
    int pipe[2];
    ASSERT_EQ(::pipe(pipe), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) write_until_killed(path, round * 100'000, pipe[1]);
    ::close(pipe[1]);
    Answered last{};
    for (int i = 0; i < 7 + round * 3 && ::read(pipe[0], &last, sizeof last) == sizeof last; ++i)
      answered[last.id] = last.version;
    ::usleep(round * 700);  // somewhere in the next writes
    ::kill(child, SIGKILL);
    while (::read(pipe[0], &last, sizeof last) == sizeof last) answered[last.id] = last.version;
    ::close(pipe[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself: " << status;

    ConversationStore store({path});
    store.verify();
    std::map<int, int64_t> stored;
    const StoredConversation kept = store.get("c").value();
    for (const StoredMessage& message : kept.messages) stored[std::stoi(message.id)] = message.version;
    for (const auto& [id, version] : answered) EXPECT_GE(stored[id], version) << "message " << id;
    EXPECT_EQ(store.list("엔진을", 10, std::nullopt).data.size(), 1u);
  }
  EXPECT_GT(answered.size(), 12u);
}

}  // namespace
}  // namespace dure
