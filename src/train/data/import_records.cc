#include "train/data/import_records.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/utf8.h"

namespace dure {
namespace {

void add(ImportedRecords& records, const Json& record) {
  records.lines.append(dump_json(record)).push_back('\n');
  ++records.count;
}

Json conversation(std::string_view question, const Json& answer) {
  return {{"messages", Json::array({Json{{"role", "user"}, {"content", std::string(question)}}, answer})}};
}

/// The next line without its end; none at the end of the text.
std::optional<std::string_view> next_line(std::string_view& text) {
  if (text.empty()) return std::nullopt;
  const size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == text.npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

ImportedRecords import_book(std::string_view text, std::string_view source) {
  constexpr size_t kPiece = 4000;
  ImportedRecords records;
  std::string piece, paragraph;
  const auto end_piece = [&] {
    if (!piece.empty()) add(records, {{"text", piece}});
    piece.clear();
  };
  const auto end_paragraph = [&] {
    if (paragraph.empty()) return;
    if (piece.size() + paragraph.size() > kPiece) end_piece();
    if (!piece.empty()) piece += "\n\n";
    piece += paragraph;
    paragraph.clear();
  };
  bool inside = false, ended = false;
  while (const auto line = next_line(text)) {
    if (!inside) {
      inside = line->starts_with("*** START");
      continue;
    }
    ended = line->starts_with("*** END");
    if (ended) break;
    const size_t begin = line->find_first_not_of(' ');
    if (begin == line->npos) {
      end_paragraph();
      continue;
    }
    if (!paragraph.empty()) paragraph += ' ';
    paragraph += line->substr(begin);
  }
  require(inside && ended, "{}: expected lines that begin with *** START and *** END", source);
  end_paragraph();
  end_piece();
  return records;
}

/// "48/2 = <<48/2=24>>24" without what the brackets hold.
std::string without_calculator(std::string_view text) {
  std::string out;
  for (size_t open; (open = text.find("<<")) != text.npos;) {
    const size_t close = text.find(">>", open);
    if (close == text.npos) break;
    out += text.substr(0, open);
    text.remove_prefix(close + 2);
  }
  return out.append(text);
}

ImportedRecords import_gsm8k(std::string_view text, std::string_view source) {
  ImportedRecords records;
  for (int64_t number = 1; const auto line = next_line(text); ++number) {
    if (line->empty()) continue;
    const Json record = parse_json(*line, fmt::format("{}:{}", source, number));
    const auto is_text = [&](const char* name) { return record.contains(name) && record[name].is_string(); };
    require(record.is_object() && is_text("question") && is_text("answer"), "{}:{}: expected question and answer",
            source, number);
    const std::string way = without_calculator(record["answer"].get<std::string>());
    constexpr std::string_view kMark = "\n#### ";
    const size_t mark = way.rfind(kMark);
    require(mark != way.npos, "{}:{}: expected a line '#### ANSWER'", source, number);
    add(records, conversation(record["question"].get<std::string>(), {{"role", "assistant"},
                                                                      {"reasoning_content", way.substr(0, mark)},
                                                                      {"content", way.substr(mark + kMark.size())}}));
  }
  return records;
}

/// The fields of one record, which may go over several lines; empty at the end.
std::vector<std::string> next_csv_record(std::string_view& text, std::string_view source) {
  std::vector<std::string> fields;
  while (!text.empty()) {
    std::string field;
    if (text.starts_with('"')) {
      text.remove_prefix(1);
      for (;;) {
        const size_t quote = text.find('"');
        require(quote != text.npos, "{}: a quoted field does not end", source);
        field += text.substr(0, quote);
        text.remove_prefix(quote + 1);
        if (!text.starts_with('"')) break;
        field += '"';
        text.remove_prefix(1);
      }
    }
    const size_t end = std::min(text.find_first_of(",\n"), text.size());
    field += text.substr(0, end);
    const bool more = end < text.size() && text[end] == ',';
    if (!more && field.ends_with('\r')) field.pop_back();
    text.remove_prefix(std::min(end + 1, text.size()));
    fields.push_back(std::move(field));
    if (!more) break;
  }
  return fields;
}

ImportedRecords import_qa_csv(std::string_view text, std::string_view source) {
  ImportedRecords records;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  const std::vector<std::string> header = next_csv_record(text, source);
  const auto column = [&](std::string_view name) {
    const auto at = std::find(header.begin(), header.end(), name);
    require(at != header.end(), "{}: expected a column {}", source, name);
    return static_cast<size_t>(at - header.begin());
  };
  const size_t question = column("Q"), answer = column("A");
  for (;;) {
    const std::vector<std::string> fields = next_csv_record(text, source);
    if (fields.empty()) return records;
    if (fields.size() == 1 && fields[0].empty()) continue;
    require(fields.size() == header.size(), "{}: record {} has {} fields, the header {}", source, records.count + 1,
            fields.size(), header.size());
    add(records, conversation(fields[question], {{"role", "assistant"}, {"content", fields[answer]}}));
  }
}

}  // namespace

ImportedRecords import_records(const std::filesystem::path& file, std::string_view as) {
  const std::string text = read_file(file), source = file.string();
  require(is_utf8(text), "{}: not UTF-8", source);
  if (as == "book") return import_book(text, source);
  if (as == "gsm8k") return import_gsm8k(text, source);
  if (as == "qa-csv") return import_qa_csv(text, source);
  fail("{}: as '{}': expected book, gsm8k or qa-csv", source, as);
}

}  // namespace dure
