#pragma once

#include <string>

#include "server/http/http.h"
#include "server/store/conversation_store.h"

namespace dure {

enum class FeedbackFormat { sft, kto, dpo };

/// The lines that one judged answer gives for training, each a JSON object and a line feed; often none. web/API.md
/// describes them.
std::string feedback_lines(const JudgedAnswer& answer, FeedbackFormat format);

/// GET /ui/feedback.jsonl?format=sft|kto|dpo
HttpResponse export_feedback(ConversationStore& store, const HttpRequest& request);

}  // namespace dure
