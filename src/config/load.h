#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "config/config.h"

namespace sovmesh::config {

// The process environment, passed in.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;

struct Finding {
  Position position;
  std::string message;   // what is wrong and what to do
  bool is_error = true;  // else a warning
};

struct Loaded {
  std::optional<Config> config;  // nothing when there is an error among the findings
  std::vector<Finding> findings;
  // Every file that a change of would change the outcome, the unreadable ones too: YAML files,
  // secrets, certificates. Each once.
  std::vector<std::string> files;
};

// Reads the YAML file, everything it includes, the secrets it names and SM_* overrides. All
// findings are reported, not only the first one.
Loaded load(const std::string& path, const Environment& environment,
            const std::vector<std::string>& environment_names);
// The same from text, for tests and the fuzzer; includes and secret files are refused.
Loaded load_text(std::string_view yaml, const Environment& environment);
// One route by itself, as it stands in the list `routes`, or in a list of one; for commands. What
// it names is looked up nowhere.
struct LoadedRoute {
  std::optional<Route> route;  // nothing when there is an error among the findings
  std::vector<Finding> findings;
};
LoadedRoute load_route(const std::string& file, std::string_view yaml,
                       const Environment& environment);
// No file: OPENAI_BASE_URL and OPENAI_API_KEY make one remote engine, whose models are those that
// it lists, and one tenant.
inline constexpr const char* kEnvironmentTenant = "default";
Loaded from_environment(const Environment& environment,
                        const std::vector<std::string>& environment_names);

// The sections that a running process cannot change, by name, each with a digest of its values (of
// secrets' and files' contents, too): what differs between two configurations needs a restart.
std::map<std::string, std::string> fixed_parts(Config config);

// `loaded` as it is in force where the parts named in `pending` are still those of `running`: names
// of fixed_parts().
Config in_force(Config loaded, const Config& running, const std::vector<std::string>& pending);

// The shares of its pools as `live` has them: the file's, and those that the admin API set.
void use_members(Config& config, const std::vector<Pool>& live);
// One JSON object of every setting, defaults included, in the order of the reference. Of a secret
// there is where it came from ("file:PATH", "env:NAME", "set" where nobody said), of the contents
// of a file their SHA-256.
std::string effective_json(Config config);

// What only a clock can tell of a configuration, as warnings: keys that have expired.
std::vector<Finding> check_dates(const Config& config, WallTime now);

// "file:line:column: error: message" lines.
std::string to_text(const std::vector<Finding>& findings);

std::string json_schema();         // of the YAML file
std::string reference_markdown();  // docs/configuration.md

}  // namespace sovmesh::config
