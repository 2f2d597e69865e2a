#include "compose/pool_history.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace sovmesh::compose {
namespace {

using nlohmann::json;
using std::chrono::microseconds;
using History = gateway::Dispatcher::History;

const std::string kName = "pool_history";

struct Saved {
  WallTime at;
  std::vector<History> pools;
};

std::string to_text(const Saved& saved) {
  json pools = json::array();
  for (const History& pool : saved.pools) {
    json rows = json::array();
    for (const fairness::HistoryRow& row : pool.rows)
      rows.push_back({{"path", row.path}, {"borrowed", row.borrowed}, {"lead", row.lead}});
    if (rows.empty()) continue;
    json& one = pools.emplace_back(json{{"pool", pool.pool}, {"rows", std::move(rows)}});
    if (!pool.engine.empty()) one["engine"] = pool.engine;
  }
  const std::int64_t at =
      std::chrono::duration_cast<microseconds>(saved.at.time_since_epoch()).count();
  return json{{"at_us", at}, {"pools", std::move(pools)}}.dump();
}

Result<Saved> parse(const std::string& text) {
  try {
    const json all = json::parse(text);
    Saved saved{.at = WallTime(microseconds(all.at("at_us").get<std::int64_t>())), .pools = {}};
    for (const json& pool : all.at("pools")) {
      History& history = saved.pools.emplace_back(
          History{.pool = pool.at("pool"), .engine = pool.value("engine", ""), .rows = {}});
      for (const json& row : pool.at("rows"))
        history.rows.push_back(
            {.path = row.at("path"), .borrowed = row.at("borrowed"), .lead = row.at("lead")});
    }
    return saved;
  } catch (const json::exception&) {
    return our_error(Code::data_dir_invalid,
                     "what tenants borrowed before the restart cannot be read and is forgotten");
  }
}

}  // namespace

Result<void> PoolHistory::restore() {
  TRY(const std::optional<std::string> text, store_.get_value(kName));
  if (!text) return {};
  TRY(const Saved saved, parse(*text));
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(clock_.wall_now() - saved.at);
  dispatcher_.restore(saved.pools, std::max(age, std::chrono::seconds(0)));
  return {};
}

Result<void> PoolHistory::save() {
  fairness::Micros charged = 0;
  for (const gateway::Dispatcher::PoolView& pool : dispatcher_.pools())
    charged += pool.report.nodes.front().used_total;
  if (charged == saved_at_) return {};
  TRY_VOID(
      store_.put_value(kName, to_text({.at = clock_.wall_now(), .pools = dispatcher_.history()})));
  saved_at_ = charged;
  return {};
}

}  // namespace sovmesh::compose
