#include "server/ui/ui_routes.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "server/ui/test_ui.h"

namespace dure {
namespace {

using Answer = TestUi::Answer;

const HttpHeaders kCreate = {{"if-none-match", "*"}};
HttpHeaders replace(int64_t version) { return {{"if-match", fmt::format("\"{}\"", version)}}; }

std::string with(std::string_view base, std::string_view changes) {
  Json json = parse_json(base, "base");
  const Json changed = parse_json(changes, "changes");
  for (const auto& [key, value] : changed.items()) json[key] = value;
  return dump_json(json);
}

std::string header(std::string_view changes = "{}") {
  return with(R"({"title":"A title","settings":{"temperature":0.5},"head":null,"created_at":1000})", changes);
}
std::string message(std::string_view changes = "{}") {
  return with(R"({"parent":null,"role":"user","content":"Hello","reasoning":"","reasoning_ms":null,"attachments":[],
    "status":"complete","error":null,"finish_reason":null,"model":null,"params":null,"usage":null,"timings":null,
    "created_at":1000})",
              changes);
}
const std::string kAnswer = R"({"parent":"a","role":"assistant","content":"Hi"})";

const std::string kC = "/ui/conversations/c", kA = kC + "/messages/a", kB = kC + "/messages/b";

/// A conversation c with question a and answer b.
void converse(TestUi& ui) {
  ui.call("PUT", kC, header(), kCreate);
  ui.call("PUT", kA, message(), kCreate);
  ui.call("PUT", kB, message(kAnswer), kCreate);
}

TEST(UiRoutes, ConfigSaysWhereConversationsLive) {
  TestUi ui;
  const Answer answer = ui.call("GET", "/ui/config");
  EXPECT_EQ(answer.text, R"({"name":"Dure","version":"test","storage":"server","auth":false,)"
                         R"("limits":{"body_bytes":33554432,"attachment_bytes":1048576,"attachments":16}})");
  EXPECT_EQ(answer.headers.get("cache-control"), "no-store");
  TestUi browser(false);
  EXPECT_EQ(browser.call("GET", "/ui/config").body["storage"], "browser");
  for (const auto& [method, path] : std::vector<std::pair<std::string, std::string>>{
           {"GET", "/ui/conversations"}, {"PUT", kC}, {"DELETE", kA}, {"GET", "/ui/feedback.jsonl?format=sft"}}) {
    const Answer refused = browser.call(method, path);
    EXPECT_EQ(refused.status, 403) << path;
    EXPECT_EQ(refused.code(), "storage_disabled") << path;
  }
}

TEST(UiRoutes, ConversationsAreCreatedReadReplacedAndDeleted) {
  TestUi ui;
  const Answer created = ui.call("PUT", kC, header(R"({"id":"other","version":7,"unknown":1})"), kCreate);
  EXPECT_EQ(created.status, 201);
  EXPECT_EQ(created.etag, "\"1\"");
  EXPECT_EQ(created.text, R"({"id":"c","title":"A title","settings":{"temperature":0.5},"head":null,)"
                          R"("created_at":1000,"updated_at":1,"version":1,"revision":1})");
  const Answer got = ui.call("GET", kC);
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.headers.get("cache-control"), "no-cache");
  EXPECT_EQ(got.body["messages"], Json::array());
  EXPECT_EQ(ui.call("GET", kC, "", {{"if-none-match", got.etag}}).status, 304);
  EXPECT_EQ(ui.call("GET", kC, "", {{"if-none-match", "\"9\""}}).status, 200);

  EXPECT_EQ(ui.call("PUT", kC, header(R"({"title":"B"})"), replace(1)).etag, "\"2\"");
  const Answer late = ui.call("PUT", kC, header(R"({"title":"C"})"), replace(1));
  EXPECT_EQ(late.status, 412);
  EXPECT_EQ(late.code(), "version_conflict");
  EXPECT_EQ(late.body["current"]["title"], "B");
  EXPECT_EQ(late.body["current"]["version"], 2);
  EXPECT_EQ(ui.call("PUT", kC, header(R"({"title":"B"})"), replace(1)).status, 200);  // repeated
  for (int i = 0; i < 2; ++i) EXPECT_EQ(ui.call("DELETE", kC).status, 204);
  EXPECT_EQ(ui.call("GET", kC).status, 404);
  EXPECT_EQ(ui.call("PUT", kC, header(), replace(2)).status, 404);
  EXPECT_EQ(ui.call("PUT", kC, header(), kCreate).status, 201);
  EXPECT_EQ(ui.call("DELETE", "/ui/conversations").status, 204);
  EXPECT_EQ(ui.call("GET", "/ui/conversations").body["data"], Json::array());
}

