#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "train/data/file_stream.h"

namespace dure {

/// What training data are made of.
struct Document {
  std::string text;      ///< UTF-8
  std::string messages;  ///< JSON: the turns of a conversation, for records that have those and no text
};

struct DocumentOptions {
  std::string field = "text";  ///< of a JSON Lines record
  std::string separator;       ///< a line that ends a document of a text file; empty: a file is one document
};

/// Lines that could not be used: how many, and the first few as "FILE:LINE: why".
struct BadLines {
  static constexpr size_t kNamed = 10;
  int64_t count = 0;
  std::vector<std::string> first;

  void add(std::string what) {
    if (++count <= static_cast<int64_t>(kNamed)) first.push_back(std::move(what));
  }
};

/// The documents of one file, one after the other: the records of JSON Lines (*.jsonl, *.ndjson), or a text, each of
/// them plain, .zst or .xz. Empty documents are left out. Memory is bounded: a text goes on in another document where
/// it passes kMaxDocument bytes, and a record longer than that is a bad line.
class DocumentReader {
 public:
  static constexpr size_t kMaxDocument = size_t{16} << 20;

  /// Throws Error if the file cannot be opened. REQUIRES: `bad` outlives this.
  DocumentReader(const std::filesystem::path& path, DocumentOptions options, BadLines& bad);

  /// The next document; false at the end. What is no record, or not UTF-8, is noted as a bad line and left out.
  /// Throws Error for a damaged compressed file.
  bool next(Document& document);

  int64_t bytes_read() const { return bytes_read_; }  ///< of the unpacked text so far

 private:
  enum class Line { whole, too_long, none };
  Line next_line(std::string& line);
  bool next_text(std::string& text);
  void bad_line(std::string_view why);

  std::string path_;
  DocumentOptions options_;
  BadLines& bad_;
  bool is_jsonl_;
  std::unique_ptr<FileStream> stream_;
  std::vector<char> buffer_;
  size_t used_ = 0, filled_ = 0;
  int64_t line_ = 0, bytes_read_ = 0;
};

}  // namespace dure
