#include "server/http/response_head.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>

namespace dure {
namespace {

std::string_view reason(int status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 428: return "Precondition Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return "Status";
  }
}

/// RFC 9110, 5.6.7; strftime would ask the locale.
std::string http_date(std::time_t now) {
  static constexpr std::array kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm t{};
  gmtime_r(&now, &t);
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", kDays[t.tm_wday], t.tm_mday, kMonths[t.tm_mon],
                     t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

bool is_framing(std::string_view name) {
  return name == "content-length" || name == "transfer-encoding" || name == "connection" || name == "keep-alive" ||
         name == "date";
}

void add_field(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  for (const char c : value) out += (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) ? ' ' : c;
  out += "\r\n";
}

}  // namespace

bool is_bodiless(int status) { return status < 200 || status == 204 || status == 304; }

std::string response_head(int status, const HttpHeaders& headers, const Framing& framing) {
  std::string out = fmt::format("HTTP/1.1 {} {}\r\n", status, reason(status));
  add_field(out, "date", http_date(std::time(nullptr)));
  for (const auto& [name, value] : headers) {
    if (!is_framing(name)) add_field(out, name, value);
  }
  if (framing.length && !is_bodiless(status)) add_field(out, "content-length", std::to_string(*framing.length));
  if (framing.chunked && !is_bodiless(status)) add_field(out, "transfer-encoding", "chunked");
  if (framing.close)
    add_field(out, "connection", "close");
  else if (framing.say_keep_alive)
    add_field(out, "connection", "keep-alive");
  return out += "\r\n";
}

}  // namespace dure
