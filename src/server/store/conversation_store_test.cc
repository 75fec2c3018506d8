#include "server/store/conversation_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "base/error_of.h"
#include "base/file.h"
#include "base/utf8.h"
#include "formats/temporary_folder.h"
#include "server/store/schema.h"
#include "server/store/store_test_records.h"

namespace dure {
namespace {

using Outcome = PutOutcome;
constexpr PutCondition kNew{0};

/// A store in memory whose clock ticks at each look.
struct TestStore : ConversationStore {
  TestStore() : ConversationStore({"", 0, [this] { return ++time; }}) {}
  int64_t time = 0;
};

std::vector<std::string> ids(const ConversationPage& page) {
  std::vector<std::string> out;
  for (const ListedConversation& c : page.data) out.push_back(c.header.id);
  return out;
}
std::vector<std::string> ids(const StoredConversation& conversation) {
  std::vector<std::string> out;
  for (const StoredMessage& m : conversation.messages) out.push_back(m.id);
  return out;
}
using Ids = std::vector<std::string>;

TEST(ConversationStore, PutsByVersion) {
  TestStore store;
  EXPECT_EQ(store.put(test_header("c"), {3}).outcome, Outcome::absent);
  EXPECT_EQ(store.put(test_header("c"), kNew).outcome, Outcome::created);
  EXPECT_EQ(store.put(test_header("c", "B"), kNew).outcome, Outcome::conflict);
  const auto replaced = store.put(test_header("c", "B"), {1});
  EXPECT_EQ(replaced.outcome, Outcome::replaced);
  EXPECT_EQ(replaced.stored.version, 2);
  EXPECT_EQ(replaced.stored.revision, 2);
  const auto late = store.put(test_header("c", "C"), {1});
  EXPECT_EQ(late.outcome, Outcome::conflict);
  EXPECT_EQ(late.stored.title, "B");
  for (const int64_t version : {0, 1, 2, 9}) {  // what is stored exactly so is no conflict
    const auto repeated = store.put(test_header("c", "B"), {version});
    EXPECT_EQ(repeated.outcome, Outcome::unchanged);
    EXPECT_EQ(repeated.stored.version, 2);
  }
  EXPECT_EQ(store.revision("c"), 2);
  store.remove("c");
  store.remove("c");
  EXPECT_EQ(store.revision("c"), std::nullopt);
  EXPECT_EQ(store.put(test_header("c"), kNew).stored.version, 1);
}

TEST(ConversationStore, TheOrderOfKeysIsNoChange) {
  TestStore store;
  ConversationHeader header = test_header("c");
  header.settings = R"({"a":{"x":1,"y":[1,2]},"b":0.5})";
  store.put(header, kNew);
  header.settings = R"({"b":0.5,"a":{"y":[1,2],"x":1}})";
  EXPECT_EQ(store.put(header, {1}).outcome, Outcome::unchanged);
  header.settings = R"({"b":0.5,"a":{"y":[2,1],"x":1}})";
  EXPECT_EQ(store.put(header, {1}).outcome, Outcome::replaced);
  EXPECT_EQ(store.get("c")->header.settings, header.settings);
}

TEST(ConversationStore, KeepsEveryFieldOfAMessage) {
  TestStore store;
  store.put(test_header("c"), kNew);
  StoredMessage message = test_message("m", std::nullopt, "한글 \u2028 e\u0301 👩‍👩‍👧 \x01 \\\"");
  message.reasoning = "because";
  message.reasoning_ms = 12;
  message.attachments = {{"가.txt", "euc-kr", 4, "안녕"}, {"", "", 0, ""}};
  message.status = "failed";
  message.error = "why";
  message.model = "";
  message.params = R"({"temperature":0.5})";
  message.usage = "{}";
  const auto created = store.put("c", message, kNew);
  EXPECT_EQ(created.outcome, Outcome::created);
  EXPECT_EQ(store.put("c", message, kNew).outcome, Outcome::unchanged);
  const StoredMessage kept = store.get("c")->messages.at(0);
  EXPECT_EQ(kept.content, message.content);
  EXPECT_EQ(kept.reasoning_ms, 12);
  EXPECT_EQ(kept.attachments, message.attachments);
  EXPECT_EQ(kept.error, "why");
  EXPECT_EQ(kept.model, "");
  EXPECT_EQ(kept.finish_reason, std::nullopt);
  EXPECT_EQ(kept.params, message.params);
  EXPECT_EQ(kept.timings, std::nullopt);
  EXPECT_EQ(kept.version, 1);
}

TEST(ConversationStore, MessagesAreATree) {
  TestStore store;
  EXPECT_EQ(store.put("c", test_message("a", std::nullopt, "1"), kNew).outcome, Outcome::no_conversation);
  store.put(test_header("c"), kNew);
  EXPECT_EQ(store.put("c", test_message("b", "a", "2"), kNew).outcome, Outcome::unknown_parent);
  EXPECT_EQ(store.put("c", test_message("b", "b", "2"), kNew).outcome, Outcome::unknown_parent);  // itself
  store.put("c", test_message("a", std::nullopt, "1"), kNew);
  store.put("c", test_message("b", "a", "2", "assistant"), kNew);
  store.put("c", test_message("c", "b", "3"), kNew);
  store.put("c", test_message("d", "a", "4", "assistant"), kNew);
  EXPECT_EQ(store.put("c", test_message("b", "d", "2", "assistant"), {1}).outcome, Outcome::immutable);
  EXPECT_EQ(store.put("c", test_message("b", "a", "2", "user"), {1}).outcome, Outcome::immutable);
  EXPECT_EQ(ids(*store.get("c")), (Ids{"a", "b", "c", "d"}));
  EXPECT_EQ(store.get("c")->header.revision, 5);
  EXPECT_EQ(store.get("c")->header.version, 1);
  store.remove("c", "b");
  store.remove("c", "b");
  EXPECT_EQ(ids(*store.get("c")), (Ids{"a", "d"}));
  EXPECT_EQ(store.get("c")->header.revision, 6);
  store.verify();
}

TEST(ConversationStore, ALongBranchIsDeletedAsAWhole) {
  TestStore store;
  store.put(test_header("c"), kNew);
  std::optional<std::string> parent;
  for (int i = 0; i < 3000; ++i) {
    const std::string id = std::to_string(i);
    store.put("c", test_message(id, parent, id), kNew);
    parent = id;
  }
  store.remove("c", "1");
  EXPECT_EQ(ids(*store.get("c")), Ids{"0"});
}

TEST(ConversationStore, JudgesAnswersOnly) {
  TestStore store;
  store.put(test_header("c"), kNew);
  store.put("c", test_message("q", std::nullopt, "?"), kNew);
  store.put("c", test_message("a", "q", "!", "assistant"), kNew);
  std::optional feedback = MessageFeedback{"down", {"wrong", "slow"}, "no", "better", 0};
  EXPECT_EQ(store.judge("c", "x", feedback), ConversationStore::Judged::no_message);
  EXPECT_EQ(store.judge("x", "a", feedback), ConversationStore::Judged::no_message);
  EXPECT_EQ(store.judge("c", "q", feedback), ConversationStore::Judged::no_answer);
  EXPECT_EQ(store.judge("c", "a", feedback), ConversationStore::Judged::yes);
  EXPECT_EQ(store.revision("c"), 4);
  const auto changed = store.put("c", test_message("a", "q", "!!", "assistant"), {1});
  EXPECT_EQ(changed.outcome, Outcome::replaced);
  EXPECT_EQ(changed.stored.feedback->tags, (Ids{"wrong", "slow"}));
  EXPECT_EQ(changed.stored.feedback->updated_at, feedback->updated_at);
  std::vector<JudgedAnswer> judged;
  store.for_each_judged([&](const JudgedAnswer& answer) { judged.push_back(answer); });
  ASSERT_EQ(judged.size(), 1u);
  EXPECT_EQ(judged[0].path.size(), 2u);
  EXPECT_EQ(judged[0].path[1].feedback->correction, "better");
  feedback.reset();
  EXPECT_EQ(store.judge("c", "a", feedback), ConversationStore::Judged::yes);
  EXPECT_EQ(store.get("c")->messages[1].feedback.has_value(), false);
}

TEST(ConversationStore, ListsNewestFirstByPages) {
  TestStore store;
  for (const char* id : {"a", "b", "c", "d"}) store.put(test_header(id), kNew);
  store.put("b", test_message("m", std::nullopt, "x"), kNew);
  const auto first = store.list("", 3, std::nullopt);
  EXPECT_EQ(ids(first), (Ids{"b", "d", "c"}));
  EXPECT_EQ(first.data[0].messages, 1);
  EXPECT_EQ(first.data[0].snippet, std::nullopt);
  const auto second = store.list("", 3, first.next);
  EXPECT_EQ(ids(second), Ids{"a"});
  EXPECT_FALSE(second.next);
  EXPECT_FALSE(store.list("", 4, std::nullopt).next);
  store.time = -100;  // equal times: by id
  ConversationStore still({"", 0, [] { return int64_t{5}; }});
  for (const char* id : {"b", "a", "c"}) still.put(test_header(id), kNew);
  const auto page = still.list("", 2, std::nullopt);
  EXPECT_EQ(ids(page), (Ids{"a", "b"}));
  EXPECT_EQ(ids(still.list("", 2, page.next)), Ids{"c"});
}

TEST(ConversationStore, FindsEveryWordSomewhereInAConversation) {
  TestStore store;
  store.put(test_header("c", "두레 Engine"), kNew);
  store.put("c", test_message("q", std::nullopt, "검색엔진을 만든다"), kNew);
  store.put("c", test_message("a", "q", "Straße nach X", "assistant"), kNew);
  store.put(test_header("d", "other"), kNew);
  const struct {
    const char* query;
    bool found;
    std::optional<std::string> snippet;
  } cases[] = {
      {"엔진", true, "검색엔진을 만든다"},
      {"엔진 만든", true, "검색엔진을 만든다"},
      {"을만", false, {}},
      {"두레", true, {}},
      {"ENGINE 두", true, {}},
      {"engine STRASSE 검", true, "Straße nach X"},
      {"x", true, "Straße nach X"},
      {"engine other", false, {}},
      {"검색기", false, {}},
      {"%", false, {}},
      {"'\"; DROP TABLE message", false, {}},
  };
  for (const auto& [query, found, snippet] : cases) {
    const auto page = store.list(query, 50, std::nullopt);
    ASSERT_EQ(ids(page), found ? Ids{"c"} : Ids{}) << query;
    if (found) {
      EXPECT_EQ(page.data[0].snippet, snippet) << query;
    }
  }
  store.put("c", test_message("a", "q", "nothing", "assistant"), {1});
  EXPECT_TRUE(store.list("strasse", 50, std::nullopt).data.empty());
  store.put(test_header("c", "renamed"), {1});
  EXPECT_TRUE(store.list("두레", 50, std::nullopt).data.empty());
  EXPECT_EQ(ids(store.list("renamed 엔진", 50, std::nullopt)), Ids{"c"});
  store.remove("c", "q");
  EXPECT_TRUE(store.list("엔진", 50, std::nullopt).data.empty());
}

TEST(ConversationStore, TheFileIsPrivateAndForgetsWhatWasDeleted) {
  const TemporaryFolder folder;
  const auto path = folder / "conversations.db";
  const auto everything = [&] { return read_file(path) + read_file(path.string() + "-wal"); };
  ConversationStore store({path});
  store.put(test_header("c", "titlesecret"), kNew);
  store.put("c", test_message("q", std::nullopt, "questionsecret"), kNew);
  store.put("c", test_message("a", "q", std::string(20000, 'x') + "answersecret", "assistant"), kNew);
  std::optional feedback = MessageFeedback{"down", {}, "commentsecret", "", 0};
  store.judge("c", "a", feedback);
  for (const char* name : {"conversations.db", "conversations.db-wal", "conversations.db-shm"}) {
    struct stat status {};
    ASSERT_EQ(::stat((folder / name).c_str(), &status), 0) << name;
    EXPECT_EQ(status.st_mode & 0777, 0600u) << name;
  }
  EXPECT_NE(everything().find("answersecret"), std::string::npos);
  store.remove("c", "a");
  for (const char* word : {"answersecret", "commentsecret"})
    EXPECT_EQ(everything().find(word), std::string::npos) << word;
  store.remove("c");
  EXPECT_EQ(everything().find("secret"), std::string::npos);
  store.put(test_header("d", "titlesecret"), kNew);
  store.remove_all();
  EXPECT_EQ(everything().find("secret"), std::string::npos);
  store.verify();
}

TEST(ConversationStore, SearchesNoiseToo) {
  TestStore store;
  store.put(test_header("c"), kNew);
  std::string noise = "aX";
  for (char32_t i = 0; i < 300'000; ++i) append_utf8(noise, 0x4E00 + i * i % 20011);
  store.put("c", test_message("m", std::nullopt, noise + "needle"), kNew);
  EXPECT_EQ(ids(store.list("NEEDLE ax", 1, std::nullopt)), Ids{"c"});
  EXPECT_TRUE(store.list("haystack", 1, std::nullopt).data.empty());
}

TEST(ConversationStore, IsReadByWhoeverOpensItNext) {
  const TemporaryFolder folder;
  ConversationStore first({folder / "x"});
  first.put(test_header("c"), kNew);
  ConversationStore second({folder / "x"});
  EXPECT_EQ(second.put(test_header("c", "B"), {1}).outcome, Outcome::replaced);
  EXPECT_EQ(first.put(test_header("c", "C"), {1}).outcome, Outcome::conflict);
}

TEST(ConversationStore, RefusesFilesThatAreNotItsOwn) {
  const TemporaryFolder folder;
  const auto path = folder / "x";
  const auto open = [&] { return error_of([&] { ConversationStore store({path}); }); };
  const std::string name = path.string();

  std::ofstream(path) << std::string(5000, 'x');
  EXPECT_EQ(open(), name + ": expected a database of conversations, found another kind of file");
  std::filesystem::remove(path);
  SqlDatabase(path).script("CREATE TABLE other (x)");
  EXPECT_EQ(open(), name + ": expected a database of conversations, found another program's");
  std::filesystem::remove(path);
  {
    SqlDatabase later(path);
    prepare_store(later);
    later.script("PRAGMA user_version = 99");
  }
  EXPECT_EQ(open(), name + ": written by a later version of Dure (schema 99, this one knows 1)");
  std::filesystem::remove(path);
  {
    ConversationStore store({path});
    for (int i = 0; i < 200; ++i) store.put(test_header(std::to_string(i), std::string(200, 'x')), kNew);
  }
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  EXPECT_NE(error_of([&] { ConversationStore({path}).verify(); }).find("the database is damaged"), std::string::npos);
  EXPECT_NE(error_of([&] { ConversationStore({folder / "none/x"}); }).find("cannot open the database: No such file"),
            std::string::npos);
  EXPECT_NE(error_of([&] { ConversationStore({folder.path()}); }).find("cannot open"), std::string::npos);
}

TEST(ConversationStore, AFullDiskLosesNothing) {
  const TemporaryFolder folder;
  ConversationStore store({folder / "x", 200 << 10});
  store.put(test_header("c"), kNew);
  int written = 0;
  EXPECT_THROW(for (; written < 1000; ++written)
                   store.put("c", test_message(std::to_string(written), std::nullopt, std::string(5000, 'x')), kNew),
               StorageFull);
  EXPECT_GT(written, 5);
  EXPECT_EQ(store.get("c")->messages.size(), static_cast<size_t>(written));
  store.remove("c", "0");
  EXPECT_EQ(store.put("c", test_message("again", std::nullopt, std::string(4000, 'x')), kNew).outcome,
            Outcome::created);
  store.verify();
}

}  // namespace
}  // namespace dure
