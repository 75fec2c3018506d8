// Tests (`is ...`) and global functions.

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "text/jinja/characters.h"
#include "text/jinja/operators.h"
#include "text/jinja/print.h"
#include "text/jinja/table.h"

namespace dure::jinja {
namespace {

template <auto holds>
Value simple_test(Runtime&, const Value& input, const Args& args) {
  args.expect_none("the test");
  return holds(input);
}

template <Compare::Op op>
Value comparison_test(Runtime& runtime, const Value& input, const Args& args) {
  const Parameters p = args.bind("the test", {"other"}, 1);
  runtime.work(weight(input) + weight(p[0]));
  return holds(op, input, p[0]);
}

bool is_defined(const Value& v) { return !v.is<Undefined>(); }
bool is_undefined(const Value& v) { return v.is<Undefined>(); }
bool is_none(const Value& v) { return v.is<None>(); }
bool is_boolean(const Value& v) { return v.is<bool>(); }
bool is_true(const Value& v) { return v.is<bool>() && *v.as<bool>(); }
bool is_false(const Value& v) { return v.is<bool>() && !*v.as<bool>(); }
bool is_integer(const Value& v) { return v.is<int64_t>(); }
bool is_float(const Value& v) { return v.is<double>(); }
bool is_number(const Value& v) { return v.is_number(); }
bool is_string(const Value& v) { return v.text() != nullptr; }
bool is_mapping(const Value& v) { return v.dict() != nullptr; }
bool is_iterable(const Value& v) { return v.text() || v.list() || v.dict() || v.is<Undefined>(); }
bool is_sequence(const Value& v) { return v.text() || v.list() || v.dict() || v.is<Undefined>(); }
bool is_callable(const Value& v) { return v.is<const Function*>(); }
bool is_escaped(const Value&) { return false; }

bool divides(const Value& v, int64_t n) {
  require_defined(v);
  require(n != 0, "division by zero");
  if (const int64_t* i = v.as<int64_t>()) return n == -1 || *i % n == 0;
  return std::fmod(to_double(v), static_cast<double>(n)) == 0;
}
bool is_even(const Value& v) { return divides(v, 2); }
bool is_odd(const Value& v) { return !divides(v, 2); }

template <auto wanted, auto unwanted>
bool has_case(const Value& v) {
  const std::string text = to_text(v).bytes();
  bool some = false;
  for (size_t at = 0; at < text.size();) {
    const char32_t c = next_utf8(text, at);
    if (unwanted(c)) return false;
    some = some || wanted(c);
  }
  return some;
}

Value divisible_by(Runtime&, const Value& input, const Args& args) {
  return divides(input, args.bind("divisibleby", {"num"}, 1).integer_or(0, 0));
}

Value same_as(Runtime& runtime, const Value& input, const Args& args) {
  const Parameters p = args.bind("sameas", {"other"}, 1);
  if (input.list() || p[0].list()) return input.list() == p[0].list();
  if (input.dict() || p[0].dict()) return input.dict() == p[0].dict();
  runtime.work(weight(input));
  return type_name(input) == type_name(p[0]) && equal(input, p[0]);
}

Value is_filter(Runtime&, const Value& input, const Args& args) {
  args.expect_none("filter");
  return input.text() && find_filter(input.text()->bytes()) != nullptr;
}

Value is_test(Runtime&, const Value& input, const Args& args) {
  args.expect_none("test");
  return input.text() && find_test(input.text()->bytes()) != nullptr;
}

constexpr NamedNative kTests[] = {
    {"defined", simple_test<is_defined>},
    {"undefined", simple_test<is_undefined>},
    {"none", simple_test<is_none>},
    {"boolean", simple_test<is_boolean>},
    {"true", simple_test<is_true>},
    {"false", simple_test<is_false>},
    {"integer", simple_test<is_integer>},
    {"float", simple_test<is_float>},
    {"number", simple_test<is_number>},
    {"string", simple_test<is_string>},
    {"mapping", simple_test<is_mapping>},
    {"iterable", simple_test<is_iterable>},
    {"sequence", simple_test<is_sequence>},
    {"callable", simple_test<is_callable>},
    {"escaped", simple_test<is_escaped>},
    {"even", simple_test<is_even>},
    {"odd", simple_test<is_odd>},
    {"upper", simple_test<has_case<is_upper, is_lower>>},
    {"lower", simple_test<has_case<is_lower, is_upper>>},
    {"divisibleby", divisible_by},
    {"sameas", same_as},
    {"filter", is_filter},
    {"test", is_test},
    {"in", comparison_test<Compare::kIn>},
    {"eq", comparison_test<Compare::kEqual>},
    {"equalto", comparison_test<Compare::kEqual>},
    {"==", comparison_test<Compare::kEqual>},
    {"ne", comparison_test<Compare::kNotEqual>},
    {"!=", comparison_test<Compare::kNotEqual>},
    {"lt", comparison_test<Compare::kLess>},
    {"lessthan", comparison_test<Compare::kLess>},
    {"<", comparison_test<Compare::kLess>},
    {"le", comparison_test<Compare::kLessEqual>},
    {"<=", comparison_test<Compare::kLessEqual>},
    {"gt", comparison_test<Compare::kGreater>},
    {"greaterthan", comparison_test<Compare::kGreater>},
    {">", comparison_test<Compare::kGreater>},
    {"ge", comparison_test<Compare::kGreaterEqual>},
    {">=", comparison_test<Compare::kGreaterEqual>},
};

Value range(Runtime& runtime, const Value&, const Args& args) {
  const Parameters p = args.bind("range", {"start", "stop", "step"}, 1);
  const int64_t start = p.has(1) ? p.integer_or(0, 0) : 0, stop = p.integer_or(p.has(1) ? 1 : 0, 0);
  const int64_t step = p.integer_or(2, 1);
  require(step != 0, "range: step must not be zero");
  const double span = (static_cast<double>(stop) - static_cast<double>(start)) / static_cast<double>(step);
  require(span <= static_cast<double>(kMaxRange), "range has more than {} items", kMaxRange);
  std::vector<Value> items;
  for (int64_t i = start; step > 0 ? i < stop : i > stop;) {
    items.push_back(i);
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  return runtime.heap().list(std::move(items));
}

std::vector<std::pair<Value, Value>> named_items(Runtime& runtime, std::string_view function, const Args& args) {
  std::vector<std::pair<Value, Value>> items;
  require(args.positional.size() <= 1, "{} takes one positional argument", function);
  if (!args.positional.empty()) {
    require_defined(args.positional[0]);
    if (const Dict* dict = args.positional[0].dict()) {
      items = dict->items;
    } else {
      for (const Value& pair : iterate(runtime, args.positional[0])) {
        require(pair.list() && pair.list()->items.size() == 2, "{} needs a mapping or pairs", function);
        items.emplace_back(pair.list()->items[0], pair.list()->items[1]);
      }
    }
  }
  for (const auto& [name, value] : args.named) items.emplace_back(runtime.string(name), value);
  return items;
}

Value make_dict(Runtime& runtime, const Value&, const Args& args) {
  return runtime.heap().dict(named_items(runtime, "dict", args));
}

Value make_namespace(Runtime& runtime, const Value&, const Args& args) {
  Namespace* space = runtime.heap().make_namespace();
  for (auto& [key, value] : named_items(runtime, "namespace", args)) {
    require(key.text() != nullptr, "namespace: attributes are named by strings");
    runtime.heap().set_attribute(*space, key.text()->bytes(), std::move(value));
  }
  return space;
}

Value raise_exception(Runtime&, const Value&, const Args& args) {
  const Parameters p = args.bind("raise_exception", {"message"}, 1);
  fail("{}", to_text(p[0]).bytes());
}

Value strftime_now(Runtime& runtime, const Value&, const Args& args) {
  const Parameters p = args.bind("strftime_now", {"format"}, 1);
  require(p.text(0) != nullptr, "strftime_now needs a format");
  return runtime.string(runtime.local_time(p.text(0)->bytes()));
}

constexpr NamedNative kGlobals[] = {
    {"range", range},
    {"dict", make_dict},
    {"namespace", make_namespace},
    {"raise_exception", raise_exception},
    {"strftime_now", strftime_now},
};

}  // namespace

Native find_test(std::string_view name) { return look_up(kTests, name); }
Native find_global(std::string_view name) { return look_up(kGlobals, name); }

}  // namespace dure::jinja
