#pragma once

#include "server/api/server_context.h"

namespace dure {

/// Answers in the protocol of Anthropic's Messages: a whole message, or events.
std::shared_ptr<ApiSink> make_anthropic_sink(std::shared_ptr<Exchange> exchange, ModelLease lease,
                                             const AnswerForm& form);

}  // namespace dure
