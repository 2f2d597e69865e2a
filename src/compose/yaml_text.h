#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>

#include "config/yaml_tree.h"

namespace sovmesh::compose {

// YAML and JSON into each other: what one writes the other reads as the same value.

// Block style, two spaces a level, ends with a line break; members in their order, lists of plain
// values in one line where that is short. Texts that YAML might take for something else are quoted.
std::string yaml_text(const nlohmann::ordered_json& value);
// One scalar as it stands behind "name: ".
std::string yaml_scalar(const nlohmann::ordered_json& value);

// What is not quoted and looks like null, true, false or a number is that, as in YAML's core
// schema; all else is text.
nlohmann::ordered_json json_of(const config::YamlNode& node);
nlohmann::ordered_json plain_json(std::string_view text);

}  // namespace sovmesh::compose
