#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sovmesh::compose {

// A prompt and what its answer must be like. Texts are compared byte by byte.
struct PromptCase {
  std::string name;
  std::string system;  // empty: none
  std::string prompt;
  std::int64_t max_tokens = 128;
  std::vector<std::string> contains;
  std::vector<std::string> excludes;
  bool json = false;     // it is one JSON value
  bool stopped = false;  // it ends by itself, not at max_tokens
};

struct PromptSet {
  static constexpr std::size_t kCasesMax = 1'000;
  std::string name;
  std::vector<PromptCase> cases;
};

// {"name": "...", "cases": [{"name": "...", "prompt": "...", "contains": ["..."], ...}]},
// docs/models.md. Read strictly: what nobody would look at is an error, and so is a case that no
// answer can fail.
Result<PromptSet> parse_prompt_set(std::string_view text);

struct CaseAnswer {
  std::string text;
  bool stopped = false;
};
// What the answer misses, in words; nothing: it passes.
std::vector<std::string> failures_of(const PromptCase& wanted, const CaseAnswer& answer);

// What came of a case.
struct CaseResult {
  std::string name;
  std::vector<std::string> failures;  // empty: it passed
  std::int64_t output_tokens = 0;
  std::int64_t milliseconds = 0;
};
std::string results_json(const std::vector<CaseResult>& results);
// Cases that passed in `before` (the results of an earlier run, as JSON) and fail now, and the
// other way round, a line each.
std::string compared(std::string_view before, const std::vector<CaseResult>& now);

}  // namespace sovmesh::compose
