#include "formats/tokenizer_json_writer.h"

#include <algorithm>

#include "base/error.h"
#include "base/json.h"

namespace dure {
namespace {

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

Json to_json(const TextPattern& pattern) { return {{pattern.is_regex ? "Regex" : "String", pattern.text}}; }

Json to_json(const normalizers::Step& step) {
  using namespace normalizers;
  return std::visit(Overloaded{
                        [](const Prepend& s) {
                          return Json{{"type", "Prepend"}, {"prepend", s.prefix}};
                        },
                        [](const Replace& s) {
                          return Json{{"type", "Replace"}, {"pattern", to_json(s.pattern)}, {"content", s.content}};
                        },
                        [](UnicodeForm form) {
                          constexpr const char* kNames[] = {"NFC", "NFD", "NFKC", "NFKD"};
                          return Json{{"type", kNames[static_cast<int>(form)]}};
                        },
                        [](const Lowercase&) {
                          return Json{{"type", "Lowercase"}};
                        },
                        [](const Strip& s) {
                          return Json{{"type", "Strip"}, {"strip_left", s.left}, {"strip_right", s.right}};
                        },
                    },
                    step);
}

Json to_json(const pre_tokenizers::Step& step) {
  using namespace pre_tokenizers;
  return std::visit(Overloaded{
                        [](const Split& s) {
                          constexpr const char* kNames[] = {"Isolated", "Removed", "MergedWithPrevious",
                                                            "MergedWithNext", "Contiguous"};
                          return Json{{"type", "Split"},
                                      {"pattern", to_json(s.pattern)},
                                      {"behavior", kNames[static_cast<int>(s.behavior)]},
                                      {"invert", s.invert}};
                        },
                        [](const ByteLevel& s) {
                          return Json{{"type", "ByteLevel"},
                                      {"add_prefix_space", s.add_prefix_space},
                                      {"trim_offsets", true},
                                      {"use_regex", s.use_regex}};
                        },
                        [](const Metaspace& s) {
                          constexpr const char* kNames[] = {"always", "first", "never"};
                          return Json{{"type", "Metaspace"},
                                      {"replacement", s.replacement},
                                      {"prepend_scheme", kNames[static_cast<int>(s.prepend)]},
                                      {"split", s.split}};
                        },
                    },
                    step);
}

Json to_json(const decoders::Step& step) {
  using namespace decoders;
  return std::visit(
      Overloaded{
          [](const ByteLevel&) {
            return Json{{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}, {"use_regex", true}};
          },
          [](const ByteFallback&) {
            return Json{{"type", "ByteFallback"}};
          },
          [](const Fuse&) {
            return Json{{"type", "Fuse"}};
          },
          [](const Strip& s) {
            return Json{{"type", "Strip"}, {"content", s.content}, {"start", s.start}, {"stop", s.stop}};
          },
          [](const Replace& s) {
            return Json{{"type", "Replace"}, {"pattern", to_json(s.pattern)}, {"content", s.content}};
          },
          [](const Metaspace& s) {
            return Json{{"type", "Metaspace"},
                        {"replacement", s.replacement},
                        {"prepend_scheme", s.strip_first ? "always" : "never"},
                        {"split", true}};
          },
      },
      step);
}

/// null, the one step, or a Sequence.
template <class Step>
Json sequence(const std::vector<Step>& steps, const char* list) {
  if (steps.empty()) return nullptr;
  if (steps.size() == 1) return to_json(steps[0]);
  Json items = Json::array();
  for (const Step& step : steps) items.push_back(to_json(step));
  return Json{{"type", "Sequence"}, {list, std::move(items)}};
}

std::string text_of(const TokenizerSpec& spec, int id) {
  for (const AddedToken& token : spec.added_tokens)
    if (token.id == id) return token.content;
  require(static_cast<size_t>(id) < spec.tokens.size() && !spec.tokens[id].empty(), "{}: id {} has no token",
          spec.source, id);
  return spec.tokens[id];
}

Json post_processor(const TokenizerSpec& spec) {
  if (spec.prefix.empty() && spec.suffix.empty()) return nullptr;
  Json single = Json::array(), tokens = Json::object();
  const auto add_tokens = [&](const std::vector<int>& ids) {
    for (const int id : ids) {
      const std::string text = text_of(spec, id);
      single.push_back({{"SpecialToken", {{"id", text}, {"type_id", 0}}}});
      tokens[text] = {{"id", text}, {"ids", Json::array({id})}, {"tokens", Json::array({text})}};
    }
  };
  const auto text = [](const char* name, int type) { return Json{{"Sequence", {{"id", name}, {"type_id", type}}}}; };
  add_tokens(spec.prefix);
  single.push_back(text("A", 0));
  add_tokens(spec.suffix);
  Json pair = single;
  pair.push_back(text("B", 1));
  return Json{{"type", "TemplateProcessing"}, {"single", single}, {"pair", pair}, {"special_tokens", tokens}};
}

Json model(const TokenizerSpec& spec) {
  Json vocab = Json::object(), merges = Json::array();
  for (size_t id = 0; id < spec.tokens.size(); ++id)
    if (!spec.tokens[id].empty()) vocab[spec.tokens[id]] = id;
  std::vector<Merge> rules = spec.merges;
  std::stable_sort(rules.begin(), rules.end(), [](const Merge& a, const Merge& b) { return a.rank < b.rank; });
  for (const Merge& rule : rules) {
    const std::string &left = spec.tokens.at(rule.left), &right = spec.tokens.at(rule.right);
    require((left + right).find(' ') == std::string::npos, "{}: the merge of {} and {} has a space", spec.source,
            quote(left), quote(right));
    merges.push_back(left + ' ' + right);
  }
  return {{"type", "BPE"},
          {"dropout", nullptr},
          {"unk_token", spec.unk_id < 0 ? Json() : Json(spec.tokens.at(spec.unk_id))},
          {"continuing_subword_prefix", nullptr},
          {"end_of_word_suffix", nullptr},
          {"fuse_unk", spec.fuse_unk},
          {"byte_fallback", spec.byte_fallback},
          {"ignore_merges", spec.ignore_merges},
          {"vocab", std::move(vocab)},
          {"merges", std::move(merges)}};
}

}  // namespace

std::string to_tokenizer_json(const TokenizerSpec& spec) {
  Json added = Json::array();
  for (const AddedToken& token : spec.added_tokens)
    added.push_back({{"id", token.id},
                     {"content", token.content},
                     {"single_word", token.single_word},
                     {"lstrip", token.lstrip},
                     {"rstrip", token.rstrip},
                     {"normalized", token.normalized},
                     {"special", token.special}});
  return dump_json({{"version", "1.0"},
                    {"truncation", nullptr},
                    {"padding", nullptr},
                    {"added_tokens", std::move(added)},
                    {"normalizer", sequence(spec.normalizers, "normalizers")},
                    {"pre_tokenizer", sequence(spec.pre_tokenizers, "pretokenizers")},
                    {"post_processor", post_processor(spec)},
                    {"decoder", sequence(spec.decoders, "decoders")},
                    {"model", model(spec)}},
                   1);
}

std::string to_tokenizer_config(const TokenizerSpec& spec) {
  const auto has = [](const std::vector<int>& ids, int id) {
    return std::find(ids.begin(), ids.end(), id) != ids.end();
  };
  Json config = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                 {"clean_up_tokenization_spaces", false},
                 {"add_bos_token", has(spec.prefix, spec.bos_id)},
                 {"add_eos_token", has(spec.suffix, spec.eos_id)}};
  for (const auto& [name, text] : spec.special_tokens) config[name] = text;
  if (spec.chat_templates.size() == 1 && spec.chat_templates[0].name == "default") {
    config["chat_template"] = spec.chat_templates[0].text;
  } else if (!spec.chat_templates.empty()) {
    for (const NamedTemplate& t : spec.chat_templates)
      config["chat_template"].push_back({{"name", t.name}, {"template", t.text}});
  }
  return dump_json(config, 2);
}

}  // namespace dure
