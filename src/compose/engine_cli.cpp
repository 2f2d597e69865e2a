#include "compose/engine_cli.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstdint>
#include <cstdio>

#include "compose/serve.h"

namespace sovmesh::compose {

int engine_log(const AdminCli& cli, const std::string& name, const std::string& query) {
  using nlohmann::json;
  const auto answer =
      admin_ask(cli, "GET", "/api/v1/engines/" + url_part(name) + "/log" + query, {});
  if (!answer || answer->status >= 300) return admin_failed(answer);
  const json log = json::parse(answer->body, nullptr, false);
  if (print_plainly(cli, answer->body) || !log.is_object()) return kExitOk;
  const json lines = log.value("lines", json::array());
  for (const json& line : lines)
    if (line.is_string()) fmt::print("{}\n", printable(line.get<std::string>()));
  const auto withheld = log.value("withheld", std::int64_t{0});
  if (withheld > 0)
    fmt::print(stderr, "{} more lines are withheld: they may quote requests\n", withheld);
  if (lines.empty() && withheld == 0) fmt::print(stderr, "it has written nothing\n");
  return kExitOk;
}

}  // namespace sovmesh::compose
