#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "config/config.h"

namespace sovmesh::compose {

// What GET /api/v1/config tells: the configuration in force, and the last reload that was refused
// since. Whoever loads and whoever shows take turns.
struct ConfigView {
  struct Refused {
    WallTime at{};
    std::string revision;  // empty: the file could not even be read
    std::string error;
  };
  std::string file;  // empty: there is none
  config::Config config;
  WallTime loaded_at{};
  std::vector<std::string> restart_pending;  // sections of the file that wait for one
  std::optional<Refused> refused;

  // `pools`: with the shares that are in force.
  std::string json(const std::vector<config::Pool>& pools) const;
};

}  // namespace sovmesh::compose
