// Attributes, items, slices, iteration and the binding of arguments.

#include <algorithm>

#include "base/error.h"
#include "base/utf8.h"
#include "text/jinja/characters.h"
#include "text/jinja/runtime.h"

namespace dure::jinja {
namespace {

constexpr int64_t kLeftOut = INT64_MIN;

Value loop_cycle(Runtime&, const Value& self, const Args& args) {
  require(!args.positional.empty(), "no items for cycling given");
  return args.positional[(*self.as<Loop*>())->index % args.positional.size()];
}

Value loop_changed(Runtime& runtime, const Value& self, const Args& args) {
  Loop& loop = **self.as<Loop*>();
  Value now = runtime.heap().tuple(args.positional);
  runtime.work(weight(now));
  if (loop.changed_before && equal(loop.last_changed, now)) return false;
  loop.changed_before = true;
  loop.last_changed = std::move(now);
  return true;
}

Value loop_attribute(Runtime& runtime, const Value& self, std::string_view name) {
  const Loop& loop = **self.as<Loop*>();
  const auto& items = loop.items->items;
  const auto number = [](size_t n) { return Value(static_cast<int64_t>(n)); };
  if (name == "index") return number(loop.index + 1);
  if (name == "index0") return number(loop.index);
  if (name == "revindex") return number(items.size() - loop.index);
  if (name == "revindex0") return number(items.size() - loop.index - 1);
  if (name == "first") return loop.index == 0;
  if (name == "last") return loop.index + 1 == items.size();
  if (name == "length") return number(items.size());
  if (name == "depth") return Value(int64_t{loop.depth} + 1);
  if (name == "depth0") return Value(int64_t{loop.depth});
  if (name == "previtem")
    return loop.index > 0 ? items[loop.index - 1] : runtime.heap().undefined("there is no previous item");
  if (name == "nextitem")
    return loop.index + 1 < items.size() ? items[loop.index + 1] : runtime.heap().undefined("there is no next item");
  if (name == "cycle") return runtime.heap().function({.name = "cycle", .native = loop_cycle, .self = self});
  if (name == "changed") return runtime.heap().function({.name = "changed", .native = loop_changed, .self = self});
  return runtime.heap().undefined(fmt::format("'loop' has no attribute {}", quote(name)));
}

Value missing(Runtime& runtime, const Value& object, std::string_view name) {
  return runtime.heap().undefined(fmt::format("'{}' object has no attribute {}", type_name(object), quote(name)));
}

/// The position that a Python index means, or none.
bool resolve_index(int64_t index, size_t size, size_t& position) {
  const auto n = static_cast<int64_t>(size);
  if (index < -n || index >= n) return false;
  position = static_cast<size_t>(index < 0 ? index + n : index);
  return true;
}

int64_t slice_bound(const Value& bound) {
  if (bound.is<None>()) return kLeftOut;
  if (const int64_t* i = bound.as<int64_t>()) return std::max(*i, -INT64_MAX);
  if (const bool* b = bound.as<bool>()) return *b;
  require_defined(bound);
  fail("slice indices must be integers, not '{}'", type_name(bound));
}

/// The positions a slice visits: begin, begin + step, ... count times.
struct Range {
  int64_t begin, step;
  size_t count;
};

Range slice_range(int64_t start, int64_t stop, int64_t step, size_t size) {
  const auto n = static_cast<int64_t>(size);
  if (step == kLeftOut) step = 1;
  require(step != 0, "slice step cannot be zero");
  step = std::clamp(step, -n - 1, n + 1);
  const int64_t low = step > 0 ? 0 : -1, high = step > 0 ? n : n - 1;
  const auto place = [&](int64_t bound, int64_t fallback) {
    if (bound == kLeftOut) return fallback;
    return std::clamp(bound < 0 ? bound + n : bound, low, high);
  };
  const int64_t begin = place(start, step > 0 ? low : high), end = place(stop, step > 0 ? high : low);
  const int64_t span = step > 0 ? end - begin : begin - end;
  const int64_t stride = std::abs(step);
  return {begin, step, span <= 0 ? 0 : static_cast<size_t>((span + stride - 1) / stride)};
}

MarkedText slice_text(const MarkedText& text, int64_t start, int64_t stop, int64_t step) {
  const std::string& bytes = text.bytes();
  std::vector<uint32_t> offsets;  // of every character, and the end
  for (size_t at = 0; at < bytes.size();) {
    offsets.push_back(static_cast<uint32_t>(at));
    next_utf8(bytes, at);
  }
  offsets.push_back(static_cast<uint32_t>(bytes.size()));
  const Range range = slice_range(start, stop, step, offsets.size() - 1);
  if (range.step == 1) {
    const size_t begin = static_cast<size_t>(range.begin);
    return text.slice(offsets[begin], offsets[begin + range.count]);
  }
  MarkedText out;
  for (size_t i = 0; i < range.count; ++i) {
    const size_t at = static_cast<size_t>(range.begin + static_cast<int64_t>(i) * range.step);
    out.append(text, offsets[at], offsets[at + 1]);
  }
  return out;
}

}  // namespace

void require_defined(const Value& value) {
  if (const Undefined* undefined = value.as<Undefined>())
    fail("{}", undefined->reason ? undefined->reason->bytes() : std::string("the value is undefined"));
}

Native find_method(const Value& object, std::string_view name) {
  if (object.text()) return find_string_method(name);
  if (object.dict()) return find_dict_method(name);
  if (object.list()) return find_list_method(name);
  return nullptr;
}

Value get_attribute(Runtime& runtime, const Value& object, std::string_view name) {
  require_defined(object);
  if (const Native method = find_method(object, name))
    return runtime.heap().function({.name = "method", .native = method, .self = object});
  if (object.is<Loop*>()) return loop_attribute(runtime, object, name);
  if (const auto* space = object.as<Namespace*>()) {
    const auto it = (*space)->attributes.find(name);
    return it == (*space)->attributes.end() ? missing(runtime, object, name) : it->second;
  }
  if (const Dict* dict = object.dict())
    if (const Value* item = dict->find(name)) return *item;
  if (const auto* function = object.as<const Function*>(); function && name == "name")
    return runtime.string((*function)->name);
  return missing(runtime, object, name);
}

Value get_item(Runtime& runtime, const Value& object, const Value& key) {
  require_defined(object);
  runtime.work(weight(key));
  int64_t index = 0;
  const bool number = key.is<int64_t>() || key.is<bool>();
  if (number) index = key.is<bool>() ? *key.as<bool>() : *key.as<int64_t>();
  if (const Dict* dict = object.dict()) {
    if (const Value* item = dict->find(key)) return *item;
  } else if (const List* list = object.list(); list && number) {
    size_t position;
    if (resolve_index(index, list->items.size(), position)) return list->items[position];
    return runtime.heap().undefined(fmt::format("{} has no item {}", type_name(object), index));
  } else if (const MarkedText* text = object.text(); text && number) {
    const std::string& bytes = text->bytes();
    runtime.work(weight(object));
    size_t position;
    if (!resolve_index(index, count_characters(bytes), position))
      return runtime.heap().undefined(fmt::format("str has no item {}", index));
    const size_t begin = byte_offset(bytes, position);
    size_t end = begin;
    next_utf8(bytes, end);
    return runtime.string(text->slice(begin, end));
  }
  if (const MarkedText* name = key.text()) return get_attribute(runtime, object, name->bytes());
  return missing(runtime, object, "[]");
}

Value get_slice(Runtime& runtime, const Value& object, const Value& start, const Value& stop, const Value& step) {
  require_defined(object);
  runtime.work(weight(object));
  const int64_t from = slice_bound(start), to = slice_bound(stop), by = slice_bound(step);
  if (const MarkedText* text = object.text()) return runtime.string(slice_text(*text, from, to, by));
  const List* list = object.list();
  require(list != nullptr, "'{}' cannot be sliced", type_name(object));
  const Range range = slice_range(from, to, by, list->items.size());
  std::vector<Value> items;
  items.reserve(range.count);
  for (size_t i = 0; i < range.count; ++i)
    items.push_back(list->items[static_cast<size_t>(range.begin + static_cast<int64_t>(i) * range.step)]);
  return list->tuple ? runtime.heap().tuple(std::move(items)) : runtime.heap().list(std::move(items));
}

std::vector<Value> iterate(Runtime& runtime, const Value& value) {
  if (const List* list = value.list()) {
    runtime.work(list->items.size());
    return list->items;
  }
  std::vector<Value> items;
  if (const Dict* dict = value.dict()) {
    runtime.work(dict->items.size());
    for (const auto& [key, item] : dict->items) items.push_back(key);
  } else if (const MarkedText* text = value.text()) {
    for (size_t at = 0; at < text->size();) {
      const size_t begin = at;
      next_utf8(text->bytes(), at);
      items.push_back(runtime.string(text->slice(begin, at)));
    }
  } else {
    require(value.is<Undefined>(), "'{}' object is not iterable", type_name(value));
  }
  return items;
}

int64_t Parameters::integer_or(size_t i, int64_t fallback) const {
  if (!has(i) || slots_[i].first.is<None>()) return fallback;
  if (const int64_t* n = slots_[i].first.as<int64_t>()) return *n;
  if (const bool* b = slots_[i].first.as<bool>()) return *b;
  require_defined(slots_[i].first);
  fail("expected an integer, got '{}'", type_name(slots_[i].first));
}

const MarkedText* Parameters::text(size_t i) const {
  if (!has(i) || slots_[i].first.is<None>()) return nullptr;
  require_defined(slots_[i].first);
  require(slots_[i].first.text() != nullptr, "expected a string, got '{}'", type_name(slots_[i].first));
  return slots_[i].first.text();
}

Parameters Args::bind(std::string_view function, std::initializer_list<std::string_view> names, size_t required) const {
  require(positional.size() <= names.size(), "{} takes at most {} arguments, got {}", function, names.size(),
          positional.size());
  std::vector<std::pair<Value, bool>> slots(names.size());
  for (size_t i = 0; i < positional.size(); ++i) slots[i] = {positional[i], true};
  for (const auto& [name, value] : named) {
    const size_t i = static_cast<size_t>(std::find(names.begin(), names.end(), name) - names.begin());
    require(i < names.size(), "{} has no parameter {}", function, quote(name));
    require(!slots[i].second, "{} got two values for '{}'", function, name);
    slots[i] = {value, true};
  }
  for (size_t i = 0; i < required; ++i)
    require(slots[i].second, "{} needs the argument '{}'", function, *(names.begin() + i));
  return Parameters(std::move(slots));
}

}  // namespace dure::jinja
