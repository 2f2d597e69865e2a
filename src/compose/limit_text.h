#pragma once

#include <string>
#include <string_view>

namespace sovmesh::compose {

// How much of a limit is taken, for a terminal: "[###+......]  34%", # used, + reserved by what
// runs. Numbers as the admin API writes them; empty when one of them is none.
std::string use_bar(std::string_view used, std::string_view reserved, std::string_view amount);

// "2026-12-01T00:00:00Z" of "2026-12-01T00:00:00.000000Z": nobody reads microseconds in a table.
std::string short_time(std::string_view time);

}  // namespace sovmesh::compose
