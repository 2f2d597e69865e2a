#include "engine/engine_news.h"

#include <utility>

namespace sovmesh::engine {

bool EngineNews::is_news(std::string_view name, const Status& status) {
  Told now{.state = status.state,
           .reason = status.reason,
           .is_out_of_service = status.is_out_of_service};
  return told_.with([&](auto& told) {
    const auto known = told.find(name);
    if (known == told.end()) {
      told.emplace(name, std::move(now));
      return true;
    }
    if (known->second == now) return false;
    known->second = std::move(now);
    return true;
  });
}

void EngineNews::forget(std::string_view name) {
  told_.with([&](auto& told) {
    const auto known = told.find(name);
    if (known != told.end()) told.erase(known);
  });
}

}  // namespace sovmesh::engine
