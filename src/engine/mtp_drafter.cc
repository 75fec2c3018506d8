#include "engine/mtp_drafter.h"

#include <algorithm>

#include "engine/cached_batch.h"
#include "ops/view.h"

namespace dure {
namespace {

/// Rows that go through the layer together.
struct Pass {
  std::vector<KeptRows> parts;
  std::vector<int> sources;  // of the hidden states that go in, one for each row
  std::vector<int> last;     // row of each part
  Batch next;                // the tokens after the rows

  Pass() { next.starts = {0}; }
  void add(int source, int token, int position) {
    sources.push_back(source);
    next.tokens.push_back(token);
    next.positions.push_back(position);
  }
  void end(const KeptRows& part) {
    parts.push_back(part);
    last.push_back(next.rows() - 1);
    next.starts.push_back(next.rows());
  }
};

/// The likeliest id of each row.
std::vector<int> likeliest(const Tensor& logits) {  // [rows, V]
  std::vector<int> ids;
  const size_t vocab = static_cast<size_t>(logits.dim(1));
  for (std::span<const float> rest = logits.data(); !rest.empty(); rest = rest.subspan(vocab))
    ids.push_back(static_cast<int>(std::ranges::max_element(rest.first(vocab)) - rest.begin()));
  return ids;
}

bool has_page(const Sequence& s, int position) {
  return position < static_cast<int>(s.blocks.size()) * KVCache::kBlockSize;
}

}  // namespace

void MtpDrafter::follow(const KeptBatch& batch) {
  Pass pass;
  for (const KeptRows& part : batch.parts) {
    const Sequence& s = *part.sequence;
    if (!s.drafting.follow) continue;
    for (int i = part.position; i < part.position + part.rows; ++i)
      pass.add(part.first + i - part.position, s.tokens[static_cast<size_t>(i + 1)], i);
    pass.end(part);
  }
  Tensor hidden = batch.hidden;  // [T, D]
  RowKind kind = batch.kind;
  for (int ahead = 1; !pass.parts.empty(); ++ahead) {
    std::vector<const Sequence*> sequences;
    for (const KeptRows& part : pass.parts) sequences.push_back(part.sequence);
    use_cache(pass.next, cache_, device_, kind, sequences);
    hidden = model_.draft_hidden(take_rows(hidden, pass.sources), pass.next);  // [rows, D]
    // Its own hidden states go on where they are like the model's, which DeepSeek-V4's are not.
    const bool goes_on = hidden.dim(1) == batch.hidden.dim(1);

    std::vector<KeptRows> asking;
    std::vector<int> rows;
    for (size_t i = 0; i < pass.parts.size(); ++i) {
      if (pass.parts[i].wanted < ahead) continue;
      asking.push_back(pass.parts[i]);
      rows.push_back(pass.last[i]);
    }
    if (asking.empty()) return;
    const std::vector<int> ids = likeliest(model_.draft_logits(take_rows(hidden, rows)));

    pass = {};
    kind = RowKind::sampled;
    for (size_t i = 0; i < asking.size(); ++i) {
      Sequence& s = *asking[i].sequence;
      s.drafts.push_back(ids[i]);
      const int position = asking[i].position + asking[i].rows - 1 + ahead;
      if (!goes_on || asking[i].wanted == ahead || !has_page(s, position)) continue;
      pass.add(rows[i], ids[i], position);
      pass.end(asking[i]);
    }
  }
}

}  // namespace dure
