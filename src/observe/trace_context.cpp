#include "observe/trace_context.h"

#include <algorithm>
#include <span>

#include "base/bytes.h"

namespace sovmesh::observe {
namespace {

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// Lower-case hex of exactly the array's size, not all zero.
template <std::size_t N>
bool parse_hex(std::string_view text, std::array<unsigned char, N>& out) {
  if (text.size() != 2 * N) return false;
  unsigned any = 0;
  for (std::size_t i = 0; i < N; ++i) {
    const int high = digit(text[2 * i]);
    const int low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<unsigned char>(high * 16 + low);
    any |= out[i];
  }
  return any != 0;
}

// B3 allows 64-bit trace ids: the high half is zero then.
bool parse_b3_trace(std::string_view text, std::array<unsigned char, 16>& out) {
  if (text.size() == 32) return parse_hex(text, out);
  std::array<unsigned char, 8> low{};
  if (!parse_hex(text, low)) return false;
  out = {};
  std::copy(low.begin(), low.end(), out.begin() + 8);
  return true;
}

bool parse_w3c(std::string_view text, TraceContext& out) {  // 00-<32>-<16>-<2>
  if (text.size() < 55 || text[2] != '-' || text[35] != '-' || text[52] != '-') return false;
  if (text.substr(0, 2) == "ff" || (text.substr(0, 2) == "00" && text.size() != 55)) return false;
  const int high = digit(text[53]);
  const int low = digit(text[54]);
  if (digit(text[0]) < 0 || digit(text[1]) < 0 || high < 0 || low < 0) return false;
  out.sampled = (low & 1) != 0;
  return parse_hex(text.substr(3, 32), out.trace) && parse_hex(text.substr(36, 16), out.parent);
}

bool parse_b3_single(std::string_view text, TraceContext& out) {  // trace-span[-sampled[-parent]]
  const auto dash = text.find('-');
  if (dash == std::string_view::npos) return false;
  const std::string_view rest = text.substr(dash + 1);
  if (rest.size() < 16) return false;
  out.sampled = rest.size() > 17 && (rest[17] == '1' || rest[17] == 'd');
  return parse_b3_trace(text.substr(0, dash), out.trace) &&
         parse_hex(rest.substr(0, 16), out.parent);
}

bool parse_b3_multi(const TraceHeaders& headers, TraceContext& out) {
  if (!headers.x_b3_trace_id || !headers.x_b3_span_id) return false;
  out.sampled = headers.x_b3_sampled == "1" || headers.x_b3_sampled == "true";
  return parse_b3_trace(*headers.x_b3_trace_id, out.trace) &&
         parse_hex(*headers.x_b3_span_id, out.parent);
}

}  // namespace

std::string TraceContext::traceparent() const {
  std::string text;
  text.reserve(55);
  text += "00-";
  append_hex(text, trace);
  text += '-';
  append_hex(text, span);
  text += sampled ? "-01" : "-00";
  return text;
}

std::string TraceContext::b3() const {
  return to_hex(trace) + "-" + to_hex(span) + (sampled ? "-1" : "-0");
}

TraceContext begin_span(const TraceHeaders& headers, Random& random) {
  TraceContext context;
  const bool known = (headers.traceparent && parse_w3c(*headers.traceparent, context)) ||
                     (headers.b3 && parse_b3_single(*headers.b3, context)) ||
                     parse_b3_multi(headers, context);
  std::array<unsigned char, 24> fresh{};
  random.fill(fresh);
  std::copy_n(fresh.begin(), 8, context.span.begin());
  if (!known) {
    context.trace = {};
    context.parent = {};
    context.sampled = false;
    std::copy_n(fresh.begin() + 8, 16, context.trace.begin());
  }
  return context;
}

}  // namespace sovmesh::observe
