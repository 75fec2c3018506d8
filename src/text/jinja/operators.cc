#include "text/jinja/operators.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "text/jinja/print.h"

namespace dure::jinja {
namespace {

/// bool counts as int, as in Python.
std::optional<int64_t> integer(const Value& value) {
  if (const bool* b = value.as<bool>()) return *b;
  if (const int64_t* i = value.as<int64_t>()) return *i;
  return std::nullopt;
}

[[noreturn]] void mismatch(std::string_view op, const Value& a, const Value& b) {
  require_defined(a);
  require_defined(b);
  fail("unsupported operand types for {}: '{}' and '{}'", op, type_name(a), type_name(b));
}

[[noreturn]] void overflow() { fail("an integer does not fit 64 bits"); }

/// Applies an integer operation to two integers, the float one to other numbers.
template <class Integers, class Floats>
Value arithmetic(std::string_view op, const Value& a, const Value& b, Integers integers, Floats floats) {
  if (!a.is_number() || !b.is_number()) mismatch(op, a, b);
  const auto i = integer(a), j = integer(b);
  if (i && j) {
    int64_t result = 0;
    if (!integers(*i, *j, result)) overflow();
    return result;
  }
  return static_cast<double>(floats(to_double(a), to_double(b)));
}

Value repeat(Runtime& runtime, const Value& sequence, int64_t times) {
  const size_t n = static_cast<size_t>(std::max<int64_t>(times, 0));
  if (const MarkedText* text = sequence.text()) {
    require(text->empty() || n <= MarkedText::kMaxBytes / text->size(), "a repeated string is too long");
    MarkedText out;
    if (!text->empty())
      for (size_t i = 0; i < n; ++i) out.append(*text);
    return runtime.string(std::move(out));
  }
  const List& list = *sequence.list();
  require(list.items.empty() || n <= kMaxWeight / list.items.size(), "a repeated list is too long");
  runtime.work(list.items.size() * n);
  std::vector<Value> items;
  if (!list.items.empty())
    for (size_t i = 0; i < n; ++i) items.insert(items.end(), list.items.begin(), list.items.end());
  return list.tuple ? runtime.heap().tuple(std::move(items)) : runtime.heap().list(std::move(items));
}

int64_t floor_quotient(int64_t a, int64_t b) {
  const int64_t q = a / b;
  return q - ((a % b != 0 && (a < 0) != (b < 0)) ? 1 : 0);
}

double floor_remainder(double a, double b) {
  const double r = std::fmod(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

void require_divisor(const Value& b) { require(to_double(b) != 0, "division by zero"); }

int sign(auto a, auto b) { return a < b ? -1 : a > b ? 1 : 0; }

}  // namespace

double to_double(const Value& value) {
  if (const auto i = integer(value)) return static_cast<double>(*i);
  if (const double* d = value.as<double>()) return *d;
  require_defined(value);
  fail("expected a number, got '{}'", type_name(value));
}

Value negate(const Value& operand) {
  if (const auto i = integer(operand)) {
    if (*i == INT64_MIN) overflow();
    return -*i;
  }
  return -to_double(operand);
}

Value add(Runtime& runtime, const Value& a, const Value& b) {
  if (a.text() && b.text()) {
    MarkedText out = *a.text();
    out.append(*b.text());
    return runtime.string(std::move(out));
  }
  if (const List *x = a.list(), *y = b.list(); x && y && x->tuple == y->tuple) {
    runtime.work(x->items.size() + y->items.size());
    std::vector<Value> items = x->items;
    items.insert(items.end(), y->items.begin(), y->items.end());
    return x->tuple ? runtime.heap().tuple(std::move(items)) : runtime.heap().list(std::move(items));
  }
  return arithmetic(
      "+", a, b, [](int64_t x, int64_t y, int64_t& r) { return !__builtin_add_overflow(x, y, &r); }, std::plus<>());
}

Value subtract(const Value& a, const Value& b) {
  return arithmetic(
      "-", a, b, [](int64_t x, int64_t y, int64_t& r) { return !__builtin_sub_overflow(x, y, &r); }, std::minus<>());
}

Value multiply(Runtime& runtime, const Value& a, const Value& b) {
  if ((a.text() || a.list()) && integer(b)) return repeat(runtime, a, *integer(b));
  if ((b.text() || b.list()) && integer(a)) return repeat(runtime, b, *integer(a));
  return arithmetic(
      "*", a, b, [](int64_t x, int64_t y, int64_t& r) { return !__builtin_mul_overflow(x, y, &r); },
      std::multiplies<>());
}

Value divide(const Value& a, const Value& b) {
  if (!a.is_number() || !b.is_number()) mismatch("/", a, b);
  require_divisor(b);
  return to_double(a) / to_double(b);
}

Value floor_divide(const Value& a, const Value& b) {
  if (!a.is_number() || !b.is_number()) mismatch("//", a, b);
  require_divisor(b);
  return arithmetic(
      "//", a, b,
      [](int64_t x, int64_t y, int64_t& r) {
        if (x == INT64_MIN && y == -1) return false;
        r = floor_quotient(x, y);
        return true;
      },
      [](double x, double y) { return std::floor(x / y); });
}

Value modulo(Runtime& runtime, const Value& a, const Value& b) {
  if (a.text()) return runtime.string(format_percent(runtime, *a.text(), b));
  if (!a.is_number() || !b.is_number()) mismatch("%", a, b);
  require_divisor(b);
  return arithmetic(
      "%", a, b,
      [](int64_t x, int64_t y, int64_t& r) {
        r = y == -1 ? 0 : x - floor_quotient(x, y) * y;
        return true;
      },
      floor_remainder);
}

Value power(const Value& a, const Value& b) {
  if (!a.is_number() || !b.is_number()) mismatch("**", a, b);
  const auto base = integer(a), exponent = integer(b);
  if (!base || !exponent || *exponent < 0) {
    require(to_double(a) != 0 || to_double(b) >= 0, "0.0 cannot be raised to a negative power");
    return std::pow(to_double(a), to_double(b));
  }
  int64_t result = 1, square = *base;
  for (int64_t left = *exponent; left > 0; left >>= 1) {
    if ((left & 1) && __builtin_mul_overflow(result, square, &result)) overflow();
    if (left > 1 && __builtin_mul_overflow(square, square, &square)) overflow();
  }
  return result;
}

Value concat(Runtime& runtime, const Value& a, const Value& b) {
  runtime.work(weight(a) + weight(b));
  MarkedText out = to_text(a);
  out.append(to_text(b));
  return runtime.string(std::move(out));
}

int compare(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) {
    const auto i = integer(a), j = integer(b);
    return i && j ? sign(*i, *j) : sign(to_double(a), to_double(b));
  }
  if (a.text() && b.text()) return a.text()->bytes().compare(b.text()->bytes());  // UTF-8 orders as code points do
  if (const List *x = a.list(), *y = b.list(); x && y && x->tuple == y->tuple) {
    for (size_t i = 0; i < std::min(x->items.size(), y->items.size()); ++i)
      if (!equal(x->items[i], y->items[i])) return compare(x->items[i], y->items[i]);
    return sign(x->items.size(), y->items.size());
  }
  require_defined(a);
  require_defined(b);
  fail("'<' is not supported between '{}' and '{}'", type_name(a), type_name(b));
}

bool contains(const Value& container, const Value& item) {
  if (const MarkedText* text = container.text()) {
    require(item.text() != nullptr, "'in <string>' requires string as left operand, not {}", type_name(item));
    return text->bytes().find(item.text()->bytes()) != std::string::npos;
  }
  if (const List* list = container.list())
    return std::any_of(list->items.begin(), list->items.end(), [&](const Value& v) { return equal(v, item); });
  if (const Dict* dict = container.dict()) return dict->find(item) != nullptr;
  if (container.is<Undefined>()) return false;
  fail("argument of type '{}' is not iterable", type_name(container));
}

bool holds(Compare::Op op, const Value& a, const Value& b) {
  switch (op) {
    case Compare::kEqual: return equal(a, b);
    case Compare::kNotEqual: return !equal(a, b);
    case Compare::kLess: return compare(a, b) < 0;
    case Compare::kLessEqual: return compare(a, b) <= 0;
    case Compare::kGreater: return compare(a, b) > 0;
    case Compare::kGreaterEqual: return compare(a, b) >= 0;
    case Compare::kIn: return contains(b, a);
    case Compare::kNotIn: return !contains(b, a);
  }
  return false;
}

}  // namespace dure::jinja
