#include "text/jinja/value.h"

#include <cmath>
#include <functional>

#include "base/error.h"
#include "text/jinja/runtime.h"

namespace dure::jinja {
namespace {

double number(const Value& value) {
  if (const auto* b = value.as<bool>()) return *b;
  if (const auto* i = value.as<int64_t>()) return static_cast<double>(*i);
  return *value.as<double>();
}

size_t hash_text(std::string_view text) { return std::hash<std::string_view>()(text); }

template <class Same>
const Value* find_item(const Dict& dict, size_t hash_of_key, Same same) {
  if (dict.index.empty()) {
    for (const auto& [key, value] : dict.items)
      if (same(key)) return &value;
    return nullptr;
  }
  const auto [begin, end] = dict.index.equal_range(hash_of_key);
  for (auto it = begin; it != end; ++it)
    if (same(dict.items[it->second].first)) return &dict.items[it->second].second;
  return nullptr;
}

}  // namespace

const Value* Dict::find(const Value& key) const {
  return find_item(*this, index.empty() ? 0 : hash(key), [&](const Value& k) { return equal(k, key); });
}

const Value* Dict::find(std::string_view key) const {
  return find_item(*this, index.empty() ? 0 : hash_text(key),
                   [&](const Value& k) { return k.text() && k.text()->bytes() == key; });
}

size_t weight(const Value& value) {
  if (const MarkedText* text = value.text()) return 1 + text->size() / 64;
  if (const List* list = value.list()) return list->weight;
  if (const Dict* dict = value.dict()) return dict->weight;
  return 1;
}

bool equal(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) {
    const auto *i = a.as<int64_t>(), *j = b.as<int64_t>();
    return i && j ? *i == *j : number(a) == number(b);
  }
  if (a.text() && b.text()) return a.text()->bytes() == b.text()->bytes();
  if (const List *x = a.list(), *y = b.list(); x && y) {
    if (x->tuple != y->tuple || x->items.size() != y->items.size()) return false;
    for (size_t i = 0; i < x->items.size(); ++i)
      if (!equal(x->items[i], y->items[i])) return false;
    return true;
  }
  if (const Dict *x = a.dict(), *y = b.dict(); x && y) {
    if (x->items.size() != y->items.size()) return false;
    for (const auto& [key, value] : x->items) {
      const Value* other = y->find(key);
      if (!other || !equal(value, *other)) return false;
    }
    return true;
  }
  if (a.is<None>()) return b.is<None>();
  if (a.is<Undefined>()) return b.is<Undefined>();
  if (const auto *x = a.as<Namespace*>(), *y = b.as<Namespace*>(); x && y) return *x == *y;
  if (const auto *x = a.as<Loop*>(), *y = b.as<Loop*>(); x && y) return *x == *y;
  if (const auto *x = a.as<const Function*>(), *y = b.as<const Function*>(); x && y) return *x == *y;
  return false;
}

size_t hash(const Value& value) {
  if (value.is_number()) return std::hash<double>()(number(value));
  if (const MarkedText* text = value.text()) return hash_text(text->bytes());
  if (const List* list = value.list(); list && list->tuple) {
    size_t h = list->items.size();
    for (const Value& item : list->items) h = h * 31 + hash(item);
    return h;
  }
  require(!value.list() && !value.dict(), "unhashable type: '{}'", type_name(value));
  return 0;
}

std::string_view type_name(const Value& value) {
  if (value.is<None>()) return "NoneType";
  if (value.is<bool>()) return "bool";
  if (value.is<int64_t>()) return "int";
  if (value.is<double>()) return "float";
  if (value.text()) return "str";
  if (const List* list = value.list()) return list->tuple ? "tuple" : "list";
  if (value.dict()) return "dict";
  if (value.is<Namespace*>()) return "Namespace";
  if (value.is<Loop*>()) return "LoopContext";
  if (value.is<const Function*>()) return "function";
  return "Undefined";
}

bool truthy(const Value& value) {
  if (value.is_number()) return number(value) != 0;
  if (const MarkedText* text = value.text()) return !text->empty();
  if (const List* list = value.list()) return !list->items.empty();
  if (const Dict* dict = value.dict()) return !dict->items.empty();
  return !value.is<None>() && !value.is<Undefined>();
}

}  // namespace dure::jinja
