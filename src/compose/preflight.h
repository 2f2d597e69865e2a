#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace sovmesh::compose {

// What a start would refuse although the file itself is in order: addresses, certificate, engines'
// files and URLs, keys. Reads files; starts, opens and connects nothing. One line per finding.
std::vector<std::string> preflight(const config::Config& config);

}  // namespace sovmesh::compose
