#include "control/pool_members.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "control/admin_objects.h"

namespace sovmesh::control {
namespace {

Decimal decimal_of(std::int64_t micro) {
  return {.whole = micro / Decimal::kMicro,
          .millionths = static_cast<std::int32_t>(micro % Decimal::kMicro)};
}
std::optional<Decimal> decimal_of(std::optional<std::int64_t> micro) {
  return micro ? std::optional(decimal_of(*micro)) : std::nullopt;
}
std::optional<int> count_of(std::optional<std::int64_t> count) {
  return count ? std::optional(static_cast<int>(*count)) : std::nullopt;
}

}  // namespace

config::Member member_of(const store::PoolMemberRecord& record, const store::ControlData& data) {
  config::Member member;
  member.tenant = slug_of(data, record.tenant);
  if (!record.project.value.is_nil()) member.project = slug_of(data, record.project);
  member.cohort = record.cohort;
  member.guaranteed = decimal_of(record.guaranteed);
  member.borrowing_limit = decimal_of(record.borrowing_limit);
  member.lending_limit = decimal_of(record.lending_limit);
  member.weight = decimal_of(record.weight);
  member.concurrency_max = count_of(record.concurrency_max);
  member.user_concurrency_max = count_of(record.user_concurrency_max);
  return member;
}

std::vector<config::Pool> pools_with(std::vector<config::Pool> declared,
                                     const store::ControlData& data) {
  for (const store::PoolMemberRecord& record : data.pool_members) {
    const auto pool = std::ranges::find(declared, record.pool, &config::Pool::name);
    if (pool != declared.end()) pool->members.push_back(member_of(record, data));
  }
  return declared;
}

std::vector<config::Pool> pools_in_force(std::vector<config::Pool> declared,
                                         const store::ControlData& data) {
  std::vector<config::Pool> pools = pools_with(std::move(declared), data);
  for (config::Pool& pool : pools) {
    for (config::Member& member : pool.members) {
      const bool is_ours = member.position.file.empty();
      if (is_ours && member.lending_limit)
        member.lending_limit = std::min(*member.lending_limit, member.guaranteed);
    }
  }
  return pools;
}

std::string member_text(std::string_view pool, const config::Member& member) {
  if (member.project.empty()) return fmt::format("tenant '{}' in pool '{}'", member.tenant, pool);
  return fmt::format("project '{}' of tenant '{}' in pool '{}'", member.project, member.tenant,
                     pool);
}

}  // namespace sovmesh::control
