#include "config/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <span>

#include "base/bytes.h"
#include "base/hash.h"
#include "config/read.h"
#include "config/values.h"

namespace sovmesh::config {
namespace {

Loaded finish(Config config, std::vector<Finding> findings) {
  if (std::ranges::none_of(findings, &Finding::is_error)) check(config, findings);
  Loaded loaded;
  if (std::ranges::none_of(findings, &Finding::is_error)) loaded.config = std::move(config);
  loaded.findings = std::move(findings);
  return loaded;
}

void name_after(Config& config, std::string_view text) {
  config.digest = sha256(text);
  config.revision = to_hex(std::span(config.digest).first(6));
}

}  // namespace

std::string Position::text() const {
  return line > 0 ? fmt::format("{}:{}:{}", file, line, column) : file;
}

Loaded load(const std::string& path, const Environment& environment,
            const std::vector<std::string>& environment_names) {
  std::vector<Finding> findings;
  const Result<std::string> text = read_text_file(path, FileReader::kBytesMax);
  if (!text) {
    findings.push_back({.position = {.file = path}, .message = text.error().message()});
    Loaded loaded = finish({}, std::move(findings));
    loaded.files = {path};
    return loaded;
  }
  Config config;
  FileReader reader(environment, {}, findings);
  reader.read(path, *text, config);
  std::set<std::string> files(reader.touched().begin(), reader.touched().end());
  files.insert(path);
  if (config.server.tls) files.insert({config.server.tls->certificate, config.server.tls->key});
  std::string all = *text;
  for (std::size_t i = 1; i < config.files.size(); ++i) {
    all += read_text_file(config.files[i], FileReader::kBytesMax).value_or("");
  }
  name_after(config, all);
  apply_environment(environment, environment_names, config, findings);
  Loaded loaded = finish(std::move(config), std::move(findings));
  loaded.files.assign(files.begin(), files.end());
  return loaded;
}

Loaded load_text(std::string_view yaml, const Environment& environment) {
  std::vector<Finding> findings;
  Config config;
  FileReader(environment, {.files = false}, findings).read("config.yaml", yaml, config);
  name_after(config, yaml);
  return finish(std::move(config), std::move(findings));
}

Loaded from_environment(const Environment& environment,
                        const std::vector<std::string>& environment_names) {
  std::vector<Finding> findings;
  Config config;
  const auto url = environment("OPENAI_BASE_URL");
  if (!url || url->empty()) {
    findings.push_back({.position = {.file = "sovmesh"},
                        .message = "no --config FILE, and OPENAI_BASE_URL is not set: nothing to "
                                   "serve (try `sovmesh demo`)"});
    return finish({}, std::move(findings));
  }
  Engine engine;
  engine.name = "default";
  engine.url = *url;
  engine.api_key = Secret(environment("OPENAI_API_KEY").value_or(""), "env:OPENAI_API_KEY");
  engine.discover_models = true;
  engine.position = {.file = "OPENAI_BASE_URL"};
  config.engines.push_back(std::move(engine));
  Tenant tenant;
  tenant.name = kEnvironmentTenant;
  tenant.position = {.file = "OPENAI_BASE_URL"};
  config.tenants.push_back(std::move(tenant));
  name_after(config, *url);
  apply_environment(environment, environment_names, config, findings);
  return finish(std::move(config), std::move(findings));
}

std::string to_text(const std::vector<Finding>& findings) {
  std::string out;
  for (const Finding& finding : findings) {
    fmt::format_to(std::back_inserter(out), "{}: {}: {}\n", finding.position.text(),
                   finding.is_error ? "error" : "warning", finding.message);
  }
  return out;
}

}  // namespace sovmesh::config
