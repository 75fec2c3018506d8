#pragma once

#include "engine/disk_cache.h"
#include "engine/prefix_cache.h"
#include "engine/sequence.h"

namespace dure {

/// The longest beginning of `tokens`, at most `limit` of them, whose rows lie in memory or on disk; `disk` may be null.
/// Where there are several of one length, the preferred kinds of rows decide (RowKinds::before), block by block, so
/// that the answer follows from what is cached alone. With `kinds`, of at least `limit` rows, only rows of these kinds
/// are taken.
PrefixPlan find_prefix(const PrefixCache& memory, const DiskCache* disk, const BlockKey& root,
                       std::span<const int> tokens, int limit, std::span<const RowKind> kinds = {});

}  // namespace dure
