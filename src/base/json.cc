#include "base/json.h"

#include <cmath>

#include "base/error.h"

namespace dure {
namespace {

constexpr int kMaxDepth = 256;

/// Bounds depth and size of the tree before anything is built: a value costs at least 16 bytes however short its text
/// is, so "[[],[],..." would otherwise grow more than twentyfold.
void check_shape(std::string_view text, std::string_view source) {
  size_t values = 1;
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
      continue;
    }
    if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      ++values;
      require(++depth <= kMaxDepth, "{}: nested deeper than {} at byte {}", source, kMaxDepth, i);
    } else if (c == ']' || c == '}') {
      --depth;
    } else if (c == ',') {
      ++values;
    }
  }
  const size_t allowed = text.size() / 8 + 400'000;
  require(values <= allowed, "{}: {} values in {} bytes of JSON, expected at most {}", source, values, text.size(),
          allowed);
}

}  // namespace

Json parse_json(std::string_view text, std::string_view source) {
  check_shape(text, source);
  try {
    return Json::parse(text.begin(), text.end());
  } catch (const Json::parse_error& e) {
    fail("{}: not valid JSON at byte {}", source, e.byte);
  } catch (const Json::exception& e) {
    fail("{}: not valid JSON ({})", source, e.what());
  }
}

std::string dump_json(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

Fields::Fields(const Json& object, std::string source) : object_(object), source_(std::move(source)) {
  require(object_.is_object(), "{}: expected a JSON object, found {}", source_, object_.type_name());
}

const Json* Fields::find(std::string_view key) const {
  const auto& map = object_.get_ref<const Json::object_t&>();
  const auto it = map.find(key);
  return it == map.end() || it->second.is_null() ? nullptr : &it->second;
}

bool Fields::has(std::string_view key) const { return find(key) != nullptr; }

const Json& Fields::need(std::string_view key) const {
  const Json* value = find(key);
  require(value != nullptr, "{}: field '{}' is missing", source_, key);
  return *value;
}

int Fields::integer(std::string_view key, int min, int max) const {
  const Json& value = need(key);
  // 10000 and 10000.0 are the same number to the people who write configs.
  const bool whole = value.is_number() && std::floor(value.get<double>()) == value.get<double>();
  const double number = whole ? value.get<double>() : 0;
  require(whole && number >= min && number <= max, "{}: field '{}': expected an integer from {} to {}, found {}",
          source_, key, min, max, quote(dump_json(value), 40));
  return static_cast<int>(number);
}

int Fields::integer_or(std::string_view key, int fallback, int min, int max) const {
  return has(key) ? integer(key, min, max) : fallback;
}

double Fields::number(std::string_view key) const {
  const Json& value = need(key);
  require(value.is_number() && std::isfinite(value.get<double>()), "{}: field '{}': expected a number, found {}",
          source_, key, quote(dump_json(value), 40));
  return value.get<double>();
}

double Fields::number_or(std::string_view key, double fallback) const { return has(key) ? number(key) : fallback; }

bool Fields::boolean_or(std::string_view key, bool fallback) const {
  if (!has(key)) return fallback;
  const Json& value = need(key);
  require(value.is_boolean(), "{}: field '{}': expected true or false, found {}", source_, key,
          quote(dump_json(value), 40));
  return value.get<bool>();
}

std::string Fields::string(std::string_view key) const {
  const Json& value = need(key);
  require(value.is_string(), "{}: field '{}': expected a string, found {}", source_, key, quote(dump_json(value), 40));
  return value.get<std::string>();
}

std::string Fields::string_or(std::string_view key, std::string_view fallback) const {
  return has(key) ? string(key) : std::string(fallback);
}

}  // namespace dure
