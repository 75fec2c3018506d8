#pragma once

#include <functional>
#include <string>

#include "toolbox/client/http_client.h"
#include "toolbox/hub/name.h"
#include "toolbox/hub/options.h"

namespace dure {

/// Sees why an attempt was in vain and how long the pause before the next will be.
using PauseNotice = std::function<void(const std::string& why, std::chrono::seconds pause)>;

/// Asks one hub about one model: redirects, the token, pauses between attempts, refusals in words. For one thread; each
/// has its own connection.
class HubSession {
 public:
  /// `options` outlives this. Throws Error if endpoint or token are none.
  HubSession(const HubOptions& options, HubName name, StopCheck stop);

  const HubName& name() const { return name_; }
  const HubOptions& options() const { return options_; }
  PauseNotice on_pause;

  /// Where an attempt ended after redirects.
  struct Reply : HttpReply {
    std::string host;         ///< origin of the last answer
    std::string linked_etag;  ///< X-Linked-Etag of the endpoint: the digest of the content, without quotes
  };
  /// One attempt. The token goes to the endpoint's origin alone, whoever redirects. `accept` sees the last answer
  /// before its body; false: the body is not wanted.
  /// Throws Error for a redirect that leads nowhere or too far, HttpStopped.
  Reply get(HttpCall request, const std::function<bool(const Reply&)>& accept = {});

  /// A whole small document, attempted again as pauses allow. Throws Error if it is refused or longer than max_bytes.
  std::string get_text(const std::string& url, size_t max_bytes, HttpReply* reply = nullptr);

  /// Waits before the next attempt, each time longer, or as long as the server asks; throws Error saying `subject` when
  /// there have been enough attempts in vain, HttpStopped when it is to stop.
  void pause(const std::string& subject, const Reply& reply);
  /// Something arrived: attempts in vain are counted from here.
  void progressed() { in_vain_ = 0; }

  /// Throws an Error that says why the endpoint refuses and what can be done. `subject` is a file or the model.
  [[noreturn]] void refuse(const std::string& subject, const Reply& reply) const;
  /// Whether the refusal comes from the endpoint itself, not from where it redirected to.
  bool is_endpoint(const Reply& reply) const { return reply.host == origin_; }

 private:
  const HubOptions& options_;
  HubName name_;
  StopCheck stop_;
  HttpClient http_;
  std::string origin_;
  int in_vain_ = 0;
};

}  // namespace dure
