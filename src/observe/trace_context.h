#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/random.h"

namespace sovmesh::observe {

// The identity of a distributed trace, from W3C traceparent or B3 (single or multi header). Our own
// span is a child of the client's; the engine gets ours as the parent.
struct TraceContext {
  std::array<unsigned char, 16> trace{};
  std::array<unsigned char, 8> parent{};  // the client's span; zero when we began the trace
  std::array<unsigned char, 8> span{};    // ours
  bool sampled = false;

  std::string traceparent() const;  // for the engine: 00-<trace>-<our span>-<flags>
  std::string b3() const;           // single-header form for the engine
};

struct TraceHeaders {  // as found in the request; nothing when absent
  std::optional<std::string_view> traceparent;
  std::optional<std::string_view> b3;
  std::optional<std::string_view> x_b3_trace_id;
  std::optional<std::string_view> x_b3_span_id;
  std::optional<std::string_view> x_b3_sampled;
};
// Never fails: anything malformed counts as absent, and then a new trace begins.
TraceContext begin_span(const TraceHeaders& headers, Random& random);

}  // namespace sovmesh::observe
