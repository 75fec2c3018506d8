// Filters on lists, dicts and strings as sequences.

#include <algorithm>

#include "base/error.h"
#include "base/utf8.h"
#include "text/jinja/characters.h"
#include "text/jinja/operators.h"
#include "text/jinja/print.h"
#include "text/jinja/table.h"

namespace dure::jinja {
namespace {

/// Follows a path such as "function.name" or "0.id" from an item.
class AttributePath {
 public:
  AttributePath(Runtime& runtime, const Value& path) : runtime_(runtime) {
    if (path.is<int64_t>()) {
      parts_.push_back(path);
      return;
    }
    require(path.text() != nullptr, "an attribute must be a string or an integer, not '{}'", type_name(path));
    std::string_view rest = path.text()->bytes();
    while (true) {
      const size_t dot = std::min(rest.find('.'), rest.size());
      const std::string_view part = rest.substr(0, dot);
      const bool number = !part.empty() && part.size() < 18 && part.find_first_not_of("0123456789") == part.npos;
      parts_.push_back(number ? Value(int64_t{std::stoll(std::string(part))}) : runtime.string(part));
      if (dot == rest.size()) break;
      rest.remove_prefix(dot + 1);
    }
  }

  Value of(Value item) const {
    for (const Value& part : parts_) item = get_item(runtime_, item, part);
    return item;
  }

