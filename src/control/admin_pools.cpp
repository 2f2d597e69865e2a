#include <algorithm>
#include <cmath>

#include "base/decimal.h"
#include "control/admin_api.h"
#include "control/json_text.h"

// What the parts of pools have and use now, as the admin API shows it.
namespace sovmesh::control {
namespace {

// Of GPUs.
std::string rate_text(double rate) {
  return micro_text(std::llround(rate * static_cast<double>(Decimal::kMicro)));
}

std::string to_json(const PoolPart& part) {
  JsonText json;
  json.text("pool", part.pool).text("part", part.path).text("level", part.level);
  for (const auto& [name, rate] :
       {std::pair("guaranteed", part.guaranteed), std::pair("weight", part.weight),
        std::pair("used", part.used), std::pair("borrowed", part.borrowed),
        std::pair("lent", part.lent)})
    json.text(name, rate_text(rate));
  json.number("waiting", part.waiting).number("running", part.running);
  return json.end();
}

}  // namespace

Result<AdminReply> AdminApi::pools(Request& request) {
  if (!request.is("GET", 1)) return fail(no_such_method(request, "GET"));
  std::vector<PoolPart> parts = parts_.pools ? parts_.pools() : std::vector<PoolPart>();
  if (const auto pool = request.take("pool"))
    std::erase_if(parts, [&](const PoolPart& part) { return part.pool != *pool; });
  return page<PoolPart>(
      request, parts, [](const PoolPart& part) { return part.pool + "/" + part.path; }, to_json);
}

}  // namespace sovmesh::control
