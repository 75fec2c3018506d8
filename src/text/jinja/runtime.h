#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/jinja/heap.h"
#include "text/jinja/value.h"

namespace dure::jinja {

/// The arguments of a call, bound to parameter names.
class Parameters {
 public:
  explicit Parameters(std::vector<std::pair<Value, bool>> slots) : slots_(std::move(slots)) {}
  bool has(size_t i) const { return slots_[i].second; }
  const Value& operator[](size_t i) const { return slots_[i].first; }

  bool flag_or(size_t i, bool fallback) const { return has(i) ? truthy(slots_[i].first) : fallback; }
  /// The integer at i; the fallback if it was left out or is None.
  int64_t integer_or(size_t i, int64_t fallback) const;
  /// The string at i; nullptr if it was left out or is None.
  const MarkedText* text(size_t i) const;

 private:
  std::vector<std::pair<Value, bool>> slots_;
};

struct Args {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;

  /// Binds to the names in order. Throws Error, naming `function`, on unknown, doubled, surplus or missing arguments.
  Parameters bind(std::string_view function, std::initializer_list<std::string_view> names, size_t required = 0) const;
  /// For functions without parameters.
  void expect_none(std::string_view function) const { bind(function, {}); }
};

/// What filters, tests and methods may ask of the interpreter.
class Runtime {
 public:
  Heap& heap() { return heap_; }
  void work(size_t steps) { heap_.work(steps); }

  virtual Value call(const Value& callee, const Args& args) = 0;
  virtual Value recurse(Loop& loop, const Value& items) = 0;
  /// Local time formatted as strftime does.
  virtual std::string local_time(const std::string& format) = 0;

  Value filter(std::string_view name, const Value& input, const Args& args);
  bool test(std::string_view name, const Value& input, const Args& args);

  Value string(std::string_view bytes) { return heap_.string(bytes); }
  Value string(MarkedText text) { return heap_.string(std::move(text)); }

 protected:
  explicit Runtime(Budget budget) : heap_(budget) {}
  ~Runtime() = default;
  Heap heap_;
};

/// Tables of the language's own names; nullptr if there is no such name.
Native find_filter(std::string_view name);
Native find_text_filter(std::string_view name);
Native find_sequence_filter(std::string_view name);
Native find_test(std::string_view name);
Native find_global(std::string_view name);
Native find_string_method(std::string_view name);
Native find_dict_method(std::string_view name);
Native find_list_method(std::string_view name);

/// A method of the value's type; nullptr if there is none.
Native find_method(const Value& object, std::string_view name);
/// `object.name`: a method or attribute first, then an item, as Jinja does.
Value get_attribute(Runtime&, const Value& object, std::string_view name);
/// `object[key]`: an item first.
Value get_item(Runtime&, const Value& object, const Value& key);
/// `object[start:stop:step]`; an undefined bound was left out.
Value get_slice(Runtime&, const Value& object, const Value& start, const Value& stop, const Value& step);

/// What Python's iteration yields: items, characters of a string, keys of a dict; nothing of an undefined value.
/// Throws Error if the value cannot be iterated.
std::vector<Value> iterate(Runtime&, const Value& value);

/// Throws Error if the value is undefined, with the reason.
void require_defined(const Value& value);

}  // namespace dure::jinja
