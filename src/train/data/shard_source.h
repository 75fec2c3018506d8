#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "train/data/token_shard.h"
#include "train/data/token_source.h"

namespace dure {

/// Shards that are read as one collection of documents, and what share of the rows shall come from it.
struct ShardSet {
  std::vector<TokenShard> shards;
  double weight = 1;  ///< relative to those of the other sets
};

/// All shards of a folder whose names begin with `split` ("train", "held-out"), in the order of their names.
/// Throws Error if there is none, or one is damaged.
ShardSet open_shard_set(const std::filesystem::path& folder, const std::string& split, double weight);

/// Documents of all sets, packed one after the other. Each set is read in an order of its own, a new one each epoch;
/// the next document comes from the set that has had the fewest rows for its weight. A document goes on for at most
/// `length` rows, then, as at the end of a batch, the rest of it counts as another document. Its last token is no row,
/// for nothing follows it; rows whose next token is not learned have no target.
/// Throws Error if sets were made with different tokenizers, or one has no document of two tokens.
std::unique_ptr<TokenSource> make_shard_source(std::vector<ShardSet> sets, int length, uint64_t seed);

}  // namespace dure
