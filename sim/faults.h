#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sovmesh::sim {

// What the simulated engine does wrong, or differently. `sovmesh engine-sim --help` prints the
// table in faults.cpp, which explains each one. K counts tokens already sent.
enum class FaultKind : std::uint8_t {
  // The answer's shape
  tokens,
  rate,
  prefill,
  head_first,
  utf8,
  tool_call,
  // Before the answer
  die_before,
  close_before,
  never,
  delay,
  status,
  garbage_head,
  endless_head,
  // The answer's framing
  length,
  cl_and_te,
  extra_bytes,
  bad_chunk_after,
  html,
  // Errors that look like success
  error_body,
  error_event,
  error_after,
  // A stream that breaks
  die_after,
  eof_after,
  end_after,
  stall_after,
  stall_comments_after,
  garbage_after,
  nul_after,
  bad_utf8_after,
  no_choices_after,
  huge_number_after,
  huge_line,
  // A stream that ends oddly
  duplicate_done,
  data_after_done,
  no_done,
  no_finish,
  no_usage,
  // A stream that is legal and unusual
  split,
  crlf,
  cr,
  comments,
  bom,
  multiline,
  // The engine as a whole
  unhealthy,
  speed,
  out_of_memory,
};

struct Fault {
  FaultKind kind{};
  std::int64_t argument = 0;
};

// "die-after:3", "die-after=3", "crlf". Code::config_invalid for anything unknown.
Result<Fault> parse_fault(std::string_view text);

// Some faults are the engine model's: without one they would do nothing.
Result<void> check_faults(const std::vector<Fault>& faults, bool has_engine_model);

// A test's own wishes travel in the prompt: "[[sim:die-after=3,crlf]]" in the last user message.
// The last one of a kind counts. Unknown ones are an error, so that a typing error fails a test.
Result<std::vector<Fault>> faults_in_prompt(std::string_view body);

// One line per fault: name, argument, meaning.
std::string fault_table();

// The faults of one request: its own before the engine's.
class FaultSet {
 public:
  FaultSet(const std::vector<Fault>& of_engine, const std::vector<Fault>& of_request);
  std::optional<std::int64_t> get(FaultKind kind) const;
  bool has(FaultKind kind) const { return get(kind).has_value(); }
  // True when `kind` strikes after exactly this many tokens.
  bool strikes(FaultKind kind, std::int64_t tokens) const { return get(kind) == tokens; }
  bool empty() const { return faults_.empty(); }

 private:
  std::vector<Fault> faults_;
};

}  // namespace sovmesh::sim
