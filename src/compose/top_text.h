#pragma once

#include <nlohmann/json.hpp>

#include <string>

namespace sovmesh::compose {

// What `sovmesh top` shows.
struct TopView {
  nlohmann::json live;     // of /api/v1/live; null: the server has none
  nlohmann::json engines;  // rows of /api/v1/engines; null: not to be seen
  nlohmann::json pools;    // rows of /api/v1/pools; null: not to be seen
  nlohmann::json system;   // of /api/v1/system; null: not to be seen
  std::string place;       // where from, for the first line
};

// Lines of at most `width` columns, at most `height` of them (0: all): first the whole, then
// engines, pools and tenants; what has no room is told by number.
std::string top_text(const TopView& view, std::size_t width, std::size_t height);

}  // namespace sovmesh::compose
