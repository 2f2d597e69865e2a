#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/load.h"

namespace sovmesh::compose {

// `sovmesh import litellm`: what a configuration of LiteLLM's proxy comes to as one of ours. Pure.
// Secrets are never copied: they become env: references.
struct ImportFinding {
  enum class Outcome : std::uint8_t {
    taken,       // it does the same
    changed,     // it does something like it: read what
    impossible,  // it is lost: read what to do
  };
  config::Position position;
  std::string field;  // "model_list[0].litellm_params.rpm"
  Outcome outcome = Outcome::taken;
  std::string text;
};
std::string_view name(ImportFinding::Outcome outcome);

struct Imported {
  std::string yaml;  // empty: the file cannot be read, `errors` says why
  std::vector<ImportFinding> findings;
  std::vector<std::string> secrets;  // environment variables that are to be set
  std::vector<config::Finding> errors;
};
Imported import_litellm(const std::string& file, std::string_view text);

// The command: reads `file`, writes to `out` ("-": standard output), tells the findings on standard
// error. An exit code: 2 when nothing could be written, or the outcome is no valid configuration.
struct ImportOptions {
  std::string file;
  std::string out = "-";
  bool json = false;  // findings as JSON, on standard error
};
int import_litellm_file(const ImportOptions& options);

}  // namespace sovmesh::compose
