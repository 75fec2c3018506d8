#include "formats/tokenizer_json.h"

#include <algorithm>
#include <climits>
#include <unordered_map>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "formats/merges.h"
#include "formats/tokenizer_steps.h"

namespace dure {
namespace {

/// {"token": id, ...} -> tokens by id.
void read_vocabulary(const Json& vocab, const std::string& source, TokenizerSpec& spec) {
  require(vocab.is_object(), "{}: model.vocab: expected an object", source);
  const auto& entries = vocab.get_ref<const Json::object_t&>();
  const int64_t limit = static_cast<int64_t>(entries.size()) + kMaxIdGap;
  int64_t size = 0;
  for (const auto& [token, id] : entries) {
    require(id.is_number_integer() && id.get<int64_t>() >= 0 && id.get<int64_t>() < limit,
            "{}: model.vocab[{}]: expected an id from 0 to {}, found {}", source, quote(token), limit - 1,
            quote(dump_json(id), 40));
    size = std::max(size, id.get<int64_t>() + 1);
  }
  spec.tokens.resize(static_cast<size_t>(size));
  for (const auto& [token, id] : entries) {
    std::string& slot = spec.tokens[id.get<size_t>()];
    require(slot.empty(), "{}: model.vocab: {} and {} have the same id {}", source, quote(slot), quote(token),
            id.get<int>());
    slot = token;
  }
}

/// "a b" or ["a", "b"].
void read_merges(const Json& merges, const TokenIndex& index, const std::string& source, TokenizerSpec& spec) {
  require(merges.is_array() && merges.size() < INT_MAX, "{}: model.merges: expected a list", source);
  spec.merges.reserve(merges.size());
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const Json& merge = merges[rank];
    std::string_view left, right;
    if (merge.is_string()) {
      const std::string_view both = merge.get_ref<const std::string&>();
      const size_t space = both.find(' ');
      require(space != both.npos && both.find(' ', space + 1) == both.npos,
              "{}: model.merges[{}]: expected two tokens and one space, found {}", source, rank, quote(both));
      left = both.substr(0, space);
      right = both.substr(space + 1);
    } else {
      require(merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string(),
              "{}: model.merges[{}]: expected a string or two strings", source, rank);
      left = merge[0].get_ref<const std::string&>();
      right = merge[1].get_ref<const std::string&>();
    }
    spec.merges.push_back(resolve_merge(left, right, rank, index, source));
  }
}

void read_model(const Json& model, const std::string& source, TokenizerSpec& spec) {
  const Fields fields(model, source + ": model");
  const std::string type = fields.string_or("type", "BPE");
  require(type == "BPE", "{}: model.type {} is not supported, expected BPE", source, quote(type));
  require(fields.number_or("dropout", 0) == 0, "{}: model.dropout is not supported", source);
  for (const char* affix : {"continuing_subword_prefix", "end_of_word_suffix"})
    require(fields.string_or(affix, "").empty(), "{}: model.{} is not supported", source, affix);
  spec.ignore_merges = fields.boolean_or("ignore_merges", false);
  spec.byte_fallback = fields.boolean_or("byte_fallback", false);
  spec.fuse_unk = fields.boolean_or("fuse_unk", false);

  const Json* vocab = fields.find("vocab");
  require(vocab != nullptr, "{}: field 'model.vocab' is missing", source);
  read_vocabulary(*vocab, source, spec);
  const TokenIndex index(spec.tokens);
  if (const Json* merges = fields.find("merges")) read_merges(*merges, index, source, spec);
  if (const std::string unk = fields.string_or("unk_token", ""); !unk.empty()) {
    spec.unk_id = index.find(unk);
    require(spec.unk_id >= 0, "{}: model.unk_token {} is not in the vocabulary", source, quote(unk));
  }
}

AddedToken read_added_token(const Json& entry, const std::string& where, int id, int max_id) {
  const Fields fields(entry, where);
  AddedToken token;
  token.id = id >= 0 ? id : fields.integer("id", 0, max_id);
  token.content = fields.string("content");
  token.special = fields.boolean_or("special", false);
  token.lstrip = fields.boolean_or("lstrip", false);
  token.rstrip = fields.boolean_or("rstrip", false);
  token.single_word = fields.boolean_or("single_word", false);
  token.normalized = fields.boolean_or("normalized", !token.special);
  return token;
}

/// The added tokens of `spec` while files add to them.
class AddedTokenList {
 public:
  explicit AddedTokenList(TokenizerSpec& spec) : spec_(spec), vocabulary_(spec.tokens) {
    for (size_t i = 0; i < spec.added_tokens.size(); ++i) remember(i);
  }

