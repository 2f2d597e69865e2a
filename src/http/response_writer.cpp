#include "http/response_writer.h"

#include "base/append.h"

namespace sovmesh::http {

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 421:
      return "Misdirected Request";
    case 428:
      return "Precondition Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "";
  }
}

bool is_sendable_value(std::string_view value) {
  bool bad = false;
  for (const char c : value) {  // branch-free: the compiler makes vector code of it
    const auto byte = static_cast<unsigned char>(c);
    bad |= (byte < 0x20 && byte != '\t') || byte == 0x7F;
  }
  return !bad;
}

void append_response_head(std::string& out, const ResponseHead& head,
                          const ResponseFraming& framing, std::string_view date) {
  out.reserve(out.size() + 640);
  out += "HTTP/1.1 ";
  append_number(out, head.status);
  append_all(out, " ", reason_phrase(head.status), "\r\ndate: ", date);
  const bool all_sendable = is_sendable_value(head.fields.all_values());
  for (const auto& [name, value] : head.fields) {
    if (all_sendable || is_sendable_value(value)) append_all(out, "\r\n", name, ": ", value);
  }
  if (framing.kind == ResponseFraming::Kind::length) {
    out += "\r\ncontent-length: ";
    append_number(out, framing.length);
  } else if (framing.kind == ResponseFraming::Kind::chunked) {
    out += "\r\ntransfer-encoding: chunked";
  }
  if (framing.close) out += "\r\nconnection: close";
  out += "\r\n\r\n";
}

}  // namespace sovmesh::http
