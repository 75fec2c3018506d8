#include "chat/settings.h"

#include <cmath>
#include <cstdlib>
#include <limits>
#include <variant>

#include "base/error.h"
#include "base/json.h"

namespace dure {
namespace {

using P = SamplingParams;
using Member = std::variant<float P::*, int P::*, std::optional<int> P::*, std::optional<uint64_t> P::*>;

struct Setting {
  std::string_view name;
  Member member;
};

constexpr Setting kSettings[] = {
    {"temperature", &P::temperature},
    {"top_k", &P::top_k},
    {"top_p", &P::top_p},
    {"min_p", &P::min_p},
    {"typical_p", &P::typical_p},
    {"seed", &P::seed},
    {"max_tokens", &P::max_tokens},
    {"min_tokens", &P::min_tokens},
    {"repetition_penalty", &P::repetition_penalty},
    {"presence_penalty", &P::presence_penalty},
    {"frequency_penalty", &P::frequency_penalty},
    {"repeat_last_n", &P::repeat_last_n},
    {"dry_multiplier", &P::dry_multiplier},
    {"dry_base", &P::dry_base},
    {"dry_allowed_length", &P::dry_allowed_length},
    {"dry_penalty_last_n", &P::dry_penalty_last_n},
};

/// 0.6f is 0.6 for readers, not 0.60000002384.
Json to_json(float value) { return std::strtod(fmt::format("{}", value).c_str(), nullptr); }
Json to_json(int value) { return value; }
template <typename T>
Json to_json(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

void read(std::string_view name, const Json& value, float& out) {
  require(value.is_number(), "{}: expected a number, found {}", name, quote(dump_json(value)));
  out = value.get<float>();
}

void read(std::string_view name, const Json& value, int& out) {
  const double number = value.is_number() ? value.get<double>() : std::nan("");
  require(number == std::floor(number) && std::abs(number) <= std::numeric_limits<int>::max(),
          "{}: expected a whole number, found {}", name, quote(dump_json(value)));
  out = static_cast<int>(number);
}

void read(std::string_view name, const Json& value, std::optional<int>& out) {
  if (value.is_null()) {
    out.reset();
  } else {
    read(name, value, out.emplace());
  }
}

void read(std::string_view name, const Json& value, std::optional<uint64_t>& out) {
  if (value.is_null()) {
    out.reset();
    return;
  }
  require(value.is_number_unsigned() || (value.is_number_integer() && value.get<int64_t>() >= 0),
          "{}: expected a whole number of at least 0, found {}", name, quote(dump_json(value)));
  out = value.get<uint64_t>();
}

std::vector<std::string> read_stop(const Json& value) {
  if (value.is_null()) return {};
  std::vector<std::string> stop;
  const auto take = [&](const Json& text) {
    require(text.is_string() && !text.get_ref<const std::string&>().empty(),
            "stop: expected a text or an array of texts, none empty, found {}", quote(dump_json(value)));
    stop.push_back(text.get<std::string>());
  };
  if (value.is_array()) {
    for (const Json& text : value) take(text);
  } else {
    take(value);
  }
  return stop;
}

}  // namespace

Settings chosen_settings(const SamplingOverrides& o, std::vector<std::string> stop) {
  Settings settings{o.over({}), std::move(stop), {}, true};
  const auto note = [&](const char* name, bool given) {
    if (given) settings.chosen.insert(name);
  };
  note("temperature", o.temperature.has_value());
  note("top_k", o.top_k.has_value());
  note("top_p", o.top_p.has_value());
  note("min_p", o.min_p.has_value());
  note("typical_p", o.typical_p.has_value());
  note("seed", o.seed.has_value());
  note("max_tokens", o.max_tokens.has_value());
  note("min_tokens", o.min_tokens.has_value());
  note("repetition_penalty", o.repetition_penalty.has_value());
  note("presence_penalty", o.presence_penalty.has_value());
  note("frequency_penalty", o.frequency_penalty.has_value());
  note("stop", !settings.stop.empty());
  return settings;
}

Json settings_json(const Settings& settings) {
  const auto known = [&](std::string_view name) {
    return !settings.only_chosen || settings.chosen.contains(std::string(name));
  };
  Json out = Json::object();
  for (const Setting& s : kSettings)
    if (known(s.name))
      out[std::string(s.name)] = std::visit([&](auto member) { return to_json(settings.sampling.*member); }, s.member);
  if (known("stop")) out["stop"] = settings.stop;
  return out;
}

Json thinking_flags(std::optional<bool> thinking) {
  if (!thinking) return Json::object();
  return {{"enable_thinking", *thinking}, {"thinking", *thinking}};  // Qwen's name, DeepSeek's name
}

void change_setting(Settings& settings, std::string_view name, const Json& value, int vocab_size) {
  const auto choose = [&] {
    if (value.is_null())
      settings.chosen.erase(std::string(name));
    else
      settings.chosen.emplace(name);
  };
  if (name == "stop") {
    settings.stop = read_stop(value);
    return choose();
  }
  for (const Setting& s : kSettings) {
    if (s.name != name) continue;
    SamplingParams changed = settings.sampling;
    std::visit([&](auto member) { read(name, value, changed.*member); }, s.member);
    validate(changed, vocab_size);
    settings.sampling = std::move(changed);
    return choose();
  }
  fail("there is no setting {}", quote(name));
}

Json setting_value(std::string_view text) {
  if (text == "none") return nullptr;
  const Json value = Json::parse(text, nullptr, false);
  return value.is_number() || value.is_string() || value.is_array() ? value : Json(std::string(text));
}

}  // namespace dure