TEST(UiRoutes, WrongHeadersAreRefusedByName) {
  TestUi ui;
  const std::string long_title = R"({"title":")" + std::string(201, 'x') + "\"}";
  const std::string long_settings = R"({"settings":{"system":")" + std::string(256 << 10, 'x') + "\"}}";
  const struct {
    std::string body;
    int status;
    const char* code;
    const char* param;
  } cases[] = {
      {"{", 400, "invalid_json", ""},
      {"", 400, "invalid_json", ""},
      {"[]", 400, "invalid_json", ""},
      {"\"\xff\"", 400, "invalid_json", ""},
      {header(R"({"title":3})"), 400, "invalid_field", "title"},
      {header(R"({"title":null})"), 400, "invalid_field", "title"},
      {header(R"({"title":"a\u0000b"})"), 400, "invalid_field", "title"},
      {R"({"title":"\ud800 x","settings":{},"created_at":0})", 400, "invalid_field", ""},
      {R"({"title":"\udc00\ud800","settings":{},"created_at":0})", 400, "invalid_field", ""},
      {header(long_title), 400, "invalid_field", "title"},
      {header(R"({"settings":null})"), 400, "invalid_field", "settings"},
      {header(R"({"settings":[]})"), 400, "invalid_field", "settings"},
      {header(R"({"settings":{"a":{"b\u0000":1}}})"), 400, "invalid_field", "settings"},
      {header(long_settings), 413, "too_large", "settings"},
      {header(R"({"head":"a b"})"), 400, "invalid_field", "head"},
      {header(R"({"head":1})"), 400, "invalid_field", "head"},
      {header(R"({"created_at":-1})"), 400, "invalid_field", "created_at"},
      {header(R"({"created_at":0.5})"), 400, "invalid_field", "created_at"},
      {header(R"({"created_at":1e300})"), 400, "invalid_field", "created_at"},
      {header(R"({"created_at":"1"})"), 400, "invalid_field", "created_at"},
  };
  for (const auto& [body, status, code, param] : cases) {
    const Answer answer = ui.call("PUT", kC, body, kCreate);
    const std::string shown = body.substr(0, 100);
    EXPECT_EQ(answer.status, status) << shown;
    EXPECT_EQ(answer.code(), code) << shown;
    EXPECT_EQ(answer.param(), param) << shown;
    EXPECT_EQ(answer.headers.get("cache-control"), "no-store");
  }
  for (const HttpHeaders& headers : {HttpHeaders{}, HttpHeaders{{"if-match", "\"1\""}, {"if-none-match", "*"}}})
    EXPECT_EQ(ui.call("PUT", kC, header(), headers).code(), "precondition_required");
  EXPECT_EQ(ui.call("PUT", kC, header(), {{"if-none-match", "\"1\""}}).status, 400);
  EXPECT_EQ(ui.call("PUT", "/ui/conversations/a.b", header(), kCreate).param(), "id");
  EXPECT_EQ(ui.call("PUT", "/ui/conversations/" + std::string(65, 'a'), header(), kCreate).param(), "id");
  EXPECT_EQ(
      ui.call("PUT", kC, header(R"({"title":"한👩‍👩‍👧","head":"x_-9","created_at":1000.0})"), kCreate)
          .status,
      201);
  for (const char* odd : {"1", "\"0\"", "\"-1\"", "*", "\"x\"", "W/\"1\""})
    EXPECT_EQ(ui.call("PUT", kC, header(), {{"if-match", odd}}).status, 412) << odd;
  EXPECT_EQ(ui.call("POST", kC, header()).status, 405);
  EXPECT_EQ(ui.call("GET", kC + "/nothing/here").status, 404);
}

