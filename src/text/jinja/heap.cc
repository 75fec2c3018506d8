#include "text/jinja/heap.h"

#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"
#include "text/jinja/runtime.h"

namespace dure::jinja {
namespace {

constexpr size_t kLinearDict = 8;  // up to here a scan is faster than a hash

int depth_of(const Value& value) {
  if (const List* list = value.list()) return list->depth;
  if (const Dict* dict = value.dict()) return dict->depth;
  return 0;
}

/// Takes one more element into a container's depth and weight.
template <class Container>
void include(Container& container, const Value& value) {
  container.depth = std::max(container.depth, depth_of(value) + 1);
  container.weight += weight(value);
  require(container.depth <= kMaxDepth, "containers are nested deeper than {}", kMaxDepth);
  require(container.weight <= kMaxWeight, "a container holds more than {} values", kMaxWeight);
}

}  // namespace

void Heap::work(size_t steps) {
  require(steps <= budget_.work - steps_, "the template takes more than {} steps", budget_.work);
  steps_ += steps;
}

void Heap::charge(size_t bytes) {
  require(bytes <= budget_.memory - memory_, "the template needs more than {} MiB of memory", budget_.memory >> 20);
  memory_ += bytes;
}

String Heap::make_text(MarkedText text) {
  const size_t bytes = sizeof(MarkedText) + text.size();
  work(1 + text.size() / 64);
  charge(bytes);
  return String(new MarkedText(std::move(text)), [this, bytes](const MarkedText* gone) {
    memory_ -= bytes;
    delete gone;
  });
}

Value Heap::string(MarkedText text) { return make_text(std::move(text)); }

Value Heap::string(std::string_view bytes, bool trusted) { return string(MarkedText(std::string(bytes), trusted)); }

Value Heap::make_list(std::vector<Value> items, bool tuple) {
  work(1 + items.size());
  charge(sizeof(List) + items.size() * sizeof(Value));
  List list{.items = std::move(items), .tuple = tuple};
  for (const Value& item : list.items) include(list, item);
  const List* made = &lists_.emplace_back(std::move(list));
  return made;
}

Value Heap::list(std::vector<Value> items) { return make_list(std::move(items), false); }
Value Heap::tuple(std::vector<Value> items) { return make_list(std::move(items), true); }

Value Heap::dict(std::vector<std::pair<Value, Value>> items) {
  work(1 + items.size());
  charge(sizeof(Dict) + items.size() * (2 * sizeof(Value) + 4 * sizeof(size_t)));
  Dict dict;
  dict.items.reserve(items.size());
  for (auto& [key, value] : items) {
    work(weight(key));
    const size_t h = hash(key);  // also refuses keys that have none
    include(dict, key);
    include(dict, value);
    if (const Value* known = dict.find(key)) {
      const_cast<Value&>(*known) = std::move(value);  // the dict is still ours
      continue;
    }
    dict.items.emplace_back(std::move(key), std::move(value));
    if (!dict.index.empty()) {
      dict.index.emplace(h, static_cast<uint32_t>(dict.items.size() - 1));
    } else if (dict.items.size() > kLinearDict) {
      for (size_t i = 0; i < dict.items.size(); ++i)
        dict.index.emplace(hash(dict.items[i].first), static_cast<uint32_t>(i));
    }
  }
  const Dict* made = &dicts_.emplace_back(std::move(dict));
  return made;
}

Namespace* Heap::make_namespace() {
  charge(sizeof(Namespace));
  return &namespaces_.emplace_back();
}

void Heap::set_attribute(Namespace& target, std::string_view name, Value value) {
  auto it = target.attributes.find(name);
  if (it == target.attributes.end()) {
    charge(name.size() + sizeof(Value) + 64);
    it = target.attributes.emplace(name, Value{}).first;
  }
  it->second = std::move(value);
}

Value Heap::undefined(std::string reason) { return Undefined{make_text(MarkedText(std::move(reason), true))}; }

Value Heap::function(Function function) {
  charge(sizeof(Function) + function.closure.size() * (sizeof(Value) + sizeof(std::string_view)));
  const Function* made = &functions_.emplace_back(std::move(function));
  return made;
}

Loop* Heap::make_loop(Loop loop) {
  charge(sizeof(Loop));
  return &loops_.emplace_back(std::move(loop));
}

Value Heap::from_json(const Json& json, bool trusted) {
  const auto text = [&](const std::string& bytes) {
    return is_utf8(bytes) ? string(bytes, trusted) : string(sanitize_utf8(bytes), trusted);
  };
  switch (json.type()) {
    case Json::value_t::null: return None{};
    case Json::value_t::boolean: return json.get<bool>();
    case Json::value_t::number_integer: return json.get<int64_t>();
    case Json::value_t::number_unsigned: {
      const auto number = json.get<uint64_t>();
      if (number > uint64_t{INT64_MAX}) return static_cast<double>(number);
      return static_cast<int64_t>(number);
    }
    case Json::value_t::number_float: return json.get<double>();
    case Json::value_t::string: return text(json.get_ref<const std::string&>());
    case Json::value_t::array: {
      std::vector<Value> items;
      items.reserve(json.size());
      for (const Json& item : json) items.push_back(from_json(item, trusted));
      return list(std::move(items));
    }
    case Json::value_t::object: {
      std::vector<std::pair<Value, Value>> items;
      items.reserve(json.size());
      for (const auto& [key, value] : json.items()) items.emplace_back(text(key), from_json(value, trusted));
      return dict(std::move(items));
    }
    default: fail("binary JSON values have no text");
  }
}

String constant(std::string bytes) { return std::make_shared<const MarkedText>(std::move(bytes), true); }

}  // namespace dure::jinja
