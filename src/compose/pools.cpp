#include "compose/pools.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <expected>
#include <map>
#include <string>
#include <utility>

namespace sovmesh::compose {
namespace {

double to_double(const Decimal& decimal) {
  return static_cast<double>(decimal.whole) +
         static_cast<double>(decimal.millionths) / Decimal::kMicro;
}
std::optional<double> to_double(const std::optional<Decimal>& decimal) {
  return decimal ? std::optional(to_double(*decimal)) : std::nullopt;
}
std::optional<std::uint32_t> to_count(const std::optional<int>& count) {
  return count ? std::optional(static_cast<std::uint32_t>(*count)) : std::nullopt;
}

fairness::NodeSpec node_of(const config::PoolShare& share) {
  return {.nominal = to_double(share.guaranteed),
          .borrowing_limit = to_double(share.borrowing_limit),
          .lending_limit = to_double(share.lending_limit),
          .weight = to_double(share.weight)};
}

std::string joined(const std::string& parent, const std::string& name) {
  return parent.empty() ? name : parent + "/" + name;
}

// The tree of one pool, and where each of its nodes is declared.
class Members {
 public:
  explicit Members(const config::Pool& pool) : pool_(pool) {
    for (const config::Cohort& cohort : pool.cohorts)
      add(cohort, fairness::Level::cohort, cohort.name, path_of_cohort(cohort.cohort));
    for (const config::Member& member : pool.members)
      if (member.project.empty()) add_tenant(member);
    for (const config::Member& member : pool.members)
      if (!member.project.empty()) add_project(member);
  }
  std::vector<fairness::NodeSpec>& specs() { return specs_; }

  // `param` is that of PoolTree::build: "nodes[3].weight".
  const config::Position& place(std::string_view param) const {
    std::size_t index = 0;
    const std::size_t open = param.find('[');
    if (open == param.npos) return pool_.position;
    const char* const from = param.data() + open + 1;
    if (std::from_chars(from, param.data() + param.size(), index).ec != std::errc())
      return pool_.position;
    return index < places_.size() ? *places_[index] : pool_.position;
  }

 private:
  void add(const config::PoolShare& share, fairness::Level level, const std::string& name,
           std::string parent) {
    fairness::NodeSpec spec = node_of(share);
    spec.level = level;
    spec.name = name;
    spec.parent = std::move(parent);
    specs_.push_back(std::move(spec));
    places_.push_back(&share.position);
  }
  void add_tenant(const config::Member& member) {
    std::string parent = path_of_cohort(member.cohort);
    tenants_[member.tenant] = joined(parent, member.tenant);
    add(member, fairness::Level::tenant, member.tenant, std::move(parent));
    bound_last(member);
  }
  // Its tenant may have no share of its own.
  void add_project(const config::Member& member) {
    const auto [tenant, is_new] = tenants_.try_emplace(member.tenant, member.tenant);
    if (is_new) {
      const config::PoolShare usual;
      add(usual, fairness::Level::tenant, member.tenant, "");
      places_.back() = &member.position;
    }
    add(member, fairness::Level::project, member.project, tenant->second);
    bound_last(member);
  }
  void bound_last(const config::Member& member) {
    specs_.back().concurrency_max = to_count(member.concurrency_max);
    specs_.back().user_concurrency_max = to_count(member.user_concurrency_max);
  }
  // Cohorts that hold each other have no path; the tree says so.
  std::string path_of_cohort(const std::string& name) const {
    std::string path;
    std::string at = name;
    for (std::size_t depth = 0; !at.empty() && depth <= pool_.cohorts.size(); ++depth) {
      path = path.empty() ? at : at + "/" + path;
      const auto found = std::ranges::find(pool_.cohorts, at, &config::Cohort::name);
      at = found == pool_.cohorts.end() ? "" : found->cohort;
    }
    return path;
  }

  const config::Pool& pool_;
  std::vector<fairness::NodeSpec> specs_;
  std::vector<const config::Position*> places_;
  std::map<std::string, std::string> tenants_;  // paths by name
};

// What is wrong with a pool.
struct Wrong {
  config::Position place;
  std::string field;  // as the configuration calls it; empty: the pool as a whole
  std::string message;
};

std::string field_of(std::string_view param) {
  const std::string_view field = param.substr(param.find('.') + 1);
  if (field == "nominal") return "guaranteed";
  return std::string(field == "parent" ? "cohort" : field);
}

std::expected<gateway::PoolSettings, Wrong> settings_of(const config::Pool& pool) {
  constexpr double kPercent = 100;
  Members members(pool);
  gateway::PoolSettings settings{.name = pool.name,
                                 .engines = pool.engines,
                                 .members = members.specs(),
                                 .capacity = to_double(pool.capacity)};
  auto& classes = settings.options.classes;
  classes[0].min_share = pool.interactive_share / kPercent;
  classes[1].min_share = pool.agent_share / kPercent;
  classes[2].min_share = pool.batch_share / kPercent;
  settings.options.locality_window =
      std::chrono::duration_cast<std::chrono::microseconds>(pool.locality_window).count();
  if (pool.targets)
    settings.targets = routing::Targets{.first_token = pool.targets->first_token,
                                        .first_token_per_1000 = pool.targets->first_token_per_1000,
                                        .per_token = pool.targets->per_token};
  settings.options.reclaim_after = pool.reclaim_after;
  settings.options.borrower_tokens_max = pool.borrower_tokens_max;
  if (const Result<void> fits = fairness::validate(settings.options); !fits)
    return std::unexpected(Wrong{pool.position, "", fits.error().message()});
  const auto tree = fairness::PoolTree::build(settings.members, settings.capacity);
  if (tree) return settings;
  const std::string& param = tree.error().param();
  return std::unexpected(Wrong{members.place(param), field_of(param), tree.error().message()});
}

std::string text_of(const config::Pool& pool, const Wrong& wrong) {
  const std::string field = wrong.field.empty() ? "" : wrong.field + ": ";
  return fmt::format("pool '{}': {}{}", pool.name, field, wrong.message);
}

}  // namespace

Result<std::vector<gateway::PoolSettings>> pool_settings(const std::vector<config::Pool>& pools) {
  std::vector<gateway::PoolSettings> all;
  for (const config::Pool& pool : pools) {
    auto settings = settings_of(pool);
    if (!settings) {
      // A member that the admin API made has no place in the file.
      const config::Position& place =
          settings.error().place.file.empty() ? pool.position : settings.error().place;
      return our_error(Code::config_invalid,
                       fmt::format("{}: error: {}", place.text(), text_of(pool, settings.error())));
    }
    all.push_back(*std::move(settings));
  }
  return all;
}

Result<void> check_pool(const config::Pool& pool) {
  const auto settings = settings_of(pool);
  if (settings) return {};
  return client_error(Code::invalid_value, text_of(pool, settings.error()), settings.error().field);
}

}  // namespace sovmesh::compose