TEST(UiRoutes, WrongMessagesAreRefusedByName) {
  TestUi ui(true, {.attachments = 2, .attachment_bytes = 4});
  EXPECT_EQ(ui.call("PUT", kA, message(), kCreate).status, 404);  // no conversation
  ui.call("PUT", kC, header(), kCreate);
  const auto file = [](std::string text) {
    return R"({"name":"n","encoding":"utf-8","bytes":1,"text":")" + text + "\"}";
  };
  const struct {
    std::string changes;
    int status;
    const char* param;
  } cases[] = {
      {R"({"role":"system"})", 400, "role"},
      {R"({"role":["user"]})", 400, "role"},
      {R"({"status":"done"})", 400, "status"},
      {R"({"content":null})", 400, "content"},
      {R"({"content":"a\u0000b"})", 400, "content"},
      {R"({"reasoning":{}})", 400, "reasoning"},
      {R"({"reasoning_ms":1.5})", 400, "reasoning_ms"},
      {R"({"attachments":{}})", 400, "attachments"},
      {R"({"attachments":[1]})", 400, "attachments"},
      {R"({"attachments":[{"name":"n","encoding":"e","bytes":1}]})", 400, "text"},
      {"{\"attachments\":[" + file("") + "," + file("") + "," + file("") + "]}", 400, "attachments"},
      {"{\"attachments\":[" + file(std::string(17, 'x')) + "]}", 413, "attachments"},
      {R"({"role":"assistant","attachments":[)" + file("") + "]}", 400, "attachments"},
      {R"({"params":[]})", 400, "params"},
      {"{\"usage\":{\"a\":\"" + std::string(16 << 10, 'x') + "\"}}", 413, "usage"},
      {R"({"timings":"x"})", 400, "timings"},
      {R"({"created_at":null})", 400, "created_at"},
      {R"({"parent":"b"})", 400, "parent"},
  };
  for (const auto& [changes, status, param] : cases) {
    const Answer answer = ui.call("PUT", kA, message(changes), kCreate);
    EXPECT_EQ(answer.status, status) << changes.substr(0, 100);
    EXPECT_EQ(answer.param(), param) << changes.substr(0, 100);
  }
  EXPECT_EQ(ui.call("PUT", kA, message(R"({"parent":"b"})"), kCreate).code(), "unknown_parent");
  EXPECT_EQ(ui.call("PUT", kA, message("{\"attachments\":[" + file("1234") + "]}"), kCreate).status, 201);
  EXPECT_EQ(ui.call("PUT", kC + "/messages/a.b", message(), kCreate).param(), "id");
}

TEST(UiRoutes, MessagesHaveVersionsOfTheirOwn) {
  TestUi ui;
  converse(ui);
  const Answer longer = ui.call("PUT", kB, message(with(kAnswer, R"({"content":"Hi there"})")), replace(1));
  EXPECT_EQ(longer.status, 200);
  EXPECT_EQ(longer.etag, "\"2\"");
  const Answer late = ui.call("PUT", kB, message(with(kAnswer, R"({"content":"other"})")), replace(1));
  EXPECT_EQ(late.status, 412);
  EXPECT_EQ(late.body["current"]["content"], "Hi there");
  EXPECT_EQ(ui.call("PUT", kB, message(with(kAnswer, R"({"parent":null})")), replace(2)).code(), "invalid_field");
  EXPECT_EQ(ui.call("PUT", kB, message(with(kAnswer, R"({"content":"Hi there"})")), kCreate).body["version"], 2);
  const Answer all = ui.call("GET", kC);
  EXPECT_EQ(all.body["version"], 1);
  EXPECT_EQ(all.body["revision"], 4);
  EXPECT_EQ(all.etag, "\"4\"");
  EXPECT_EQ(all.body["messages"][1]["content"], "Hi there");
  EXPECT_EQ(ui.call("DELETE", kA).status, 204);
  EXPECT_EQ(ui.call("DELETE", kA).status, 204);
  EXPECT_EQ(ui.call("DELETE", "/ui/conversations/none/messages/a").status, 204);
  EXPECT_EQ(ui.call("GET", kC).body["messages"], Json::array());
}

TEST(UiRoutes, EveryCharacterIsKept) {
  TestUi ui;
  ui.call("PUT", kC, header(), kCreate);
  const std::string text = "한글 ㅋㅋ 👩‍👩‍👧 \x01 \\ \" \u2028 e\u0301 🌾 \x7f";
  Json body = parse_json(message(), "message");
  body["content"] = text;
  body["params"] =
      parse_json(R"({"temperature":0.1,"seed":9007199254740993,"z":{"a":[1,null,true]},"big":1e300})", "params");
  EXPECT_EQ(ui.call("PUT", kA, dump_json(body), kCreate).status, 201);
  const Json kept = ui.call("GET", kC).body["messages"][0];
  EXPECT_EQ(kept["content"], text);
  EXPECT_EQ(dump_json(kept["params"]), dump_json(body["params"]));
}

