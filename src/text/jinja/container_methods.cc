// The methods of Python's dict, list and tuple that change nothing. Those that would are refused, as in the sandbox
// that templates are written for.

#include "base/error.h"
#include "text/jinja/table.h"

namespace dure::jinja {
namespace {

Value get(Runtime&, const Value& self, const Args& args) {
  const Parameters p = args.bind("get", {"key", "default"}, 1);
  if (const Value* item = self.dict()->find(p[0])) return *item;
  return p.has(1) ? p[1] : Value(None{});
}

Value keys(Runtime& runtime, const Value& self, const Args& args) {
  args.expect_none("keys");
  return runtime.heap().list(iterate(runtime, self));
}

Value values(Runtime& runtime, const Value& self, const Args& args) {
  args.expect_none("values");
  std::vector<Value> out;
  for (const auto& [key, value] : self.dict()->items) out.push_back(value);
  return runtime.heap().list(std::move(out));
}

Value items(Runtime& runtime, const Value& self, const Args& args) {
  args.expect_none("items");
  std::vector<Value> out;
  for (const auto& [key, value] : self.dict()->items) out.push_back(runtime.heap().tuple({key, value}));
  return runtime.heap().list(std::move(out));
}

Value copy(Runtime&, const Value& self, const Args& args) {
  args.expect_none("copy");
  return self;  // nothing can tell a copy of what never changes
}

Value count(Runtime& runtime, const Value& self, const Args& args) {
  const Parameters p = args.bind("count", {"value"}, 1);
  runtime.work(weight(self));
  int64_t n = 0;
  for (const Value& item : self.list()->items) n += equal(item, p[0]);
  return n;
}

Value index(Runtime& runtime, const Value& self, const Args& args) {
  const Parameters p = args.bind("index", {"value"}, 1);
  runtime.work(weight(self));
  const auto& all = self.list()->items;
  for (size_t i = 0; i < all.size(); ++i)
    if (equal(all[i], p[0])) return integer_value(i);
  fail("the value is not in the list");
}

Value refuse(Runtime&, const Value& self, const Args&) { fail("a template may not change a {}", type_name(self)); }

constexpr NamedNative kDictMethods[] = {
    {"get", get},    {"keys", keys},     {"values", values},     {"items", items},  {"copy", copy},
    {"pop", refuse}, {"update", refuse}, {"setdefault", refuse}, {"clear", refuse}, {"popitem", refuse},
};

constexpr NamedNative kListMethods[] = {
    {"count", count},   {"index", index},    {"copy", copy},   {"append", refuse},
    {"extend", refuse}, {"insert", refuse},  {"pop", refuse},  {"remove", refuse},
    {"clear", refuse},  {"reverse", refuse}, {"sort", refuse},
};

}  // namespace

Native find_dict_method(std::string_view name) { return look_up(kDictMethods, name); }
Native find_list_method(std::string_view name) { return look_up(kListMethods, name); }

}  // namespace dure::jinja
