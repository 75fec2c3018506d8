#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "base/threads.h"
#include "text/tokenizer.h"
#include "train/data/documents.h"
#include "train/data/token_shard.h"

namespace dure {

struct ShardBuilderOptions {
  std::vector<std::filesystem::path> files;
  std::filesystem::path folder;  ///< for train-00000.tokens, held-out-00000.tokens, ...
  DocumentOptions documents;
  double held_out = 0;                          ///< share of the documents that nobody trains on
  int64_t shard_tokens = int64_t{64} << 20;     ///< a shard ends with the document that reaches this
  uint64_t seed = 0;                            ///< of the order of documents in a shard
  bool answers_only = false;                    ///< learn what assistants say, not what is said to them
  std::function<void(int64_t bytes)> progress;  ///< of text read so far
};

struct ShardBuilderReport {
  struct Split {
    int64_t documents = 0, tokens = 0, bytes = 0;  ///< bytes of text
  };
  Split train, held_out;
  int64_t duplicates = 0;  ///< documents that had been there before
  BadLines bad;
};

/// Turns files into shards. A document is what the tokenizer puts before a text, the text, and end-of-sentence; a
/// conversation is written by `renderer`, which may be null if there is none. A document whose text was there before is
/// left out; whether one is held out depends on its text alone, so that a text never changes sides when data grow.
/// Result: a function of files and options, not of the number of threads. Memory: one shard of each split, and 16 bytes
/// for each document.
/// Throws Error for files that cannot be read or written; single bad records are counted.
ShardBuilderReport build_shards(const ShardBuilderOptions& options, const Tokenizer& tokenizer,
                                const TokenizerHash& hash, const PromptRenderer* renderer, ThreadPool& pool);

}  // namespace dure
