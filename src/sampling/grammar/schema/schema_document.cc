#include "sampling/grammar/schema/schema_document.h"

#include <algorithm>
#include <utility>

namespace dure::grammar {
namespace {

constexpr size_t kMaxSchemas = 100'000;
constexpr int kMaxCount = 1'000'000'000;

std::string escaped(std::string_view key) {
  std::string out;
  for (const char c : key) {
    if (c == '~')
      out += "~0";
    else if (c == '/')
      out += "~1";
    else
      out += c;
  }
  return out;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = char(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// A fragment of a URI without its percent signs.
std::string decoded(std::string_view fragment) {
  std::string out;
  for (size_t i = 0; i < fragment.size(); ++i) {
    const bool whole = fragment[i] == '%' && i + 2 < fragment.size() && hex_value(fragment[i + 1]) >= 0 &&
                       hex_value(fragment[i + 2]) >= 0;
    out += whole ? char(hex_value(fragment[i + 1]) * 16 + hex_value(fragment[i + 2])) : fragment[i];
    if (whole) i += 2;
  }
  return out;
}

/// What a JSON pointer leads to; null if nothing is there.
const Json* find(const Json& root, std::string_view pointer) {
  const Json* at = &root;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);  // the slash
    const size_t end = std::min(pointer.find('/'), pointer.size());
    std::string key;
    for (size_t i = 0; i < end; ++i) {
      if (pointer[i] == '~' && i + 1 < end && (pointer[i + 1] == '0' || pointer[i + 1] == '1')) {
        key += pointer[++i] == '0' ? '~' : '/';
      } else {
        key += pointer[i];
      }
    }
    pointer.remove_prefix(end);
    if (at->is_object()) {
      const auto found = at->find(key);
      if (found == at->end()) return nullptr;
      at = &*found;
    } else if (at->is_array()) {
      if (key.empty() || key.size() > 9 || key.find_first_not_of("0123456789") != std::string::npos) return nullptr;
      const size_t index = std::stoul(key);
      if (index >= at->size()) return nullptr;
      at = &(*at)[index];
    } else {
      return nullptr;
    }
  }
  return at;
}

}  // namespace

SchemaDocument::SchemaDocument(const Json& root) {
  id_of(root, "");
  find_names(root, "", true);
  if (root.is_object())
    for (const char* draft : {"draft-04", "draft-06", "draft-07"})
      if (const auto dialect = root.find("$schema"); dialect != root.end() && dialect->is_string())
        old_references_ |= dialect->get_ref<const std::string&>().find(draft) != std::string::npos;
}

SchemaDocument::Id SchemaDocument::id_of(const Json& json, std::string pointer) {
  const auto [at, added] = ids_.emplace(&json, Id(nodes_.size()));
  if (added) {
    require(nodes_.size() < kMaxSchemas, "schema: more than {} schemas", kMaxSchemas);
    nodes_.push_back({&json, std::move(pointer)});
    if (!json.is_object() && !json.is_boolean()) refuse(at->second, "", "expected a schema, an object or a boolean");
  }
  return at->second;
}

SchemaDocument::Id SchemaDocument::inner(Id schema, const std::string& place, const Json& json) {
  return id_of(json, nodes_[size_t(schema)].pointer + place);
}

void SchemaDocument::find_names(const Json& json, const std::string& pointer, bool is_root) {
  if (json.is_array())
    for (size_t i = 0; i < json.size(); ++i) find_names(json[i], fmt::format("{}/{}", pointer, i), false);
  if (!json.is_object()) return;
  for (const auto& [key, value] : json.items()) {
    if (value.is_string() && key == "$anchor") anchors_.emplace(value.get<std::string>(), std::pair(&json, pointer));
    if (value.is_string() && key == "$id") {
      const std::string id = value.get<std::string>();
      if (is_root) {
        base_ = id.substr(0, id.find('#'));
      } else if (id.substr(0, 1) == "#") {
        anchors_.emplace(id.substr(1), std::pair(&json, pointer));  // draft 7
      } else {
        has_inner_bases_ = true;
      }
    }
    if (key != "enum" && key != "const" && key != "default" && key != "examples")
      find_names(value, fmt::format("{}/{}", pointer, escaped(key)), false);
  }
}

SchemaDocument::Id SchemaDocument::target(Id schema) {
  const Json& json = nodes_[size_t(schema)].json->at("$ref");
  if (!json.is_string()) refuse(schema, "$ref", "expected a string");
  const std::string& reference = json.get_ref<const std::string&>();
  if (has_inner_bases_) refuse(schema, "$ref", "not supported beside an $id of a schema within the document");
  const size_t hash = std::min(reference.find('#'), reference.size());
  const std::string_view base = std::string_view(reference).substr(0, hash);
  if (!base.empty() && base != base_)
    refuse(schema, "$ref", fmt::format("{} is not in this document", quote(reference)));
  const std::string fragment = decoded(std::string_view(reference).substr(std::min(hash + 1, reference.size())));
  if (fragment.empty()) return root();
  if (fragment[0] == '/') {
    if (const Json* found = find(*nodes_[0].json, fragment)) return id_of(*found, fragment);
  } else if (const auto named = anchors_.find(fragment); named != anchors_.end()) {
    return id_of(*named->second.first, named->second.second);
  }
  refuse(schema, "$ref", fmt::format("there is nothing at {}", quote(reference)));
}

void SchemaDocument::refuse(Id schema, std::string_view keyword, std::string_view what) const {
  std::string pointer = nodes_[size_t(schema)].pointer;
  if (!keyword.empty()) pointer += fmt::format("/{}", escaped(keyword));
  fail("schema: {}: {}", pointer.empty() ? "/" : quote(pointer, 200), what);
}

int SchemaDocument::count(Id schema, const char* keyword, int fallback) const {
  const auto found = json(schema).find(keyword);
  if (found == json(schema).end()) return fallback;
  const double value = found->is_number() ? found->get<double>() : -1;
  if (!(value >= 0) || value != double(int64_t(std::min(value, 1e15)))) refuse(schema, keyword, "expected a count");
  return int(std::min(value, double(kMaxCount)));
}

bool SchemaDocument::boolean(Id schema, const char* keyword, bool fallback) const {
  const auto found = json(schema).find(keyword);
  if (found == json(schema).end()) return fallback;
  if (!found->is_boolean()) refuse(schema, keyword, "expected true or false");
  return found->get<bool>();
}

}  // namespace dure::grammar
