// Any bytes as a configuration file: it is read or refused with findings that say where, always the
// same ones, and never both.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "config/load.h"

namespace {

namespace config = sovmesh::config;

void require(bool holds) {
  if (!holds) std::abort();
}

std::optional<std::string> environment(std::string_view name) {
  if (name.starts_with("KEY")) return "sm-0123456789AB-" + std::string(43, 'x') + "-000000";
  if (name.starts_with("SET")) return std::string(name);
  return std::nullopt;
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer looks for this name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const config::Loaded loaded = config::load_text(text, environment);
  const bool has_error = std::ranges::any_of(loaded.findings, &config::Finding::is_error);
  require(loaded.config.has_value() == !has_error);
  for (const config::Finding& finding : loaded.findings) {
    require(!finding.message.empty());
    require(finding.position.line >= 0 && finding.position.column >= 0);
  }
  const config::Loaded again = config::load_text(text, environment);
  require(config::to_text(loaded.findings) == config::to_text(again.findings));
  if (loaded.config) require(loaded.config->revision == again.config->revision);
  return 0;
}
