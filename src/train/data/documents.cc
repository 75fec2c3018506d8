#include "train/data/documents.h"

#include <cstring>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"

namespace dure {

DocumentReader::DocumentReader(const std::filesystem::path& path, DocumentOptions options, BadLines& bad)
    : path_(path.string()), options_(std::move(options)), bad_(bad), stream_(open_file_stream(path)), buffer_(1 << 17) {
  const std::filesystem::path kind = without_compression(path).extension();
  is_jsonl_ = kind == ".jsonl" || kind == ".ndjson";
}

/// Without its end: "\n", "\r\n", or that of the file.
DocumentReader::Line DocumentReader::next_line(std::string& line) {
  line.clear();
  bool any = false, too_long = false, ended = false;
  while (!ended) {
    if (used_ == filled_) {
      used_ = 0;
      filled_ = stream_->read(buffer_);
      bytes_read_ += static_cast<int64_t>(filled_);
      if (filled_ == 0) break;
    }
    any = true;
    const char* begin = buffer_.data() + used_;
    const void* end = std::memchr(begin, '\n', filled_ - used_);
    ended = end != nullptr;
    const size_t count = ended ? static_cast<size_t>(static_cast<const char*>(end) - begin) : filled_ - used_;
    used_ += count + (ended ? 1 : 0);
    too_long = too_long || line.size() + count > kMaxDocument;
    if (!too_long) line.append(begin, count);
  }
  if (!any) return Line::none;
  ++line_;
  if (line.ends_with('\r')) line.pop_back();
  return too_long ? Line::too_long : Line::whole;
}

void DocumentReader::bad_line(std::string_view why) { bad_.add(fmt::format("{}:{}: {}", path_, line_, why)); }

bool DocumentReader::next_text(std::string& text) {
  std::string line;
  for (Line kind; (kind = next_line(line)) != Line::none;) {
    if (kind == Line::too_long) {
      bad_line(fmt::format("longer than {} bytes", kMaxDocument));
    } else if (!is_utf8(line)) {
      bad_line("not UTF-8");
    } else if (!options_.separator.empty() && line == options_.separator) {
      if (!text.empty()) return true;
    } else if (!text.empty() || !line.empty()) {  // no empty lines at the beginning
      text.append(line).push_back('\n');
      if (text.size() >= kMaxDocument) return true;
    }
  }
  return !text.empty();
}

bool DocumentReader::next(Document& document) {
  document.text.clear();
  document.messages.clear();
  if (!is_jsonl_) {
    if (!next_text(document.text)) return false;
    while (document.text.ends_with('\n')) document.text.pop_back();
    return true;
  }
  std::string line;
  for (Line kind; (kind = next_line(line)) != Line::none;) {
    if (kind == Line::too_long) {
      bad_line(fmt::format("longer than {} bytes", kMaxDocument));
      continue;
    }
    if (line.find_first_not_of(" \t") == line.npos) continue;
    try {
      const Json record = parse_json(line, "record");
      require(record.is_object(), "expected a JSON object");
      if (record.contains(options_.field)) {
        const Json& text = record[options_.field];
        require(text.is_string(), "field '{}': expected a string", options_.field);
        document.text = text.get<std::string>();
      } else {
        require(record.contains("messages"), "expected a field '{}' or 'messages'", options_.field);
        require(record["messages"].is_array(), "field 'messages': expected a list");
        document.messages = dump_json(record["messages"]);
      }
    } catch (const Error& e) {
      bad_line(e.what());
      continue;
    }
    if (!document.text.empty() || !document.messages.empty()) return true;
  }
  return false;
}

}  // namespace dure
