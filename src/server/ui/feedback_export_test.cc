#include "server/ui/feedback_export.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "server/store/store_test_records.h"
#include "server/ui/test_ui.h"

namespace dure {
namespace {

/// A question with a file and answers to it that were judged.
struct Judgements {
  TestUi ui;
  Judgements() {
    ConversationHeader header = test_header("c");
    header.settings = R"({"system":"Be kind."})";
    ui.store->put(header, {0});
    StoredMessage question = test_message("q", std::nullopt, "Why?");
    question.attachments = {{"a\"b.txt", "utf-8", 2, "hi"}};
    ui.store->put("c", question, {0});
  }

  void answer(const std::string& id, const std::string& content, const std::string& rating,
              const std::string& correction = "", const std::string& status = "complete") {
    StoredMessage message = test_message(id, "q", content, "assistant");
    message.status = status;
    message.model = "m";
    ui.store->put("c", message, {0});
    if (rating.empty()) return;
    std::optional feedback = MessageFeedback{rating, {}, "", correction, 0};
    ui.store->judge("c", id, feedback);
  }

  /// Lines without their `source`, which the first test shows.
  std::vector<std::string> lines(const std::string& format) {
    std::vector<std::string> out;
    const std::string text = ui.call("GET", "/ui/feedback.jsonl?format=" + format).text;
    for (size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
      Json line = parse_json(text.substr(at, text.find('\n', at) - at), "line");
      line.erase("source");
      for (const char* prompt : {"prompt", "messages"})
        if (line.contains(prompt)) line[prompt].erase(0), line[prompt].erase(0);  // the same in all
      out.push_back(dump_json(line));
    }
    return out;
  }
};
using Lines = std::vector<std::string>;

TEST(FeedbackExport, ALineHasThePromptAndItsSource) {
  Judgements judgements;
  judgements.answer("a", "Because.", "up");
  const TestUi::Answer answer = judgements.ui.call("GET", "/ui/feedback.jsonl?format=sft");
  EXPECT_EQ(answer.text,
            R"({"messages":[{"role":"system","content":"Be kind."},)"
            R"({"role":"user","content":"<file name=\"a_b.txt\">\nhi\n</file>\n\nWhy?"},)"
            R"({"role":"assistant","content":"Because."}],)"
            R"("source":{"conversation":"c","message":"a","model":"m","params":null,"rating":"up","tags":[],)"
            R"("comment":"","judged_at":4}})"
            "\n");
  EXPECT_EQ(answer.headers.get("content-type"), "application/jsonl");
  EXPECT_EQ(answer.headers.get("content-disposition"), R"(attachment; filename="dure-feedback-sft.jsonl")");
  EXPECT_EQ(answer.headers.get("cache-control"), "no-store");
  for (const char* wrong : {"", "?format=", "?format=csv"})
    EXPECT_EQ(judgements.ui.call("GET", std::string("/ui/feedback.jsonl") + wrong).param(), "format") << wrong;
}

TEST(FeedbackExport, EachFormatTakesWhatItCanUse) {
  Judgements judgements;
  judgements.answer("a", "good", "up");
  judgements.answer("b", "bad", "down");
  judgements.answer("c", "nearly", "down", "right");
  judgements.answer("d", "cut o", "up", "", "stopped");
  judgements.answer("e", "brok", "down", "mended", "failed");
  judgements.answer("f", "same", "up", "same");
  judgements.answer("g", "unjudged", "");
  const auto says = [](const std::string& text) { return R"([{"role":"assistant","content":")" + text + "\"}]"; };
  const auto sft = [&](const std::string& text) { return "{\"messages\":" + says(text) + "}"; };
  EXPECT_EQ(judgements.lines("sft"), (Lines{sft("good"), sft("right"), sft("mended"), sft("same")}));
  const auto kto = [&](const std::string& text, const char* label) {
    return R"({"prompt":[],"completion":)" + says(text) + ",\"label\":" + label + "}";
  };
  EXPECT_EQ(judgements.lines("kto"), (Lines{kto("good", "true"), kto("bad", "false"), kto("nearly", "false"),
                                            kto("right", "true"), kto("mended", "true"), kto("same", "true")}));
  const auto dpo = [&](const std::string& chosen, const std::string& rejected) {
    return R"({"prompt":[],"chosen":)" + says(chosen) + ",\"rejected\":" + says(rejected) + "}";
  };
  EXPECT_EQ(judgements.lines("dpo"), (Lines{dpo("good", "bad"), dpo("good", "nearly"), dpo("right", "nearly"),
                                            dpo("same", "bad"), dpo("same", "nearly")}));
}

TEST(FeedbackExport, NothingJudgedIsNoLine) {
  Judgements judgements;
  judgements.answer("a", "x", "");
  EXPECT_EQ(judgements.lines("kto"), Lines{});
}

}  // namespace
}  // namespace dure
