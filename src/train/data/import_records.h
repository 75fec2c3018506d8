#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace dure {

/// Turns a public file into JSON Lines that shards are built from. `as` is one of
///   book    a text of Project Gutenberg: what stands between its START and END lines, lines joined to paragraphs,
///           in pieces of up to 4000 bytes that end with a paragraph: {"text"}
///   gsm8k   {"question", "answer"} with "<<48/2=24>>" and "#### 72": {"messages"} with the way as reasoning
///   qa-csv  RFC 4180 with a header and the columns Q and A: {"messages"}
/// Returns how many records there are.
/// Throws Error naming file and line for what is not of that form, and for another `as`.
struct ImportedRecords {
  std::string lines;
  int64_t count = 0;
};
ImportedRecords import_records(const std::filesystem::path& file, std::string_view as);

}  // namespace dure
