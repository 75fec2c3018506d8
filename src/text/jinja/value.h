#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "text/marked_text.h"

namespace dure::jinja {

struct List;
struct Dict;
struct Namespace;
struct Loop;
struct Function;
struct Args;
struct Macro;
struct For;
struct Scope;
class Runtime;

using String = std::shared_ptr<const MarkedText>;

/// The result of looking up what is not there. It prints as nothing; using it further is an error that says `reason`.
struct Undefined {
  String reason;
};
struct None {};

/// A template's value. Numbers, strings and flags are held here; containers are immutable and, as namespaces, loops and
/// functions, belong to the Heap of the render, so that values are cheap to copy and cycles neither leak nor recurse.
class Value {
  using Data = std::variant<Undefined, None, bool, int64_t, double, String, const List*, const Dict*, Namespace*, Loop*,
                            const Function*>;

 public:
  Value() : data_(Undefined{}) {}
  template <class T>
    requires std::is_constructible_v<Data, T>
  Value(T value) : data_(std::move(value)) {}
  Value(int) = delete;          // int64_t or bool: say which
  Value(const char*) = delete;  // strings are made by the Heap

  template <class T>
  const T* as() const {
    return std::get_if<T>(&data_);
  }
  template <class T>
  bool is() const {
    return std::holds_alternative<T>(data_);
  }
  const MarkedText* text() const {
    const String* s = as<String>();
    return s ? s->get() : nullptr;
  }
  const List* list() const {
    const auto* l = as<const List*>();
    return l ? *l : nullptr;
  }
  const Dict* dict() const {
    const auto* d = as<const Dict*>();
    return d ? *d : nullptr;
  }
  bool is_number() const { return is<int64_t>() || is<double>() || is<bool>(); }

 private:
  Data data_;
};

/// A Python list or tuple.
struct List {
  std::vector<Value> items;
  bool tuple = false;
  int depth = 1;      ///< levels of containers, this one included
  size_t weight = 1;  ///< values it would take to write it out; shared parts count each time
};

/// A Python dict: keeps the order of insertion; keys are strings, numbers, None or tuples of these.
struct Dict {
  std::vector<std::pair<Value, Value>> items;
  int depth = 1;
  size_t weight = 1;

  const Value* find(const Value& key) const;
  const Value* find(std::string_view key) const;

  std::unordered_multimap<size_t, uint32_t> index;  ///< hash -> position; empty while the dict is small
};

/// The one value that a template may change.
struct Namespace {
  std::map<std::string, Value, std::less<>> attributes;
};

using Native = Value (*)(Runtime&, const Value& self, const Args&);

/// Something that can be called: a method bound to its object, a global function, or a macro.
struct Function {
  std::string_view name;
  Native native = nullptr;
  Value self = {};
  const Macro* macro = nullptr;
  std::vector<std::pair<std::string_view, Value>> closure = {};  ///< what a macro saw where it was defined
};

/// The variable `loop`.
struct Loop {
  const List* items;
  size_t index = 0;  ///< from 0
  int depth = 0;     ///< from 0
  const For* recursive = nullptr;
  Scope* scope = nullptr;  ///< where the loop stands; null once it has ended
  Value last_changed = {};
  bool changed_before = false;
};

/// The number of values (64 bytes of a string count as one) that an operation on the value may touch.
size_t weight(const Value& value);

/// Python's equality and hash: 1 == 1.0 == True, a list is not a tuple.
bool equal(const Value& a, const Value& b);
size_t hash(const Value& value);

/// Python's name of the type, for messages: "str", "list", ...
std::string_view type_name(const Value& value);

bool truthy(const Value& value);

}  // namespace dure::jinja
