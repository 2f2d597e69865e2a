#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace sovmesh::control {

// Writes one JSON object, member by member. Names are literals of ours.
class JsonText {
 public:
  JsonText& text(std::string_view name, std::string_view value);
  JsonText& text_or_null(std::string_view name, const std::optional<std::string>& value);
  JsonText& texts(std::string_view name, const std::vector<std::string>& values);
  JsonText& number(std::string_view name, std::int64_t value);
  JsonText& flag(std::string_view name, bool value);
  JsonText& time(std::string_view name, WallTime value);
  JsonText& null(std::string_view name);
  JsonText& raw(std::string_view name, std::string_view json);
  std::string end() { return out_ + "}"; }

 private:
  void name(std::string_view name);
  std::string out_ = "{";
};

std::string map_json(const std::map<std::string, std::string>& texts);
std::string json_list(const std::vector<std::string>& jsons);

}  // namespace sovmesh::control
