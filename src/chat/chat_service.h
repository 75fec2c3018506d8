#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "chat/answer_sink.h"
#include "chat/chat_request.h"
#include "chat/loaded_model.h"
#include "engine/engine.h"

namespace dure {

struct ServiceOptions {
  LoadedModelOptions model;
  EngineOptions engine;
  bool tool_memory = true;  ///< replays the exact text of earlier tool calls, so that their rows are found in the cache
};

/// A running request: cancels it when asked to. Outlives neither its service nor needs to be kept.
class Ticket {
 public:
  /// The answer ends within a step; its sink hears `finished` with FinishReason::cancelled, unless it is done already.
  /// Thread-safe; may be called from the sink.
  void cancel();

 private:
  friend class ChatService;
  struct State;
  explicit Ticket(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

/// One model for many users at once: an engine on a thread of its own, and all that lies between messages and ids.
/// Thread-safe.
class ChatService {
 public:
  /// Throws Error naming the file if something is missing or broken.
  explicit ChatService(const ServiceOptions& options);
  /// Running requests fail. May be called by a sink, which then is not waited for.
  ~ChatService();

  /// Running requests fail, and later ones are never answered. REQUIRES: not called by a sink.
  void stop();

  const LoadedModel& model() const;
  int max_model_len() const;

  /// Renders, tokenises and queues, on the caller's thread. The sink lives until it has heard its last call.
  /// Throws RequestError for what the model cannot do, QueueFull if too many wait.
  Ticket submit(ChatRequest request, std::shared_ptr<AnswerSink> sink);

  /// The prompt of a request, as ids and as text: /apply-template, /tokenize, count_tokens.
  struct Prompt {
    std::vector<int> ids;
    std::string text;
  };
  Prompt prompt(const ChatRequest& request) const;

  /// The mean of the last layer's states over a text's rows, of length 1: [D]. Blocks until it is computed.
  /// Throws RequestError if the text does not fit the context.
  std::vector<float> embed(const std::vector<int>& ids);
  /// How likely each document answers the query: P(yes) in the model's own words, in (0, 1). Blocks.
  std::vector<double> rerank(const std::string& query, const std::vector<std::string>& documents);
  /// ln p(ids[i] | ids[0..i)) for i > 0, and the `top` likeliest tokens in each place. Blocks.
  std::vector<Sampled> score(const std::vector<int>& ids, int top);

  EngineStats stats() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dure
