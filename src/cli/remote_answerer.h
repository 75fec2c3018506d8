#pragma once

#include "cli/answerer.h"
#include "toolbox/client/server_client.h"

namespace dure {

/// A model behind a server: dure serve, or any other that speaks OpenAI's chat completions.
class RemoteAnswerer final : public Answerer {
 public:
  /// `model`: as the server calls it; empty: the first that it lists.
  /// Throws Error if there is no server, if it refuses the key, or if it has no such model: then with those it has.
  RemoteAnswerer(ServerClient::Options server, const std::string& model);

  const std::string& model() const { return model_; }
  const std::string& server() const { return client_.url(); }

  GenerationResult answer(const Conversation& conversation, const Settings& settings,
                          const AnswerWatch& watch) override;
  int context() const override { return context_; }
  std::optional<int> count_tokens(const std::string& text) override { return client_.count_tokens(model_, text); }
  int vocab_size() const override;
  ThinkingSwitch thinking_switch() override { return ThinkingSwitch::works; }  // as far as anybody can tell

 private:
  Json request(const Conversation& conversation, const Settings& settings) const;

  std::function<bool()> stopped_;  // of the answer that is made
  ServerClient client_;
  std::string model_;
  int context_ = 0;
  bool tells_progress_ = false;
};

}  // namespace dure
