#include "chat/replaying_renderer.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "text/marked_text.h"
#include "text/tools/answer_parser.h"

namespace dure {
namespace {

constexpr size_t kNowhere = std::string_view::npos;

/// A message whose calls are to be replayed.
struct Replay {
  size_t message;
  std::string text;   ///< as sampled
  std::string place;  ///< the key that stands for the arguments of call i, followed by i
};

/// A stretch of the rendered prompt and what replaces it.
struct Patch {
  size_t begin, end;
  const Replay* replay;
};

/// Arguments given as an object or as JSON text, with their keys sorted: some clients sort them.
nlohmann::json as_sorted_json(const Json& arguments) {
  const std::string text = arguments.is_string() ? arguments.get<std::string>() : dump_json(arguments);
  try {
    return nlohmann::json::parse(dump_json(parse_json(text, "arguments")));
  } catch (const Error&) {
    return text;
  }
}

std::vector<std::string> call_ids(const Json& calls) {
  std::vector<std::string> ids;
  for (const Json& call : calls) ids.push_back(call.value("id", ""));
  return ids;
}

/// Whether the sampled text is these calls, and nothing else.
bool same_calls(const ToolFormat& format, const std::string& text, const Json& calls) {
  std::vector<std::string> names;
  for (const Json& call : calls) names.push_back(call["function"]["name"].get<std::string>());
  AnswerParser parser(format, AnswerStart::text, names);
  std::vector<AnswerDelta> deltas = parser.push(text);
  for (AnswerDelta& d : parser.finish()) deltas.push_back(std::move(d));

  std::vector<std::string> arguments;
  for (const AnswerDelta& d : deltas) {
    if (d.kind == AnswerDelta::Kind::content || d.kind == AnswerDelta::Kind::reasoning) return false;
    if (d.kind == AnswerDelta::Kind::call_begin) {
      if (arguments.size() == names.size() || d.text != names[arguments.size()]) return false;
      arguments.emplace_back();
    }
    if (d.kind == AnswerDelta::Kind::call_arguments) arguments.back() += d.text;
  }
  if (arguments.size() != names.size()) return false;
  for (size_t i = 0; i < names.size(); ++i)
    if (as_sorted_json(arguments[i]) != as_sorted_json(calls[i]["function"]["arguments"])) return false;
  return true;
}

/// Where the block of calls stands in the prompt: around the keys that stand for its arguments.
std::optional<Patch> find_block(const ToolFormat& f, std::string_view prompt, const Replay& replay, size_t calls) {
  const size_t first = prompt.find(replay.place + "0\"");
  const size_t last = prompt.find(replay.place + std::to_string(calls - 1) + "\"");
  if (first == kNowhere || last == kNowhere || last < first) return std::nullopt;

  const std::string_view opening = !f.calls_begin.empty()  ? f.calls_begin
                                   : !f.call_begin.empty() ? f.call_begin
                                                           : f.name_prefix;
  const std::string_view closing = !f.calls_end.empty() ? f.calls_end : f.call_end;
  const size_t begin = prompt.rfind(opening, first);
  if (begin == kNowhere) return std::nullopt;
  // Templates that forget to open a block: this one belongs to an earlier message.
  const std::string_view head = prompt.substr(begin, first - begin);
  if (!f.call_end.empty() && head.find(f.call_end) != kNowhere) return std::nullopt;

  size_t end = last;
  if (!closing.empty()) {
    end = prompt.find(closing, last);
    if (end == kNowhere) return std::nullopt;
    return Patch{begin, end + closing.size(), &replay};
  }
  for (int brace = 0; brace < 2; ++brace) {  // of the arguments, of the call
    end = prompt.find('}', end);
    if (end++ == kNowhere) return std::nullopt;
  }
  return Patch{begin, end, &replay};
}

/// Sampled text: the format's markup may be control tokens, everything else is what a model may write of its own.
void append_sampled(MarkedText& out, std::string_view text, const std::vector<std::string_view>& markup) {
  size_t plain = 0, at = 0;
  while (at < text.size()) {
    const auto found =
        std::find_if(markup.begin(), markup.end(), [&](std::string_view m) { return text.substr(at).starts_with(m); });
    if (found == markup.end()) {
      ++at;
      continue;
    }
    out.append(text.substr(plain, at - plain), false);
    out.append(*found, true);
    plain = at += found->size();
  }
  out.append(text.substr(plain), false);
}

}  // namespace

std::vector<Segment> ReplayingRenderer::render_segments(const Json& context) const {
  std::vector<Replay> replays;
  const Json& messages = context.at("messages");
  for (size_t i = 0; i < messages.size(); ++i) {
    if (!messages[i].is_object() || !messages[i].contains("tool_calls")) continue;
    const Json& calls = messages[i]["tool_calls"];
    std::string text = memory_.recall(call_ids(calls));
    if (!text.empty() && same_calls(format_, text, calls))
      // Nobody can guess it, so that it stands in no message.
      replays.push_back({i, std::move(text), new_call_id() + "_"});
  }

  // What is not found in the prompt is rendered as it is; what is then found has been found before.
  while (!replays.empty()) {
    Json patched = context;
    for (const Replay& r : replays) {
      Json& calls = patched["messages"][r.message]["tool_calls"];
      for (size_t i = 0; i < calls.size(); ++i) {
        Json& arguments = calls[i]["function"]["arguments"];
        const Json place = Json::object({{r.place + std::to_string(i), 0}});
        arguments = arguments.is_string() ? Json(dump_json(place)) : place;
      }
    }
    MarkedText prompt;
    for (const Segment& s : renderer_.render_segments(patched)) prompt.append(s.text, s.trusted);

    std::vector<Patch> patches;
    std::vector<Replay> found;
    for (const Replay& r : replays)
      if (const auto patch = find_block(format_, prompt.bytes(), r, messages[r.message]["tool_calls"].size()))
        patches.push_back(*patch), found.push_back(r);
    const bool overlap = std::adjacent_find(patches.begin(), patches.end(), [](const Patch& a, const Patch& b) {
                           return b.begin < a.end;
                         }) != patches.end();
    if (overlap) break;
    if (found.size() < replays.size()) {
      replays = std::move(found);
      continue;
    }
    MarkedText out;
    size_t at = 0;
    const std::vector<std::string_view> markup = tool_markup(format_);
    for (const Patch& p : patches) {
      out.append(prompt, at, p.begin);
      append_sampled(out, p.replay->text, markup);
      at = p.end;
    }
    out.append(prompt, at, prompt.size());
    return out.segments();
  }
  return renderer_.render_segments(context);
}

}  // namespace dure