  /// Adds a token, or changes the flags of the one that is there. Id and content belong together.
  void add(AddedToken token, const std::string& where) {
    require(!token.content.empty(), "{}: token {} is empty", where, token.id);
    const std::string shown = quote(token.content);
    const int in_vocabulary = vocabulary_.find(token.content);
    require(in_vocabulary < 0 || in_vocabulary == token.id, "{}: {} has id {} here and {} in the vocabulary", where,
            shown, token.id, in_vocabulary);
    const size_t id = static_cast<size_t>(token.id);
    if (id < spec_.tokens.size() && !spec_.tokens[id].empty())
      require(in_vocabulary == token.id, "{}: {} has id {}, which is {} in the vocabulary", where, shown, id,
              quote(spec_.tokens[id]));
    const auto by_id = by_id_.find(token.id);
    const auto by_content = by_content_.find(token.content);
    const bool known = by_id != by_id_.end();
    require(known == (by_content != by_content_.end()) && (!known || by_id->second == by_content->second),
            "{}: {} with id {} contradicts an earlier added token", where, shown, token.id);
    if (known) {
      spec_.added_tokens[by_id->second] = std::move(token);
    } else {
      spec_.added_tokens.push_back(std::move(token));
      remember(spec_.added_tokens.size() - 1);
    }
  }

 private:
  void remember(size_t i) {
    by_id_.emplace(spec_.added_tokens[i].id, i);
    by_content_.emplace(spec_.added_tokens[i].content, i);
  }

  TokenizerSpec& spec_;
  TokenIndex vocabulary_;
  std::unordered_map<int, size_t> by_id_;
  std::unordered_map<std::string, size_t> by_content_;
};

int max_added_id(const TokenizerSpec& spec, size_t added) {
  return static_cast<int>(spec.tokens.size() + added) + kMaxIdGap - 1;
}

/// "<s>" or {"content": "<s>", ...}.
std::string special_string(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_object()) return {};
  const auto& map = value.get_ref<const Json::object_t&>();
  const auto it = map.find("content");
  return it != map.end() && it->second.is_string() ? it->second.get<std::string>() : std::string();
}

int id_of(const TokenizerSpec& spec, std::string_view token) {
  for (const AddedToken& added : spec.added_tokens)
    if (added.content == token) return added.id;
  const auto it = std::find(spec.tokens.begin(), spec.tokens.end(), token);
  return token.empty() || it == spec.tokens.end() ? -1 : static_cast<int>(it - spec.tokens.begin());
}

void read_special_strings(const Json& config, TokenizerSpec& spec) {
  for (const char* key : {"bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token", "mask_token"}) {
    const auto& map = config.get_ref<const Json::object_t&>();
    const auto it = map.find(key);
    const std::string text = it == map.end() ? std::string() : special_string(it->second);
    if (!text.empty() && spec.special_token(key).empty()) spec.special_tokens.emplace_back(key, text);
  }
  spec.bos_id = id_of(spec, spec.special_token("bos_token"));
  spec.eos_id = id_of(spec, spec.special_token("eos_token"));
  spec.pad_id = id_of(spec, spec.special_token("pad_token"));
}

/// A template, or a list of named ones.
void read_chat_templates(const Fields& config, TokenizerSpec& spec) {
  const Json* value = config.find("chat_template");
  if (!value) return;
  if (value->is_string()) {
    spec.chat_templates.push_back({"default", value->get<std::string>()});
    return;
  }
  require(value->is_array(), "{}: field 'chat_template': expected a string or a list", config.source());
  for (const Json& entry : *value) {
    const Fields fields(entry, config.source() + ": chat_template");
    spec.chat_templates.push_back({fields.string("name"), fields.string("template")});
  }
}