 private:
  Runtime& runtime_;
  std::vector<Value> parts_;
};

/// What sort, unique, min, max and groupby compare: the item or its attribute, strings in lower case unless asked not
/// to.
std::vector<Value> sort_keys(Runtime& runtime, const std::vector<Value>& items, const Value* attribute,
                             bool case_sensitive) {
  std::vector<Value> keys;
  const auto fold = [&](Value key) {
    runtime.work(weight(key));
    return key.text() && !case_sensitive ? runtime.string(map_pieces(*key.text(), lower)) : key;
  };
  if (!attribute) {
    for (const Value& item : items) keys.push_back(fold(item));
    return keys;
  }
  std::vector<AttributePath> paths;  // "a,b" sorts by a, then by b
  if (attribute->text()) {
    std::string_view rest = attribute->text()->bytes();
    while (true) {
      const size_t comma = std::min(rest.find(','), rest.size());
      paths.emplace_back(runtime, runtime.string(rest.substr(0, comma)));
      if (comma == rest.size()) break;
      rest.remove_prefix(comma + 1);
    }
  } else {
    paths.emplace_back(runtime, *attribute);
  }
  for (const Value& item : items) {
    std::vector<Value> parts;
    for (const AttributePath& path : paths) parts.push_back(fold(path.of(item)));
    keys.push_back(parts.size() == 1 ? parts[0] : runtime.heap().tuple(std::move(parts)));
  }
  return keys;
}

/// Positions in ascending (or descending) order of the keys; equal keys stay in place.
std::vector<size_t> sorted_order(Runtime& runtime, const std::vector<Value>& keys, bool descending) {
  std::vector<size_t> order(keys.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    runtime.work(std::min(weight(keys[a]), weight(keys[b])));
    return descending ? compare(keys[b], keys[a]) < 0 : compare(keys[a], keys[b]) < 0;
  });
  return order;
}

const Value* optional(const Parameters& p, size_t i) { return p.has(i) && !p[i].is<None>() ? &p[i] : nullptr; }

Value length(Runtime& runtime, const Value& input, const Args& args) {
  args.expect_none("length");
  if (const List* list = input.list()) return integer_value(list->items.size());
  if (const Dict* dict = input.dict()) return integer_value(dict->items.size());
  if (const MarkedText* text = input.text()) {
    runtime.work(weight(input));
    return integer_value(count_characters(text->bytes()));
  }
  require(input.is<Undefined>(), "object of type '{}' has no length", type_name(input));
  return int64_t{0};
}

Value first(Runtime& runtime, const Value& input, const Args& args) {
  args.expect_none("first");
  if (const List* list = input.list(); list && !list->items.empty()) return list->items.front();
  if (input.text() && !input.text()->empty()) return get_item(runtime, input, Value(int64_t{0}));
  const std::vector<Value> items = iterate(runtime, input);
  return items.empty() ? runtime.heap().undefined("no first item, the sequence was empty") : items.front();
}

Value last(Runtime& runtime, const Value& input, const Args& args) {
  args.expect_none("last");
  if (const List* list = input.list(); list && !list->items.empty()) return list->items.back();
  if (input.text() && !input.text()->empty()) return get_item(runtime, input, Value(int64_t{-1}));
  const std::vector<Value> items = iterate(runtime, input);
  return items.empty() ? runtime.heap().undefined("no last item, the sequence was empty") : items.back();
}

Value join(Runtime& runtime, const Value& input, const Args& args) {
  const Parameters p = args.bind("join", {"d", "attribute"});
  runtime.work(weight(input));
  const MarkedText separator = p.has(0) ? to_text(p[0]) : MarkedText();
  const Value* attribute = optional(p, 1);
  MarkedText out;
  for (bool first = true; const Value& item : iterate(runtime, input)) {
    if (!first) out.append(separator);
    first = false;
    out.append(to_text(attribute ? AttributePath(runtime, *attribute).of(item) : item));
  }
  return runtime.string(std::move(out));
}

Value list(Runtime& runtime, const Value& input, const Args& args) {
  args.expect_none("list");
  return runtime.heap().list(iterate(runtime, input));
}

Value reverse(Runtime& runtime, const Value& input, const Args& args) {
  args.expect_none("reverse");
  if (input.text()) return get_slice(runtime, input, None{}, None{}, int64_t{-1});
  std::vector<Value> items = iterate(runtime, input);
  std::reverse(items.begin(), items.end());
  return runtime.heap().list(std::move(items));
}

Value sort(Runtime& runtime, const Value& input, const Args& args) {
  const Parameters p = args.bind("sort", {"reverse", "case_sensitive", "attribute"});
  const std::vector<Value> items = iterate(runtime, input);
  std::vector<Value> out;
  const auto keys = sort_keys(runtime, items, optional(p, 2), p.flag_or(1, false));
  for (const size_t i : sorted_order(runtime, keys, p.flag_or(0, false))) out.push_back(items[i]);
  return runtime.heap().list(std::move(out));
}

Value dict_sort(Runtime& runtime, const Value& input, const Args& args) {
  const Parameters p = args.bind("dictsort", {"case_sensitive", "by", "reverse"});
  require(input.dict() != nullptr, "dictsort needs a mapping, not '{}'", type_name(input));
  const std::string by = p.text(1) ? p.text(1)->bytes() : "key";
  require(by == "key" || by == "value", "dictsort: by must be 'key' or 'value'");
  std::vector<Value> sorted_by, out;
  for (const auto& [key, value] : input.dict()->items) sorted_by.push_back(by == "key" ? key : value);
  const auto keys = sort_keys(runtime, sorted_by, nullptr, p.flag_or(0, false));
  for (const size_t i : sorted_order(runtime, keys, p.flag_or(2, false))) {
    const auto& [key, value] = input.dict()->items[i];
    out.push_back(runtime.heap().tuple({key, value}));
  }
  return runtime.heap().list(std::move(out));
}

Value unique(Runtime& runtime, const Value& input, const Args& args) {
  const Parameters p = args.bind("unique", {"case_sensitive", "attribute"});
  const std::vector<Value> items = iterate(runtime, input);
  const auto keys = sort_keys(runtime, items, optional(p, 1), p.flag_or(0, false));
  std::vector<std::pair<Value, Value>> first_seen;  // key -> its first item
  for (size_t i = items.size(); i-- > 0;) first_seen.emplace_back(keys[i], Value(static_cast<int64_t>(i)));
  const Value seen = runtime.heap().dict(std::move(first_seen));
  std::vector<Value> out;
  for (size_t i = 0; i < items.size(); ++i)
    if (*seen.dict()->find(keys[i])->as<int64_t>() == static_cast<int64_t>(i)) out.push_back(items[i]);
  return runtime.heap().list(std::move(out));
}

template <bool greatest>
Value extreme(Runtime& runtime, const Value& input, const Args& args) {
  const Parameters p = args.bind("min or max", {"case_sensitive", "attribute"});
  const std::vector<Value> items = iterate(runtime, input);
  if (items.empty()) return runtime.heap().undefined("no aggregated item, the sequence was empty");
  const auto keys = sort_keys(runtime, items, optional(p, 1), p.flag_or(0, false));
  size_t best = 0;
  for (size_t i = 1; i < keys.size(); ++i)
    if (greatest ? compare(keys[i], keys[best]) > 0 : compare(keys[i], keys[best]) < 0) best = i;
  return items[best];
}

Value sum(Runtime& runtime, const Value& input, const Args& args) {
  const Parameters p = args.bind("sum", {"attribute", "start"});
  Value total = p.has(1) ? p[1] : Value(int64_t{0});
  const Value* attribute = optional(p, 0);
  for (const Value& item : iterate(runtime, input))
    total = add(runtime, total, attribute ? AttributePath(runtime, *attribute).of(item) : item);
  return total;
}

Value group_by(Runtime& runtime, const Value& input, const Args& args) {
  const Parameters p = args.bind("groupby", {"attribute", "default", "case_sensitive"}, 1);
  const std::vector<Value> items = iterate(runtime, input);
  const AttributePath path(runtime, p[0]);
  std::vector<Value> own;
  for (const Value& item : items) {
    Value value = path.of(item);
    own.push_back(value.is<Undefined>() && p.has(1) ? p[1] : std::move(value));
  }
  const auto keys = sort_keys(runtime, own, nullptr, p.flag_or(2, false));
  std::vector<Value> out, group;
  const auto order = sorted_order(runtime, keys, false);
  for (size_t i = 0; i < order.size(); ++i) {
    group.push_back(items[order[i]]);
    if (i + 1 < order.size() && equal(keys[order[i]], keys[order[i + 1]])) continue;
    const Value name = own[order[i + 1 - group.size()]];
    out.push_back(runtime.heap().tuple({name, runtime.heap().list(std::exchange(group, {}))}));
  }
  return runtime.heap().list(std::move(out));
}

/// The name and the further arguments in args[first...], for filters that apply a filter or a test.
Args rest_of(const Args& args, size_t first) {
  Args rest;
  rest.positional.assign(args.positional.begin() + std::min(first, args.positional.size()), args.positional.end());
  rest.named = args.named;
  return rest;
}

const std::string& name_at(const Args& args, size_t i) {
  require(args.positional[i].text() != nullptr, "expected the name of a filter or test");
  return args.positional[i].text()->bytes();
}

Value map(Runtime& runtime, const Value& input, const Args& args) {
  std::vector<Value> out;
  if (!truthy(input)) return runtime.heap().list({});  // None too, which nothing else iterates
  if (args.positional.empty()) {
    const Parameters p = args.bind("map", {"attribute", "default"}, 1);
    const AttributePath path(runtime, p[0]);
    for (const Value& item : iterate(runtime, input)) {
      Value value = path.of(item);
      out.push_back(value.is<Undefined>() && p.has(1) ? p[1] : std::move(value));
    }
  } else {
    const Args rest = rest_of(args, 1);
    for (const Value& item : iterate(runtime, input)) out.push_back(runtime.filter(name_at(args, 0), item, rest));
  }
  return runtime.heap().list(std::move(out));
}

/// select, reject, selectattr, rejectattr: the items whose (attribute's) test comes out as wanted.
template <bool by_attribute, bool wanted>
Value choose(Runtime& runtime, const Value& input, const Args& args) {
  constexpr size_t kTest = by_attribute ? 1 : 0;
  require(!by_attribute || !args.positional.empty(), "selectattr and rejectattr need an attribute");
  if (!truthy(input)) return runtime.heap().list({});  // None too, which nothing else iterates
  const Args rest = rest_of(args, kTest + 1);
  std::vector<Value> out;
  for (const Value& item : iterate(runtime, input)) {
    const Value value = by_attribute ? AttributePath(runtime, args.positional[0]).of(item) : item;
    const bool holds = args.positional.size() > kTest ? runtime.test(name_at(args, kTest), value, rest) : truthy(value);
    if (holds == wanted) out.push_back(item);
  }
  return runtime.heap().list(std::move(out));
}

Value items(Runtime& runtime, const Value& input, const Args& args) {
  args.expect_none("items");
  if (input.is<Undefined>()) return runtime.heap().list({});
  require(input.dict() != nullptr, "can only get item pairs from a mapping, not '{}'", type_name(input));
  return find_dict_method("items")(runtime, input, {});
}

Value attribute(Runtime& runtime, const Value& input, const Args& args) {
  const Parameters p = args.bind("attr", {"name"}, 1);
  require(p.text(0) != nullptr, "attr needs a name");
  return get_attribute(runtime, input, p.text(0)->bytes());
}

Value batch(Runtime& runtime, const Value& input, const Args& args) {
  const Parameters p = args.bind("batch", {"linecount", "fill_with"}, 1);
  const int64_t size = p.integer_or(0, 0);
  require(size > 0 && size <= kMaxRange, "batch: linecount must be from 1 to {}", kMaxRange);
  std::vector<Value> out, row;
  for (const Value& item : iterate(runtime, input)) {
    row.push_back(item);
    if (row.size() == static_cast<size_t>(size)) out.push_back(runtime.heap().list(std::exchange(row, {})));
  }
  if (!row.empty()) {
    if (optional(p, 1)) row.resize(static_cast<size_t>(size), p[1]);
    out.push_back(runtime.heap().list(std::move(row)));
  }
  return runtime.heap().list(std::move(out));
}

Value slice(Runtime& runtime, const Value& input, const Args& args) {
  const Parameters p = args.bind("slice", {"slices", "fill_with"}, 1);
  const int64_t slices = p.integer_or(0, 0);
  require(slices > 0 && slices <= kMaxRange, "slice: slices must be from 1 to {}", kMaxRange);
  const std::vector<Value> all = iterate(runtime, input);
  const size_t n = static_cast<size_t>(slices), each = all.size() / n, longer = all.size() % n;
  std::vector<Value> out;
  for (size_t i = 0, at = 0; i < n; ++i) {
    const size_t size = each + (i < longer ? 1 : 0);
    std::vector<Value> column(all.begin() + at, all.begin() + at + size);
    at += size;
    if (optional(p, 1) && longer && i >= longer) column.push_back(p[1]);
    out.push_back(runtime.heap().list(std::move(column)));
  }
  return runtime.heap().list(std::move(out));
}

constexpr NamedNative kFilters[] = {
    {"length", length},
    {"count", length},
    {"first", first},
    {"last", last},
    {"join", join},
    {"list", list},
    {"reverse", reverse},
    {"sort", sort},
    {"dictsort", dict_sort},
    {"unique", unique},
    {"min", extreme<false>},
    {"max", extreme<true>},
    {"sum", sum},
    {"groupby", group_by},
    {"map", map},
    {"select", choose<false, true>},
    {"reject", choose<false, false>},
    {"selectattr", choose<true, true>},
    {"rejectattr", choose<true, false>},
    {"items", items},
    {"attr", attribute},
    {"batch", batch},
    {"slice", slice},
};

}  // namespace

Native find_sequence_filter(std::string_view name) { return look_up(kFilters, name); }

}  // namespace dure::jinja
