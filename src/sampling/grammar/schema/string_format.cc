#include "sampling/grammar/schema/string_format.h"

#include <fmt/core.h>

#include <string>

#include "base/error.h"
#include "sampling/grammar/regex.h"

namespace dure::grammar {
namespace {

// RFC 3339, with leap years; a leap second may come at the end of a day in UTC.
const std::string kLeapYear = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)";
const std::string kDate = fmt::format(
    "(?:[0-9]{{4}}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|"
    "02-(?:0[1-9]|1[0-9]|2[0-8]))|{}-02-29)",
    kLeapYear);
const std::string kTime =
    "(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]+)?(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])|"
    "23:59:60(?:\\.[0-9]+)?(?:[Zz]|[+-]00:00))";
/// RFC 3339, appendix A.
const std::string kDuration = [] {
  const std::string time = "T(?:[0-9]+H(?:[0-9]+M(?:[0-9]+S)?)?|[0-9]+M(?:[0-9]+S)?|[0-9]+S)";
  const std::string date = "(?:[0-9]+Y(?:[0-9]+M(?:[0-9]+D)?)?|[0-9]+M(?:[0-9]+D)?|[0-9]+D)";
  return fmt::format("P(?:{0}(?:{1})?|{1}|[0-9]+W)", date, time);
}();

// RFC 5321 without quoted local parts and address literals; RFC 1123.
const std::string kLabel = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
const std::string kHostname = fmt::format("{0}(?:\\.{0})*", kLabel);
const std::string kEmail = fmt::format("{0}(?:\\.{0})*@{1}", "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+", kHostname);

const std::string kByte = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
const std::string kIpv4 = fmt::format("{0}(?:\\.{0}){{3}}", kByte);
/// RFC 4291, section 2.2: eight groups, of which a run may be left out, and the last two may be an IPv4 address.
const std::string kIpv6 = [] {
  const std::string group = "[0-9A-Fa-f]{1,4}", last = fmt::format("(?:{0}:{0}|{1})", group, kIpv4);
  std::string out = fmt::format("(?:{0}:){{6}}{1}", group, last);
  for (int before = 0; before <= 7; ++before) {  // groups before the gap, at most
    out += "|";
    if (before > 0) out += fmt::format("(?:{0}(?::{0}){{0,{1}}})?", group, before - 1);
    out += "::";
    if (before < 6) out += fmt::format("(?:{0}:){{{1}}}{2}", group, 5 - before, last);
    if (before == 6) out += group;
  }
  return fmt::format("(?:{})", out);
}();

const std::string kUuid = "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}";

/// RFC 3986, appendix A; RFC 3987, section 2.2, adds characters, some of them to the query alone.
struct Uri {
  std::string absolute, reference;

  Uri(const std::string& more, const std::string& more_in_query) {
    const std::string letters = fmt::format("A-Za-z0-9._~!$&'()*+,;={}", more), escaped = "%[0-9A-Fa-f]{2}";
    const auto of = [&](const char* also) { return fmt::format("(?:[{}{}-]|{})", letters, also, escaped); };
    const std::string c = of(":@"), name = of("");
    const std::string host =
        fmt::format("(?:\\[(?:{}|v[0-9A-Fa-f]+\\.[A-Za-z0-9._~!$&'()*+,;=:-]+)\\]|{}*)", kIpv6, name);
    const std::string rooted =
        fmt::format("//(?:{0}*@)?{1}(?::[0-9]*)?(?:/{2}*)*|/(?:{2}+(?:/{2}*)*)?", of(":"), host, c);
    const std::string tail = fmt::format("(?:\\?(?:{0}|[/?{1}])*)?(?:#(?:{0}|[/?])*)?", c, more_in_query);
    absolute = fmt::format("[A-Za-z][A-Za-z0-9+.-]*:(?:{0}|{1}+(?:/{1}*)*|){2}", rooted, c, tail);
    reference = fmt::format("(?:{0}|(?:{1}|{2}+(?:/{3}*)*|){4})", absolute, rooted, of("@"), c, tail);
  }
};
const Uri kUri("", "");
const Uri kIri(
    "\\u00A0-\\uD7FF\\uF900-\\uFDCF\\uFDF0-\\uFFEF\\u{10000}-\\u{1FFFD}\\u{20000}-\\u{2FFFD}"
    "\\u{30000}-\\u{3FFFD}\\u{40000}-\\u{4FFFD}\\u{50000}-\\u{5FFFD}\\u{60000}-\\u{6FFFD}"
    "\\u{70000}-\\u{7FFFD}\\u{80000}-\\u{8FFFD}\\u{90000}-\\u{9FFFD}\\u{A0000}-\\u{AFFFD}"
    "\\u{B0000}-\\u{BFFFD}\\u{C0000}-\\u{CFFFD}\\u{D0000}-\\u{DFFFD}\\u{E1000}-\\u{EFFFD}",
    "\\uE000-\\uF8FF\\u{F0000}-\\u{FFFFD}\\u{100000}-\\u{10FFFD}");

/// RFC 6570, section 2.
const std::string kUriTemplate = [] {
  const std::string name = "(?:[A-Za-z0-9_]|%[0-9A-Fa-f]{2})";
  const std::string variable = fmt::format("{0}(?:\\.?{0})*(?::[1-9][0-9]{{0,3}}|\\*)?", name);
  return fmt::format("(?:[^\\x00-\\x20\"'%<>\\\\^`{{|}}\\x7F-\\x9F]|%[0-9A-Fa-f]{{2}}|\\{{[+#./;?&]?{0}(?:,{0})*\\}})*",
                     variable);
}();

struct Format {
  std::string_view name;
  std::string pattern;
  int max_length = kUnbounded;
};

const Format kFormats[] = {
    {"date", kDate},
    {"time", kTime},
    {"date-time", fmt::format("{}[Tt]{}", kDate, kTime)},
    {"duration", kDuration},
    {"email", kEmail},
    {"hostname", kHostname, 253},
    {"ipv4", kIpv4},
    {"ipv6", kIpv6},
    {"uri", kUri.absolute},
    {"uri-reference", kUri.reference},
    {"iri", kIri.absolute},
    {"iri-reference", kIri.reference},
    {"uri-template", kUriTemplate},
    {"uuid", kUuid},
    {"json-pointer", "(?:/(?:[^~/]|~[01])*)*"},
    {"relative-json-pointer", "(?:0|[1-9][0-9]*)(?:#|(?:/(?:[^~/]|~[01])*)*)"},
};

}  // namespace

std::optional<Text> string_format(std::string_view name) {
  for (const std::string_view known : {"idn-email", "idn-hostname", "regex"})
    require(name != known, "this format is not supported");
  for (const Format& f : kFormats)
    if (f.name == name) {
      Text text = regex_language(f.pattern, Match::whole);
      text.max = f.max_length;
      return text;
    }
  return std::nullopt;
}

}  // namespace dure::grammar
