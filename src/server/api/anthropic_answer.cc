#include "server/api/anthropic_answer.h"

#include <mutex>

#include "base/error.h"
#include "base/json.h"
#include "server/api/answer_blocks.h"
#include "server/http/event_stream.h"
#include "text/tools/json_text.h"

namespace dure {
namespace {

Json usage_json(const AnswerUsage& u) {
  // What came from the cache is not counted as input here.
  return {{"input_tokens", u.prompt_tokens - u.cached_tokens},
          {"cache_creation_input_tokens", 0},
          {"cache_read_input_tokens", u.cached_tokens},
          {"output_tokens", u.completion_tokens}};
}

const char* stop_reason(const AnswerEnd& end) {
  if (end.reason == FinishReason::length || end.reason == FinishReason::deadline) return "max_tokens";
  if (!end.stop_string.empty()) return "stop_sequence";
  return end.called_tools ? "tool_use" : "end_turn";
}

Json stop_sequence(const AnswerEnd& end) { return end.stop_string.empty() ? Json() : Json(end.stop_string); }

/// What a call's arguments are as an object. Those that max_tokens cut off are none.
Json input_json(const std::string& arguments) {
  try {
    Json input = parse_json(arguments, "arguments");
    if (input.is_object()) return input;
  } catch (const Error&) {}
  return Json::object();
}

Json empty_block(const AnswerBlock& block) {
  switch (block.kind) {
    case AnswerBlock::Kind::reasoning: return {{"type", "thinking"}, {"thinking", ""}, {"signature", ""}};
    case AnswerBlock::Kind::text: return {{"type", "text"}, {"text", ""}};
    case AnswerBlock::Kind::call: break;
  }
  return {{"type", "tool_use"}, {"id", block.id}, {"name", block.name}, {"input", Json::object()}};
}

Json whole_block(const AnswerBlock& block) {
  Json json = empty_block(block);
  switch (block.kind) {
    case AnswerBlock::Kind::reasoning: json["thinking"] = block.text; break;
    case AnswerBlock::Kind::text: json["text"] = block.text; break;
    case AnswerBlock::Kind::call: json["input"] = input_json(block.text); break;
  }
  return json;
}

/// {"type": "text_delta", "text": ...} and its relatives.
std::string delta_json(AnswerBlock::Kind kind, const std::string& text) {
  const auto [type, field] = [&]() -> std::pair<const char*, const char*> {
    switch (kind) {
      case AnswerBlock::Kind::reasoning: return {"thinking_delta", "thinking"};
      case AnswerBlock::Kind::text: return {"text_delta", "text"};
      case AnswerBlock::Kind::call: break;
    }
    return {"input_json_delta", "partial_json"};
  }();
  return fmt::format(R"({{"type":"{}","{}":{}}})", type, field, json_string(text));
}

class Message {
 public:
  explicit Message(std::string model) : id_(make_id("msg_")), model_(std::move(model)) {}
  Json json(Json content, const AnswerEnd* end, const AnswerUsage& usage) const {
    return {{"id", id_},
            {"type", "message"},
            {"role", "assistant"},
            {"model", model_},
            {"content", std::move(content)},
            {"stop_reason", end == nullptr ? Json() : Json(stop_reason(*end))},
            {"stop_sequence", end == nullptr ? Json() : stop_sequence(*end)},
            {"usage", usage_json(usage)}};
  }

 private:
  std::string id_, model_;
};

class WholeMessage : public ApiSink {
 public:
  WholeMessage(std::shared_ptr<Exchange> exchange, ModelLease lease)
      : ApiSink(std::move(exchange), std::move(lease)), message_(lease_.id) {}

  void piece(int, AnswerPiece piece) override { blocks_.add(piece); }
  void finished(int, AnswerEnd end) override { end_ = std::move(end); }
  void failed(std::exception_ptr error) override { exchange_->send_error(error); }
  void done(const AnswerUsage& usage) override {
    Json content = Json::array();
    for (const AnswerBlock& b : blocks_.blocks()) content.push_back(whole_block(b));
    exchange_->send(json_response(200, message_.json(std::move(content), &end_, usage)));
  }

 private:
  Message message_;
  AnswerBlocks blocks_;
  AnswerEnd end_;
};

class StreamedMessage : public ApiSink, private BlockListener {
 public:
  StreamedMessage(std::shared_ptr<Exchange> exchange, ModelLease lease)
      : ApiSink(std::move(exchange), std::move(lease)), message_(lease_.id), stream_(exchange_), blocks_(this) {}

  void begin() override {
    const std::lock_guard lock(mutex_);
    stream_.start();
  }
  void started(int prompt_tokens, int cached_tokens) override {
    AnswerUsage usage;
    usage.prompt_tokens = prompt_tokens;
    usage.cached_tokens = cached_tokens;
    event("message_start",
          dump_json({{"type", "message_start"}, {"message", message_.json(Json::array(), nullptr, usage)}}));
  }
  void piece(int, AnswerPiece piece) override { blocks_.add(piece); }
  void finished(int, AnswerEnd end) override {
    blocks_.close();
    end_ = std::move(end);
  }
  void done(const AnswerUsage& usage) override {
    event("message_delta",
          dump_json({{"type", "message_delta"},
                     {"delta", {{"stop_reason", stop_reason(end_)}, {"stop_sequence", stop_sequence(end_)}}},
                     {"usage", usage_json(usage)}}));
    event("message_stop", R"({"type":"message_stop"})");
    const std::lock_guard lock(mutex_);
    stream_.end();
  }
  void failed(std::exception_ptr error) override {
    const std::lock_guard lock(mutex_);
    if (!stream_.started()) return exchange_->send_error(error);
    stream_.event("error", exchange_->error_response(to_http_error(error, exchange_->request().id)).body);
    stream_.end();
  }

 private:
  void block_opened(size_t index, const AnswerBlock& block) override {
    event("content_block_start",
          dump_json({{"type", "content_block_start"}, {"index", index}, {"content_block", empty_block(block)}}));
  }
  void block_grew(size_t index, const AnswerBlock& block, const std::string& text) override {
    delta(index, delta_json(block.kind, text));
  }
  void block_closed(size_t index, const AnswerBlock& block) override {
    // Clients keep thoughts only with a signature; nothing here needs it to mean anything.
    if (block.kind == AnswerBlock::Kind::reasoning) delta(index, R"({"type":"signature_delta","signature":""})");
    event("content_block_stop", fmt::format(R"({{"type":"content_block_stop","index":{}}})", index));
  }
  void delta(size_t index, const std::string& json) {
    event("content_block_delta", fmt::format(R"({{"type":"content_block_delta","index":{},"delta":{}}})", index, json));
  }
  void event(const char* type, const std::string& json) {
    const std::lock_guard lock(mutex_);
    stream_.event(type, json);
  }

  Message message_;
  std::mutex mutex_;  // begin() comes from another thread
  SseStream stream_;
  AnswerBlocks blocks_;
  AnswerEnd end_;
};

}  // namespace

std::shared_ptr<ApiSink> make_anthropic_sink(std::shared_ptr<Exchange> exchange, ModelLease lease,
                                             const AnswerForm& form) {
  if (form.stream) return std::make_shared<StreamedMessage>(std::move(exchange), std::move(lease));
  return std::make_shared<WholeMessage>(std::move(exchange), std::move(lease));
}

}  // namespace dure
