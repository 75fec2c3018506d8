#include "sampling/grammar/byte_nfa.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"

namespace dure::grammar {
namespace {

struct Escape {
  char32_t c;
  uint8_t letter;
};
constexpr Escape kEscapes[] = {{'"', '"'},  {'\\', '\\'}, {'\b', 'b'}, {'\f', 'f'},
                               {'\n', 'n'}, {'\r', 'r'},  {'\t', 't'}};

/// What JSON writes between quotes as it is.
const CharSet& plain_chars() {
  static const CharSet set = [] {
    CharSet special(0, 0x1F);
    special.add('"', '"');
    special.add('\\', '\\');
    return special.complement();
  }();
  return set;
}

}  // namespace

int ByteNfa::add_state() {
  states_.emplace_back();
  return int(states_.size()) - 1;
}

void ByteNfa::add_bytes(int from, uint8_t first, uint8_t last, bool counted, int to) {
  states_[size_t(from)].edges.push_back({first, last, counted, to});
}

void ByteNfa::add_jump(int from, Jump jump) { states_[size_t(from)].jumps.push_back(jump); }

void ByteNfa::add_move(int from, int to) { states_[size_t(from)].moves.push_back(to); }

void ByteNfa::add_chars(int from, const CharSet& chars, Text::Encoding encoding, bool counted, int to) {
  if (encoding == Text::Encoding::raw) {
    for (const auto& r : chars.ranges()) add_utf8(from, r.first, r.last, counted, to);
    return;
  }
  const CharSet plain = chars.intersect(plain_chars());
  for (const auto& r : plain.ranges()) add_utf8(from, r.first, r.last, counted, to);
  for (const Escape& e : kEscapes)
    if (chars.contains(e.c)) add_sequence(from, {{'\\', '\\'}, {e.letter, e.letter}}, counted, to);
  for (uint8_t c = 0; c < 0x20; ++c) {
    if (!chars.contains(c)) continue;
    const auto hex = uint8_t("0123456789abcdef"[c % 16]);
    const auto high = uint8_t('0' + c / 16);
    for (const uint8_t low : {hex, uint8_t(hex >= 'a' ? hex - 0x20 : hex)})
      add_sequence(from, {{'\\', '\\'}, {'u', 'u'}, {'0', '0'}, {'0', '0'}, {high, high}, {low, low}}, counted, to);
  }
}

void ByteNfa::add_utf8(int from, char32_t first, char32_t last, bool counted, int to) {
  constexpr char32_t kLastOfLength[] = {0x7F, 0x7FF, 0xFFFF, 0x10FFFF};
  for (const char32_t border : kLastOfLength)
    if (first <= border && border < last) {
      add_utf8(from, first, border, counted, to);
      first = border + 1;
    }
  // A range whose ends differ in a leading byte must hold whole blocks of what follows that byte.
  for (int bits = 18; bits >= 6; bits -= 6) {
    const char32_t block = char32_t{1} << bits;
    if (first < 0x80 || (first >> bits) == (last >> bits)) continue;
    if ((first & (block - 1)) != 0) {
      add_utf8(from, first, first | (block - 1), counted, to);
      return add_utf8(from, (first | (block - 1)) + 1, last, counted, to);
    }
    if ((last & (block - 1)) != block - 1) {
      add_utf8(from, first, (last & ~(block - 1)) - 1, counted, to);
      return add_utf8(from, last & ~(block - 1), last, counted, to);
    }
    break;
  }
  std::string low, high;
  append_utf8(low, first);
  append_utf8(high, last);
  std::vector<ByteRange> bytes;
  for (size_t i = 0; i < low.size(); ++i) bytes.push_back({uint8_t(low[i]), uint8_t(high[i])});
  add_sequence(from, bytes, counted, to);
}

void ByteNfa::add_sequence(int from, const std::vector<ByteRange>& bytes, bool counted, int to) {
  // From the end, so that characters with the same ending share it.
  int next = to;
  for (size_t i = bytes.size(); i-- > 1;) {
    std::vector<ByteRange> ending(bytes.begin() + std::ptrdiff_t(i), bytes.end());
    const auto [at, added] = endings_.emplace(std::tuple(to, counted, std::move(ending)), -1);
    if (added) {
      at->second = add_state();
      add_bytes(at->second, bytes[i].first, bytes[i].last, counted && next == to, next);
    }
    next = at->second;
  }
  add_bytes(from, bytes[0].first, bytes[0].last, counted && next == to, next);
}

std::vector<int> ByteNfa::closure(std::vector<int> from) const {
  std::sort(from.begin(), from.end());
  from.erase(std::unique(from.begin(), from.end()), from.end());
  const bool still = std::all_of(from.begin(), from.end(), [&](int s) { return states_[size_t(s)].moves.empty(); });
  if (still) return from;
  std::vector<bool> seen(states_.size());
  for (const int s : from) seen[size_t(s)] = true;
  for (size_t i = 0; i < from.size(); ++i)
    for (const int target : states_[size_t(from[i])].moves)
      if (!seen[size_t(target)]) {
        seen[size_t(target)] = true;
        from.push_back(target);
      }
  std::sort(from.begin(), from.end());
  return from;
}

ByteDfa ByteNfa::determinize(int start, int end, const std::function<void(size_t)>& check) const {
  std::map<std::vector<int>, int> index;
  std::vector<const std::vector<int>*> subsets;
  size_t work = 0;
  const auto number = [&](std::vector<int> targets) {
    const auto [at, added] = index.emplace(closure(std::move(targets)), int(subsets.size()));
    if (added) subsets.push_back(&at->first);
    work += at->first.size();
    check(subsets.size() + work / 64);
    return at->second;
  };
  number({start});
  ByteDfa out;
  for (size_t i = 0; i < subsets.size(); ++i) {
    const std::vector<int>& subset = *subsets[i];
    ByteDfa::State state;
    state.accepting = std::binary_search(subset.begin(), subset.end(), end);

    std::map<decltype(Jump().symbol()), std::vector<int>> jumps;
    std::vector<ByteDfa::Edge> edges;
    std::vector<int> borders;
    for (const int s : subset) {
      for (const Jump& jump : states_[size_t(s)].jumps) jumps[jump.symbol()].push_back(jump.target);
      for (const ByteDfa::Edge& e : states_[size_t(s)].edges) {
        edges.push_back(e);
        borders.insert(borders.end(), {e.first, e.last + 1});
      }
    }
    std::sort(borders.begin(), borders.end());
    borders.erase(std::unique(borders.begin(), borders.end()), borders.end());
    std::sort(edges.begin(), edges.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<ByteDfa::Edge> open;  // those that hold the current stretch
    size_t next = 0;
    for (size_t b = 0; b + 1 < borders.size(); ++b) {
      const int first = borders[b], last = borders[b + 1] - 1;
      for (; next < edges.size() && edges[next].first <= first; ++next) open.push_back(edges[next]);
      std::erase_if(open, [&](const ByteDfa::Edge& e) { return e.last < first; });
      if (open.empty()) continue;
      std::vector<int> targets;
      for (const ByteDfa::Edge& e : open) targets.push_back(e.target);
      const int target = number(std::move(targets));
      auto& out_edges = state.edges;
      if (!out_edges.empty() && out_edges.back().target == target && out_edges.back().last + 1 == first &&
          out_edges.back().counted == open[0].counted) {
        out_edges.back().last = uint8_t(last);
      } else {
        out_edges.push_back({uint8_t(first), uint8_t(last), open[0].counted, target});
      }
    }
    for (auto& [symbol, targets] : jumps)
      state.jumps.push_back(
          {std::get<0>(symbol), std::get<1>(symbol), std::get<2>(symbol), number(std::move(targets))});
    out.states.push_back(std::move(state));
  }
  return out;
}

}  // namespace dure::grammar
