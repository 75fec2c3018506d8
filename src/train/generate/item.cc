#include "train/generate/item.h"

#include <fmt/format.h>

#include <iterator>

namespace dure {
namespace {

void append_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out += c;  // generated text has no other control characters
    }
  }
  out += '"';
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  append_string(out, name);
  out += ": ";
  append_string(out, value);
}

std::string plain(const Item& item) {
  std::string text;
  for (const QuestionAndAnswer& e : item.exchanges) {
    if (!text.empty()) text += '\n';
    if (!e.prompt.empty()) text.append(e.prompt).push_back('\n');
    if (!e.reasoning.empty()) text.append("<think>\n").append(e.reasoning).append("\n</think>\n");
    text += e.answer;
  }
  return text;
}

void append_messages(std::string& out, const Item& item) {
  out += "\"messages\": [";
  for (size_t i = 0; i < item.exchanges.size(); ++i) {
    const QuestionAndAnswer& e = item.exchanges[i];
    out += i == 0 ? "{" : ", {";
    append_field(out, "role", "user");
    out += ", ";
    append_field(out, "content", e.prompt);
    out += "}, {";
    append_field(out, "role", "assistant");
    out += ", ";
    if (!e.reasoning.empty()) {
      append_field(out, "reasoning_content", e.reasoning);
      out += ", ";
    }
    append_field(out, "content", e.answer);
    out += '}';
  }
  out += ']';
}

void append_problem(std::string& out, const Item& item) {
  const QuestionAndAnswer& e = item.exchanges.back();
  append_field(out, "prompt", e.prompt);
  out += ", ";
  append_field(out, "answer", e.answer);
  out += ", \"numbers\": [";
  for (size_t i = 0; i < item.numbers.size(); ++i)
    fmt::format_to(std::back_inserter(out), "{}{}", i == 0 ? "" : ", ", item.numbers[i]);
  out += ']';
  if (item.target) fmt::format_to(std::back_inserter(out), ", \"target\": {}", *item.target);
}

}  // namespace

void write_item(const Item& item, ItemForm form, std::string& out) {
  out += '{';
  if (form == ItemForm::text) append_field(out, "text", plain(item));
  if (form == ItemForm::chat) append_messages(out, item);
  if (form == ItemForm::problem) append_problem(out, item);
  out += ", ";
  append_field(out, "kind", item.kind);
  out += ", ";
  append_field(out, "lang", item.language == Language::en ? "en" : "ko");
  // Four digits: enough for a mean, and the same text whatever the last bits of a logarithm are.
  fmt::format_to(std::back_inserter(out), ", \"nats\": {:.4f}}}\n", item.nats);
}

}  // namespace dure