/// Makes `ids`, what stands before or after a text, hold `id` or not, as the config wants.
void set_ending(std::vector<int>& ids, int id, bool wanted) {
  if (id < 0) return;
  const auto it = std::find(ids.begin(), ids.end(), id);
  if (wanted && it == ids.end()) ids.push_back(id);
  if (!wanted && it != ids.end()) ids.erase(it);
}

}  // namespace

TokenizerSpec parse_tokenizer_json(std::string_view text, std::string_view source_name) {
  const std::string source(source_name);
  const Json json = parse_json(text, source);
  const Fields fields(json, source);
  TokenizerSpec spec;
  spec.source = source;
  const Json* model = fields.find("model");
  require(model != nullptr, "{}: field 'model' is missing", source);
  read_model(*model, source, spec);
  if (const Json* added = fields.find("added_tokens")) {
    require(added->is_array(), "{}: field 'added_tokens': expected a list", source);
    AddedTokenList list(spec);
    for (size_t i = 0; i < added->size(); ++i) {
      const std::string where = fmt::format("{}: added_tokens[{}]", source, i);
      list.add(read_added_token((*added)[i], where, -1, max_added_id(spec, added->size())), where);
    }
  }
  const Json null;
  const auto step = [&](std::string_view key) -> const Json& { return fields.has(key) ? *fields.find(key) : null; };
  read_normalizer(step("normalizer"), source, spec);
  read_pre_tokenizer(step("pre_tokenizer"), source, spec);
  read_decoder(step("decoder"), source, spec);
  read_post_processor(step("post_processor"), source, spec);
  return spec;
}

void apply_tokenizer_config(TokenizerSpec& spec, std::string_view text, std::string_view source_name) {
  const std::string source(source_name);
  const Json json = parse_json(text, source);
  const Fields fields(json, source);

  if (const Json* added = fields.find("added_tokens_decoder")) {
    require(added->is_object(), "{}: field 'added_tokens_decoder': expected an object", source);
    AddedTokenList list(spec);
    for (const auto& [key, entry] : added->get_ref<const Json::object_t&>()) {
      const std::string where = fmt::format("{}: added_tokens_decoder[{}]", source, quote(key));
      const Json id = Json::accept(key) ? Json::parse(key) : Json();
      const int max = max_added_id(spec, added->size());
      require(id.is_number_unsigned() && id.get<uint64_t>() <= static_cast<uint64_t>(max),
              "{}: expected an id from 0 to {}", where, max);
      list.add(read_added_token(entry, where, id.get<int>(), max), where);
    }
  }
  read_special_strings(json, spec);
  read_chat_templates(fields, spec);

  // Llama's class puts its own BOS and EOS around a text, whatever the post-processor says; others do if told to.
  const bool is_llama = fields.string_or("tokenizer_class", "").starts_with("LlamaTokenizer");
  if (is_llama || fields.has("add_bos_token"))
    set_ending(spec.prefix, spec.bos_id, fields.boolean_or("add_bos_token", true));
  if (is_llama || fields.has("add_eos_token"))
    set_ending(spec.suffix, spec.eos_id, fields.boolean_or("add_eos_token", false));
}

TokenizerSpec read_tokenizer(const std::filesystem::path& folder) {
  const auto path = folder / "tokenizer.json";
  TokenizerSpec spec = parse_tokenizer_json(read_file(path), path.string());
  const auto if_exists = [&](const char* name, auto use) {
    const auto file = folder / name;
    if (std::filesystem::exists(file)) use(read_file(file), file.string());
  };
  if_exists("tokenizer_config.json",
            [&](const std::string& text, const std::string& source) { apply_tokenizer_config(spec, text, source); });
  if_exists("special_tokens_map.json", [&](const std::string& text, const std::string& source) {
    const Json json = parse_json(text, source);
    require(json.is_object(), "{}: expected an object", source);
    read_special_strings(json, spec);
  });
  // Newer models keep the template in a file of its own, which counts before the config's.
  if_exists("chat_template.jinja", [&](const std::string& text, const std::string&) {
    std::erase_if(spec.chat_templates, [](const NamedTemplate& t) { return t.name == "default"; });
    spec.chat_templates.insert(spec.chat_templates.begin(), {"default", text});
  });
  return spec;
}

}  // namespace dure
