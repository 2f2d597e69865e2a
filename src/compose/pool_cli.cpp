#include "compose/pool_cli.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/decimal.h"
#include "compose/serve.h"

namespace sovmesh::compose {
namespace {

using nlohmann::json;

std::string text_at(const json& object, const char* name) {
  const json value = object.value(name, json());
  if (value.is_number()) return value.dump();
  return value.is_string() ? printable(value.get<std::string>()) : std::string("-");
}

// Numbers of the API are texts, exact to a millionth; here they are for the eye and the simulator.
std::optional<double> number_at(const json& object, const char* name) {
  const json value = object.value(name, json());
  if (!value.is_string()) return std::nullopt;
  const auto decimal = parse_decimal(value.get<std::string>());
  if (!decimal) return std::nullopt;
  return static_cast<double>(decimal->whole) +
         static_cast<double>(decimal->millionths) / static_cast<double>(Decimal::kMicro);
}

// "[####==|.......]": # used of what is guaranteed, = borrowed, | where the guarantee ends.
std::string share_bar(const json& part, double full) {
  constexpr double kWidth = 24;
  const auto at = [&](double rate) {
    return std::lround(std::clamp(rate / full, 0.0, 1.0) * kWidth);
  };
  const double used = number_at(part, "used").value_or(0);
  const double borrowed = number_at(part, "borrowed").value_or(0);
  std::string bar(static_cast<std::size_t>(kWidth), '.');
  const auto fill = [&](double from, double until, char mark) {
    for (long i = at(from); i < at(until); ++i)
      bar[static_cast<std::size_t>(i)] = mark;
  };
  fill(0, used - borrowed, '#');
  fill(used - borrowed, used, '=');
  const double guaranteed = number_at(part, "guaranteed").value_or(0);
  if (guaranteed > 0) bar[static_cast<std::size_t>(std::min(at(guaranteed), 23L))] = '|';
  return "[" + bar + "]";
}

void print_pool(const json& pool) {
  std::string engines;
  for (const json& engine : pool.value("engines", json::array()))
    engines += (engines.empty() ? "" : ", ") + printable(engine.get<std::string>());
  fmt::print("pool {}: engines {}; capacity {} GPUs\n", text_at(pool, "name"), engines,
             text_at(pool, "capacity"));
  const json parts = pool.value("parts", json::array());
  double full = number_at(pool, "capacity").value_or(0);
  std::size_t width = 4;
  for (const json& part : parts) {
    full = std::max(
        {full, number_at(part, "used").value_or(0), number_at(part, "guaranteed").value_or(0)});
    width = std::max(width, text_at(part, "part").size());
  }
  const auto line = [&](const json& part, std::string name) {
    fmt::print("{:<{}} {:>10} {:>7} {:>9} {:>7} {:>8} {:>8} {:>8} {:>7} {:>7} {:>10}  {}\n",
               std::move(name), width, text_at(part, "guaranteed"), text_at(part, "weight"),
               text_at(part, "borrowing_limit"), text_at(part, "lending_limit"),
               text_at(part, "used"), text_at(part, "borrowed"), text_at(part, "lent"),
               text_at(part, "waiting"), text_at(part, "running"), text_at(part, "managed_by"),
               share_bar(part, std::max(full, 1e-9)));
  };
  fmt::print("{:<{}} {:>10} {:>7} {:>9} {:>7} {:>8} {:>8} {:>8} {:>7} {:>7} {:>10}  {}\n", "part",
             width, "guaranteed", "weight", "borrow<=", "lend<=", "used", "borrowed", "lent",
             "waiting", "running", "managed by", "# own = borrowed | guaranteed");
  for (const json& part : parts)
    line(part, text_at(part, "part").empty() ? "all" : text_at(part, "part"));
}

struct PresentPool {
  des::Shares shares;
  std::vector<std::string> engines;
};

// As the server tells it: `part` of a tenant is the path of its cohort and its name.
PresentPool present_pool(const json& pool) {
  PresentPool out;
  for (const json& engine : pool.value("engines", json::array()))
    out.engines.push_back(engine.get<std::string>());
  const json cohorts = pool.value("cohorts", json::array());
  std::map<std::string, std::string> parents;
  for (const json& cohort : cohorts)
    parents[text_at(cohort, "name")] =
        cohort.value("cohort", json()).is_null() ? "" : text_at(cohort, "cohort");
  const auto path_of = [&](std::string name) {
    std::string path;
    for (std::size_t i = 0; !name.empty() && i <= parents.size(); ++i) {
      path = path.empty() ? name : name + "/" + path;
      name = parents[name];
    }
    return path;
  };
  for (const json& cohort : cohorts)
    out.shares.cohorts.push_back({.level = fairness::Level::cohort,
                                  .name = text_at(cohort, "name"),
                                  .parent = path_of(parents[text_at(cohort, "name")]),
                                  .nominal = number_at(cohort, "guaranteed").value_or(0),
                                  .borrowing_limit = number_at(cohort, "borrowing_limit"),
                                  .lending_limit = number_at(cohort, "lending_limit"),
                                  .weight = number_at(cohort, "weight").value_or(1)});
  for (const json& part : pool.value("parts", json::array())) {
    if (text_at(part, "level") != "tenant") continue;
    const std::string path = text_at(part, "part");
    const std::size_t slash = path.rfind('/');
    out.shares.tenants.push_back({.tenant = slash == path.npos ? path : path.substr(slash + 1),
                                  .weight = number_at(part, "weight").value_or(1),
                                  .nominal = number_at(part, "guaranteed").value_or(0),
                                  .borrowing_limit = number_at(part, "borrowing_limit"),
                                  .lending_limit = number_at(part, "lending_limit"),
                                  .cohort = slash == path.npos ? "" : path.substr(0, slash)});
  }
  return out;
}

// Names of the models that one of these engines serves.
std::vector<std::string> models_on(const json& models, const std::vector<std::string>& engines) {
  std::vector<std::string> names;
  for (const json& model : models.value("data", json::array())) {
    const auto here = [&](const json& engine) {
      return engine.is_string() &&
             std::ranges::find(engines, engine.get<std::string>()) != engines.end();
    };
    if (std::ranges::any_of(model.value("engines", json::array()), here))
      names.push_back(model.value("name", std::string()));
  }
  return names;
}

Error no_sense() {
  return {Code::upstream_invalid_response, Blame::us,
          "the server's answer is not what was expected"};
}

}  // namespace

int pool_show(const AdminCli& cli, const std::string& name) {
  const auto answer = admin_ask(cli, "GET", "/api/v1/pools/" + url_part(name), {});
  if (!answer || answer->status >= 300) return admin_failed(answer);
  const json pool = json::parse(answer->body, nullptr, false);
  if (!print_plainly(cli, answer->body) && pool.is_object()) print_pool(pool);
  return kExitOk;
}

int pool_simulate(const AdminCli& cli, const std::string& name, SimReplay replay) {
  const auto answer = admin_ask(cli, "GET", "/api/v1/pools/" + url_part(name), {});
  if (!answer || answer->status >= 300) return admin_failed(answer);
  const auto models = admin_ask(cli, "GET", "/api/v1/models?limit=1000", {});
  if (!models || models->status >= 300) return admin_failed(models);
  const json pool = json::parse(answer->body, nullptr, false);
  const json all = json::parse(models->body, nullptr, false);
  if (!pool.is_object() || !all.is_object()) return sim_failed(no_sense());
  const PresentPool present = present_pool(pool);
  if (replay.pool.endpoints == 0)
    replay.pool.endpoints = std::max<std::size_t>(1, present.engines.size());
  if (replay.recorded.models.empty()) replay.recorded.models = models_on(all, present.engines);
  if (replay.recorded.models.empty())
    return sim_failed(Error(Code::invalid_value, Blame::client, "no model is on its engines"));
  if (replay.pool.shares.empty() && replay.sizes.empty())
    return sim_failed(Error(Code::invalid_value, Blame::client,
                            "say what would change: --share TENANT=WEIGHT:GUARANTEED, or --size"));
  const Result<void> done =
      replay_shares(replay, present.shares, {.before = "present", .after = "proposed"});
  return done ? kExitOk : sim_failed(done.error());
}

}  // namespace sovmesh::compose