TEST(UiRoutes, AnswersAreJudged) {
  TestUi ui;
  converse(ui);
  const std::string feedback = kB + "/feedback";
  const struct {
    std::string path, body;
    int status;
    const char* param;
  } refused[] = {
      {kA + "/feedback", R"({"rating":"up"})", 400, "role"},
      {kC + "/messages/x/feedback", R"({"rating":"up"})", 404, ""},
      {feedback, "{}", 400, "rating"},
      {feedback, R"({"rating":"sideways"})", 400, "rating"},
      {feedback, R"({"rating":"up","tags":["A"]})", 400, "tags"},
      {feedback, R"({"rating":"up","tags":[1]})", 400, "tags"},
      {feedback, R"({"rating":"up","tags":["a","a","a","a","a","a","a","a","a"]})", 400, "tags"},
      {feedback, R"({"rating":"up","comment":")" + std::string((64 << 10) + 1, 'x') + "\"}", 413, "comment"},
      {feedback, R"({"rating":"up","correction":1})", 400, "correction"},
  };
  for (const auto& [path, body, status, param] : refused) {
    const Answer answer = ui.call("PUT", path, body);
    EXPECT_EQ(answer.status, status) << body.substr(0, 80);
    EXPECT_EQ(answer.param(), param) << body.substr(0, 80);
  }
  const Answer judged = ui.call("PUT", feedback, R"({"rating":"down","tags":["wrong"],"more":1})");
  EXPECT_EQ(judged.status, 200);
  EXPECT_EQ(judged.text, R"({"rating":"down","tags":["wrong"],"comment":"","correction":"","updated_at":4})");
  EXPECT_EQ(ui.call("GET", kC).body["revision"], 4);
  EXPECT_EQ(ui.call("DELETE", feedback).status, 204);
  EXPECT_TRUE(ui.call("GET", kC).body["messages"][1]["feedback"].is_null());
}

TEST(UiRoutes, ListsByPagesAndWords) {
  TestUi ui;
  for (const char* id : {"c1", "c2", "c3"}) {
    ui.call("PUT", std::string("/ui/conversations/") + id, header(), kCreate);
    ui.call("PUT", std::string("/ui/conversations/") + id + "/messages/m",
            message(R"({"content":"검색엔진을 만든다 Word"})"), kCreate);
  }
  const Answer first = ui.call("GET", "/ui/conversations?q=엔진 WORD&limit=2");
  ASSERT_EQ(first.body["data"].size(), 2u);
  EXPECT_EQ(first.body["object"], "list");
  EXPECT_EQ(first.body["data"][0]["id"], "c3");
  EXPECT_EQ(first.body["data"][0]["messages"], 1);
  EXPECT_EQ(first.body["data"][0]["snippet"], "검색엔진을 만든다 Word");
  const std::string cursor = first.body["next_cursor"];
  const Answer second = ui.call("GET", "/ui/conversations?q=엔진&limit=2&cursor=" + cursor);
  ASSERT_EQ(second.body["data"].size(), 1u);
  EXPECT_EQ(second.body["data"][0]["id"], "c1");
  EXPECT_TRUE(second.body["next_cursor"].is_null());
  EXPECT_TRUE(ui.call("GET", "/ui/conversations?q=title").body["data"][0]["snippet"].is_null());
  for (const char* wrong : {"limit=0", "limit=101", "limit=x", "limit=", "limit=1.5"})
    EXPECT_EQ(ui.call("GET", std::string("/ui/conversations?") + wrong).param(), "limit") << wrong;
  for (const char* wrong : {"nonsense", "", ".", "-1.a", "x.y", "99999999999999999999.a"})
    EXPECT_EQ(ui.call("GET", std::string("/ui/conversations?cursor=") + wrong).code(), "wrong_cursor") << wrong;
  EXPECT_EQ(ui.call("GET", "/ui/conversations?q=" + std::string(4097, 'x')).param(), "q");
}

TEST(UiRoutes, AFullDatabaseIs507) {
  TestUi ui(true, {}, 200 << 10);
  const std::string body = header(R"({"settings":{"system":")" + std::string(10'000, 'x') + "\"}}");
  Answer answer;
  for (int i = 0; i < 100 && answer.status != 507; ++i)
    answer = ui.call("PUT", "/ui/conversations/c" + std::to_string(i), body, kCreate);
  EXPECT_EQ(answer.status, 507);
  EXPECT_EQ(answer.code(), "storage_full");
  EXPECT_EQ(ui.call("GET", "/ui/conversations").status, 200);
}

}  // namespace
}  // namespace dure
