#include "server/api/request_fields.h"

#include <cmath>

#include "base/error.h"

namespace dure {

Json parse_body(const HttpRequest& request) {
  Json body;
  try {
    body = parse_json(request.body, "request body");
  } catch (const Error& e) {
    throw bad_request(e.what(), "", "invalid_json");
  }
  if (!body.is_object()) throw bad_request("request body: expected a JSON object", "", "invalid_json");
  return body;
}

std::vector<int> token_ids(const Json& list, const std::string& where) {
  std::vector<int> ids;
  ids.reserve(list.size());
  for (const Json& id : list) {
    const bool fits = id.is_number_integer() && (!id.is_number_unsigned() || id.get<uint64_t>() <= INT32_MAX) &&
                      id.get<int64_t>() >= 0;
    if (!fits) throw bad_request(where + ": expected token ids", where);
    ids.push_back(id.get<int>());
  }
  return ids;
}

RequestFields::RequestFields(const Json& object, std::string path) : object_(object), path_(std::move(path)) {
  if (!object.is_object()) throw bad_request(path_ + ": expected an object", path_, "invalid_type");
}

std::string RequestFields::path(std::string_view name) const {
  return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
}

void RequestFields::refuse(std::string_view name, const std::string& expected) const {
  const std::string field = path(name);
  throw bad_request(field + ": expected " + expected, field);
}

const Json* RequestFields::find(std::string_view name) const {
  const auto it = object_.find(name);
  return it == object_.end() || it->is_null() ? nullptr : &*it;
}

std::optional<double> RequestFields::number(std::string_view name, double min, double max) const {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  const double x = value->is_number() ? value->get<double>() : NAN;
  if (!(x >= min && x <= max)) refuse(name, fmt::format("a number from {} to {}", min, max));
  return x;
}

std::optional<int64_t> RequestFields::integer(std::string_view name, int64_t min, int64_t max) const {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  const auto refused = [&] { refuse(name, fmt::format("an integer from {} to {}", min, max)); };
  if (value->is_number_unsigned()) {
    const auto x = value->get<uint64_t>();
    if (max < 0 || x > static_cast<uint64_t>(max)) refused();
  } else if (value->is_number_float()) {  // clients write 5.0
    const double x = value->get<double>();
    if (x != std::floor(x) || !(std::fabs(x) < 9e15)) refused();
  } else if (!value->is_number_integer()) {
    refused();
  }
  const auto x = value->get<int64_t>();
  if (x < min || x > max) refused();
  return x;
}

std::optional<bool> RequestFields::boolean(std::string_view name) const {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) refuse(name, "true or false");
  return value->get<bool>();
}

std::optional<std::string> RequestFields::string(std::string_view name) const {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) refuse(name, "a string");
  return value->get<std::string>();
}

std::string RequestFields::string_or(std::string_view name, std::string fallback) const {
  return string(name).value_or(std::move(fallback));
}

const Json* RequestFields::array(std::string_view name, size_t max_size) const {
  const Json* value = find(name);
  if (value != nullptr && (!value->is_array() || value->size() > max_size))
    refuse(name, fmt::format("a list of at most {} items", max_size));
  return value;
}

const Json* RequestFields::object(std::string_view name) const {
  const Json* value = find(name);
  if (value != nullptr && !value->is_object()) refuse(name, "an object");
  return value;
}

std::vector<std::string> RequestFields::strings(std::string_view name, size_t max_size) const {
  const Json* value = find(name);
  if (value == nullptr) return {};
  if (value->is_string()) return {value->get<std::string>()};
  if (!value->is_array() || value->size() > max_size)
    refuse(name, fmt::format("a string or a list of at most {} strings", max_size));
  std::vector<std::string> strings;
  for (const Json& item : *value) {
    if (!item.is_string()) refuse(name, "strings");
    strings.push_back(item.get<std::string>());
  }
  return strings;
}

}  // namespace dure
