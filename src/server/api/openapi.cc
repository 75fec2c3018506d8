#include <sstream>

#include "base/json.h"
#include "base/version.h"
#include "server/api/endpoints.h"

namespace dure {
namespace {

/// {"type": "object", "properties": ...} of an endpoint's list of fields.
Json body_schema(const char* fields) {
  Json schema = {{"type", "object"}, {"properties", Json::object()}};
  std::istringstream words(fields);
  for (std::string word; words >> word;) {
    const size_t colon = word.find(':');
    std::string name = word.substr(0, colon);
    if (name.ends_with('!')) {
      name.pop_back();
      schema["required"].push_back(name);
    }
    // "any" is a field of several types.
    const std::string type = word.substr(colon + 1);
    schema["properties"][name] = type == "any" ? Json::object() : Json{{"type", type}};
  }
  return schema;
}

Json operation(const Endpoint& endpoint) {
  Json json = {{"tags", Json::array({endpoint.group})}, {"summary", endpoint.summary}};
  const std::string path = endpoint.path;
  if (path.find("{id...}") != path.npos)
    json["parameters"] =
        Json::array({{{"name", "id"}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}}});
  if (endpoint.fields != nullptr)
    json["requestBody"] = {{"required", true},
                           {"content", {{"application/json", {{"schema", body_schema(endpoint.fields)}}}}}};
  json["responses"] = {{"200", {{"description", "The answer"}}},
                       {"default", {{"description", "An error in the form of this protocol"}}}};
  if (!endpoint.options.needs_key) json["security"] = Json::array();
  return json;
}

}  // namespace

Json openapi_document() {
  Json paths = Json::object();
  for (const Endpoint& endpoint : all_endpoints()) {
    std::string path = endpoint.path;
    if (const size_t rest = path.find("...}"); rest != path.npos) path.erase(rest, 3);
    std::string method = endpoint.method;
    for (char& c : method) c = static_cast<char>(c + ('a' - 'A'));
    paths[path][method] = operation(endpoint);
  }
  return {{"openapi", "3.1.0"},
          {"info", {{"title", "Dure"}, {"version", kVersion}}},
          {"paths", std::move(paths)},
          {"components",
           {{"securitySchemes",
             {{"bearer", {{"type", "http"}, {"scheme", "bearer"}}},
              {"x-api-key", {{"type", "apiKey"}, {"in", "header"}, {"name", "x-api-key"}}}}}}},
          {"security", Json::array({{{"bearer", Json::array()}}, {{"x-api-key", Json::array()}}})}};
}

}  // namespace dure
