#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "toolbox/client/http_client.h"

namespace dure {

/// A model that a server offers.
struct ServedModel {
  std::string id;
  std::vector<std::string> aliases;
  int context = 0;  ///< tokens; 0: the server does not say
  std::string owner;
};

/// Asks one server in the words of OpenAI's API: dure serve, or any other that speaks it. What goes wrong is an Error
/// of one line that names the server. Not for several threads at once.
class ServerClient {
 public:
  struct Options {
    std::string url;                 ///< "http://127.0.0.1:8080"; a path is the API's own, else that is /v1
    std::string key;                 ///< empty: none is shown
    std::chrono::seconds stall{60};  ///< the server may be silent for so long
  };
  /// Throws Error unless the URL is one of http or https, and the key fits into a header.
  ServerClient(Options options, StopCheck stop);

  /// A document beside the API: "/status". Throws HttpStopped, as all below.
  Json get(const std::string& path);
  /// Empty if the server has no list of its models.
  std::vector<ServedModel> models();
  /// The length of a text in a model's tokens, where the server tells it (dure serve, llama.cpp, vLLM).
  std::optional<int> count_tokens(const std::string& model, const std::string& text);
  /// A chat completion with "stream": true; `on_chunk` sees each chunk. The stream was whole when this returns.
  void stream_chat(const Json& request, const std::function<void(const Json&)>& on_chunk);

  const std::string& url() const { return url_; }

 private:
  HttpReply send(HttpCall call, std::string& body);
  Json document(const std::string& url, std::optional<std::string> post = {});
  [[noreturn]] void refuse(const HttpReply& reply, const std::string& body) const;

  std::string url_, api_;  ///< without and with the path of the API
  bool has_key_;
  std::vector<std::string> headers_;
  HttpClient http_;
};

}  // namespace dure
