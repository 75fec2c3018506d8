#include "server/http/http.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/error.h"
#include "base/json.h"
#include "chat/chat_request.h"

namespace dure {
namespace {

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

}  // namespace

HttpHeaders::HttpHeaders(std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
  for (const auto& [name, value] : fields) add(name, value);
}

void HttpHeaders::add(std::string_view name, std::string_view value) { fields_.emplace_back(ascii_lower(name), value); }

void HttpHeaders::set(std::string_view name, std::string_view value) {
  const std::string key = ascii_lower(name);
  std::erase_if(fields_, [&](const auto& field) { return field.first == key; });
  fields_.emplace_back(key, value);
}

bool HttpHeaders::has(std::string_view name) const {
  return std::any_of(begin(), end(), [&](const auto& field) { return field.first == name; });
}

std::string_view HttpHeaders::get(std::string_view name) const {
  const auto found = std::find_if(begin(), end(), [&](const auto& field) { return field.first == name; });
  return found == end() ? std::string_view() : found->second;
}

std::vector<std::string_view> HttpHeaders::all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& [key, value] : fields_) {
    if (key == name) values.push_back(value);
  }
  return values;
}

std::string_view HttpRequest::parameter(const std::string& name) const {
  const auto found = parameters.find(name);
  return found == parameters.end() ? std::string_view() : found->second;
}

bool HttpRequest::has_query(std::string_view name) const {
  return std::any_of(query.begin(), query.end(), [&](const auto& field) { return field.first == name; });
}

std::string_view HttpRequest::query_value(std::string_view name) const {
  const auto found = std::find_if(query.begin(), query.end(), [&](const auto& field) { return field.first == name; });
  return found == query.end() ? std::string_view() : found->second;
}

HttpResponse json_response(int status, const Json& body) {
  return {status, {{"content-type", "application/json"}}, dump_json(body)};
}

HttpResponse text_response(int status, std::string body, std::string_view type) {
  return {status, {{"content-type", type}}, std::move(body)};
}

HttpError bad_request(const std::string& message, std::string param, std::string code) {
  return {400, "invalid_request_error", std::move(code), message, std::move(param)};
}

HttpError not_found(const std::string& message, std::string code) {
  return {404, "invalid_request_error", std::move(code), message};
}

HttpResponse openai_error(const HttpError& error) {
  HttpResponse response = json_response(error.status, Json{{"error",
                                                            {{"message", error.what()},
                                                             {"type", text_or_null(error.type)},
                                                             {"param", text_or_null(error.param)},
                                                             {"code", text_or_null(error.code)}}}});
  for (const auto& [name, value] : error.headers) response.headers.add(name, value);
  return response;
}

HttpError to_http_error(const std::exception_ptr& error, std::string_view request_id) {
  try {
    std::rethrow_exception(error);
  } catch (const HttpError& known) {
    return known;
  } catch (const RequestError& wrong) {
    return bad_request(wrong.what(), wrong.param, wrong.code);
  } catch (const Error& wrong) {
    return bad_request(wrong.what());
  } catch (...) {
    return {500, "server_error", "internal_error", fmt::format("something went wrong here; request {}", request_id)};
  }
}

}  // namespace dure
