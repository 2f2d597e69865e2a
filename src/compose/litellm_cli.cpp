#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <fstream>

#include "compose/admin_cli.h"
#include "compose/litellm_import.h"
#include "compose/preflight.h"
#include "compose/serve.h"
#include "config/values.h"
#include "config/yaml_tree.h"

namespace sovmesh::compose {
namespace {

constexpr int kExitWrong = 2;

// Any variable: whether the outcome is valid does not hang on this machine's environment.
std::optional<std::string> any_variable(std::string_view) { return "http://127.0.0.1:1"; }

std::string findings_json(const Imported& imported) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const ImportFinding& one : imported.findings)
    all.push_back({{"line", one.position.line},
                   {"field", one.field},
                   {"outcome", name(one.outcome)},
                   {"text", one.text}});
  return all.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string findings_text(const Imported& imported, const std::string& file) {
  std::string out;
  std::size_t lost = 0;
  for (const ImportFinding& one : imported.findings) {
    if (one.outcome == ImportFinding::Outcome::impossible) ++lost;
    const std::string place =
        one.position.line > 0 ? fmt::format("{}:{}", file, one.position.line) : file;
    out += printable(fmt::format("{}: {}: {}: {}", place, one.field, name(one.outcome), one.text));
    out += '\n';
  }
  if (!imported.secrets.empty())
    out += fmt::format("To be set in the environment of the service: {}\n",
                       fmt::join(imported.secrets, ", "));
  out += fmt::format("{} fields read, {} of them not possible\n", imported.findings.size(), lost);
  return out;
}

// What `sovmesh config validate` would say.
std::string invalid(const std::string& yaml) {
  const config::Loaded loaded = config::load_text(yaml, any_variable);
  if (!loaded.config) return config::to_text(loaded.findings);
  std::string out;
  for (const std::string& finding : preflight(*loaded.config))
    out += finding + "\n";
  return out;
}

}  // namespace

int import_litellm_file(const ImportOptions& options) {
  const auto text = config::read_text_file(options.file, config::kYamlBytesMax);
  if (!text) {
    fmt::print(stderr, "sovmesh: {}\n", text.error().message());
    return kExitWrong;
  }
  const Imported imported = import_litellm(options.file, *text);
  fmt::print(stderr, "{}",
             options.json ? findings_json(imported) : findings_text(imported, options.file));
  if (imported.yaml.empty()) {
    fmt::print(stderr, "{}", config::to_text(imported.errors));
    return kExitWrong;
  }
  if (const std::string why = invalid(imported.yaml); !why.empty()) {
    fmt::print(stderr, "sovmesh: the outcome is no valid configuration, and is not written:\n{}",
               why);
    return kExitWrong;
  }
  if (options.out == "-") {
    const bool is_written =
        std::fwrite(imported.yaml.data(), 1, imported.yaml.size(), stdout) == imported.yaml.size();
    return is_written && std::fflush(stdout) == 0 ? kExitOk : kExitWrong;
  }
  std::ofstream file(options.out, std::ios::binary | std::ios::trunc);
  file << imported.yaml;
  file.close();
  if (file) return kExitOk;
  fmt::print(stderr, "sovmesh: cannot write '{}'\n", options.out);
  return kExitWrong;
}

}  // namespace sovmesh::compose
