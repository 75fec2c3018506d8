#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json_fwd.h"
#include "text/jinja/value.h"

namespace dure::jinja {

/// What one render may use.
struct Budget {
  size_t work = 50'000'000;           ///< steps: expressions, loop rounds, 64 bytes of text
  size_t memory = size_t{512} << 20;  ///< bytes of live strings plus all containers
};

constexpr size_t kMaxWeight = 16'000'000;  ///< values in one container, shared parts counted each time
constexpr int kMaxDepth = 300;             ///< containers within containers (request bodies nest to 256)
constexpr int64_t kMaxRange = 100'000;     ///< as Jinja's sandbox

/// The values of one render: makes them, owns them, and holds their memory and the work done on them within a
/// budget. REQUIRES: outlives every value it made.
class Heap {
 public:
  explicit Heap(Budget budget = {}) : budget_(budget) {}
  Heap(const Heap&) = delete;

  /// Counts work about to be done. Throws Error when the budget of the render is spent.
  void work(size_t steps);

  Value string(MarkedText text);
  Value string(std::string_view bytes, bool trusted = true);
  Value list(std::vector<Value> items);
  Value tuple(std::vector<Value> items);
  /// Of equal keys the first position and the last value count. Throws Error on a key that cannot be hashed.
  Value dict(std::vector<std::pair<Value, Value>> items);
  Namespace* make_namespace();
  void set_attribute(Namespace& target, std::string_view name, Value value);
  Value undefined(std::string reason);
  Value function(Function function);
  Loop* make_loop(Loop loop);

  /// Strings of the document become text of the given trust; an integer beyond 64 bits becomes a float.
  Value from_json(const Json& json, bool trusted);

 private:
  void charge(size_t bytes);
  String make_text(MarkedText text);
  Value make_list(std::vector<Value> items, bool tuple);

  const Budget budget_;
  size_t steps_ = 0;
  size_t memory_ = 0;
  std::deque<List> lists_;
  std::deque<Dict> dicts_;
  std::deque<Namespace> namespaces_;
  std::deque<Function> functions_;
  std::deque<Loop> loops_;
};

/// A string that belongs to no render: a constant of a template.
String constant(std::string bytes);

}  // namespace dure::jinja
