#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/load.h"

namespace sovmesh::config {

// What stands in a YAML text, with its places, for readers whose members are not in the table of
// settings. A value as it is written: what type it has is the reader's to say.
struct YamlNode {
  enum class Kind : std::uint8_t { null, scalar, list, map };
  Kind kind = Kind::null;
  std::string text;              // of a scalar
  bool is_quoted = false;        // of a scalar: a text, whatever it looks like
  std::vector<YamlNode> names;   // of a map: scalars, none twice
  std::vector<YamlNode> values;  // of a map, in step with `names`; of a list
  Position position;

  bool is_map() const { return kind == Kind::map; }
  bool is_list() const { return kind == Kind::list; }
  bool is_scalar() const { return kind == Kind::scalar; }
  bool is_null() const { return kind == Kind::null; }
  // A member of a map; null when there is none, or this is no map.
  const YamlNode* find(std::string_view name) const;
};

// The documents of a text, all or none: `findings` says why there are none. Empty ones are left
// out. Text that is no UTF-8, a name that stands twice, nesting beyond kYamlDepthMax and more than
// kYamlNodesMax values (aliases count as often as they stand) are errors.
inline constexpr std::size_t kYamlBytesMax = 16U << 20;
inline constexpr std::size_t kYamlDepthMax = 64;
inline constexpr std::size_t kYamlNodesMax = 500'000;
std::vector<YamlNode> read_yaml(const std::string& file, std::string_view text,
                                std::vector<Finding>& findings);

}  // namespace sovmesh::config
