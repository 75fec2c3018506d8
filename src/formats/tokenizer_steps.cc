#include "formats/tokenizer_steps.h"

#include <string>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"

namespace dure {
namespace {

/// Calls `one` for a step, or for each step of a Sequence whose list is called `list`.
template <class One>
void for_each_step(const Json& step, const std::string& where, const char* list, One one) {
  if (step.is_null()) return;
  const Fields fields(step, where);
  const std::string type = fields.string("type");
  if (type != "Sequence") return one(fields, type);
  const Json* steps = fields.find(list);
  require(steps && steps->is_array(), "{}: field '{}': expected a list", where, list);
  for (size_t i = 0; i < steps->size(); ++i)
    for_each_step((*steps)[i], fmt::format("{}.{}[{}]", where, list, i), list, one);
}

[[noreturn]] void unknown_type(const Fields& fields, std::string_view type) {
  fail("{}: type {} is not supported", fields.source(), quote(type));
}

TextPattern pattern_of(const Fields& fields) {
  const Json* pattern = fields.find("pattern");
  require(pattern && pattern->is_object() && pattern->size() == 1,
          "{}: field 'pattern': expected {{\"String\": ...}} or {{\"Regex\": ...}}", fields.source());
  const Fields kind(*pattern, fields.source() + ".pattern");
  if (kind.has("Regex")) return {kind.string("Regex"), true};
  return {kind.string("String"), false};
}

/// A field that is exactly one character.
std::string character(const Fields& fields, std::string_view key) {
  const std::string text = fields.string(key);
  size_t at = 0;
  if (!text.empty()) next_utf8(text, at);
  require(!text.empty() && at == text.size(), "{}: field '{}': expected one character, found {}", fields.source(), key,
          quote(text));
  return text;
}

pre_tokenizers::Behavior behavior_of(const Fields& fields, std::string_view fallback) {
  using pre_tokenizers::Behavior;
  const std::string name = fallback.empty() ? fields.string("behavior") : fields.string_or("behavior", fallback);
  if (name == "Isolated") return Behavior::isolated;
  if (name == "Removed") return Behavior::removed;
  if (name == "MergedWithPrevious") return Behavior::merged_with_previous;
  if (name == "MergedWithNext") return Behavior::merged_with_next;
  if (name == "Contiguous") return Behavior::contiguous;
  fail("{}: field 'behavior': {} is not a known behaviour", fields.source(), quote(name));
}

/// Old files say add_prefix_space instead of prepend_scheme.
pre_tokenizers::Metaspace::Prepend prepend_scheme(const Fields& fields) {
  using Prepend = pre_tokenizers::Metaspace::Prepend;
  const bool wanted = fields.boolean_or("add_prefix_space", true);
  const std::string name = fields.string_or("prepend_scheme", wanted ? "always" : "never");
  if (name == "always") return Prepend::always;
  if (name == "first") return Prepend::first;
  if (name == "never") return Prepend::never;
  fail("{}: field 'prepend_scheme': {} is not always, first or never", fields.source(), quote(name));
}

}  // namespace

void read_normalizer(const Json& step, std::string_view source, TokenizerSpec& spec) {
  using namespace normalizers;
  for_each_step(
      step, fmt::format("{}: normalizer", source), "normalizers", [&](const Fields& f, const std::string& type) {
        auto& steps = spec.normalizers;
        if (type == "NFC") return steps.emplace_back(UnicodeForm::nfc), void();
        if (type == "NFD") return steps.emplace_back(UnicodeForm::nfd), void();
        if (type == "NFKC") return steps.emplace_back(UnicodeForm::nfkc), void();
        if (type == "NFKD") return steps.emplace_back(UnicodeForm::nfkd), void();
        if (type == "Lowercase") return steps.emplace_back(Lowercase{}), void();
        if (type == "Prepend") return steps.emplace_back(Prepend{f.string("prepend")}), void();
        if (type == "Replace") return steps.emplace_back(Replace{pattern_of(f), f.string("content")}), void();
        if (type == "Strip")
          return steps.emplace_back(Strip{f.boolean_or("strip_left", true), f.boolean_or("strip_right", true)}), void();
        unknown_type(f, type);
      });
}

void read_pre_tokenizer(const Json& step, std::string_view source, TokenizerSpec& spec) {
  using namespace pre_tokenizers;
  for_each_step(
      step, fmt::format("{}: pre_tokenizer", source), "pretokenizers", [&](const Fields& f, const std::string& type) {
        const auto split = [&](const char* regex, Behavior behavior, bool invert) {
          spec.pre_tokenizers.emplace_back(Split{{regex, true}, behavior, invert});
        };
        if (type == "Split") {
          spec.pre_tokenizers.emplace_back(Split{pattern_of(f), behavior_of(f, ""), f.boolean_or("invert", false)});
        } else if (type == "Digits") {
          split("\\p{N}", f.boolean_or("individual_digits", false) ? Behavior::isolated : Behavior::contiguous, false);
        } else if (type == "Punctuation") {
          split("[!-/:-@\\[-`{-~\\p{P}]", behavior_of(f, "Isolated"), false);
        } else if (type == "Whitespace") {
          split("\\w+|[^\\w\\s]+", Behavior::removed, true);
        } else if (type == "WhitespaceSplit") {
          split("\\s", Behavior::removed, false);
        } else if (type == "ByteLevel") {
          spec.pre_tokenizers.emplace_back(
              ByteLevel{f.boolean_or("add_prefix_space", true), f.boolean_or("use_regex", true)});
        } else if (type == "Metaspace") {
          spec.pre_tokenizers.emplace_back(
              Metaspace{character(f, "replacement"), prepend_scheme(f), f.boolean_or("split", true)});
        } else {
          unknown_type(f, type);
        }
      });
}

void read_decoder(const Json& step, std::string_view source, TokenizerSpec& spec) {
  using namespace decoders;
  for_each_step(step, fmt::format("{}: decoder", source), "decoders", [&](const Fields& f, const std::string& type) {
    auto& steps = spec.decoders;
    if (type == "ByteLevel") return steps.emplace_back(ByteLevel{}), void();
    if (type == "ByteFallback") return steps.emplace_back(ByteFallback{}), void();
    if (type == "Fuse") return steps.emplace_back(Fuse{}), void();
    if (type == "Replace") return steps.emplace_back(Replace{pattern_of(f), f.string("content")}), void();
    if (type == "Strip")
      return steps.emplace_back(
                 Strip{character(f, "content"), f.integer("start", 0, 1 << 20), f.integer("stop", 0, 1 << 20)}),
             void();
    if (type == "Metaspace")
      return steps.emplace_back(Metaspace{character(f, "replacement"),
                                          prepend_scheme(f) != pre_tokenizers::Metaspace::Prepend::never}),
             void();
    unknown_type(f, type);
  });
}

void read_post_processor(const Json& step, std::string_view source, TokenizerSpec& spec) {
  const int size = spec.vocab_size();
  for_each_step(
      step, fmt::format("{}: post_processor", source), "processors", [&](const Fields& f, const std::string& type) {
        if (type == "ByteLevel") return;  // about offsets only
        if (type != "TemplateProcessing") unknown_type(f, type);
        const Json *single = f.find("single"), *tokens = f.find("special_tokens");
        require(single && single->is_array(), "{}: field 'single': expected a list", f.source());
        const Json none = Json::object();
        const Fields special(tokens ? *tokens : none, f.source() + ".special_tokens");
        bool after_text = false;
        for (const Json& item : *single) {
          const Fields piece(item, f.source() + ".single");
          if (piece.has("Sequence")) {
            require(!after_text, "{}: field 'single': the text comes twice", f.source());
            after_text = true;
            continue;
          }
          const Json* token = piece.find("SpecialToken");
          require(token != nullptr, "{}: expected Sequence or SpecialToken", piece.source());
          const std::string name = Fields(*token, piece.source()).string("id");
          const Json* entry = special.find(name);
          require(entry != nullptr, "{}: {} is missing", special.source(), quote(name));
          const Json* ids = Fields(*entry, special.source()).find("ids");
          require(ids && ids->is_array(), "{}: {}: field 'ids': expected a list", special.source(), quote(name));
          for (const Json& id : *ids) {
            require(id.is_number_integer() && id.get<int64_t>() >= 0 && id.get<int64_t>() < size,
                    "{}: {}: field 'ids': expected token ids", special.source(), quote(name));
            (after_text ? spec.suffix : spec.prefix).push_back(id.get<int>());
          }
        }
      });
}

}  // namespace dure
