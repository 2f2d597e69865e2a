#include "fairness/options.h"

#include <string>

namespace sovmesh::fairness {
namespace {

std::unexpected<Error> wrong(std::string what, std::string field) {
  return client_error(Code::config_invalid, std::move(what), std::move(field));
}

Result<void> check_caps(const Caps& caps, const std::string& field) {
  if (caps.requests == 0) return wrong("want at least 1", field + ".requests");
  if (caps.bytes < 1) return wrong("want at least 1", field + ".bytes");
  if (caps.tokens < 1) return wrong("want at least 1", field + ".tokens");
  return {};
}

Result<void> check_classes(const Options& options) {
  double sum = 0;
  int without = 0;
  for (const PriorityClass priority : kAllClasses) {
    const ClassOptions& one = options.classes[static_cast<std::size_t>(priority)];
    const std::string field = "classes." + std::string(name(priority));
    if (!(one.min_share >= 0 && one.min_share <= 1))
      return wrong("want 0..1", field + ".min_share");
    sum += one.min_share;
    without += one.min_share <= 0 && !one.strict;
    TRY_VOID(check_caps(one.caps, field + ".caps"));
  }
  if (sum > 1 + 1e-9) return wrong("the minimum shares sum to more than 1", "classes");
  if (without > 0 && static_cast<std::size_t>(without) < kClasses)
    return wrong("a class that is not strict needs a minimum share, or it may starve", "classes");
  return {};
}

}  // namespace

Result<void> validate(const Options& options) {
  TRY_VOID(check_classes(options));
  TRY_VOID(check_caps(options.tenant_caps, "tenant_caps"));
  const auto is_positive = [](auto duration) { return duration.count() > 0; };
  if (options.locality_window < 0 || options.locality_window > kCostMax)
    return wrong("want 0 or more GPU-microseconds", "locality_window");
  if (!(options.late_part >= 0 && options.late_part <= 1)) return wrong("want 0..1", "late_part");
  if (options.late_max.count() < 0) return wrong("want 0 s or more", "late_max");
  if (options.window_candidates < 1 || options.window_candidates > 16)
    return wrong("want 1..16", "window_candidates");
  if (options.leaf_probes < 1 || options.leaf_probes > 16)
    return wrong("want 1..16", "leaf_probes");
  if (options.probes_max < 1) return wrong("want at least 1", "probes_max");
  if (!is_positive(options.idle_ttl)) return wrong("want more than 0 s", "idle_ttl");
  if (!is_positive(options.debt_max)) return wrong("want more than 0 s", "debt_max");
  if (!is_positive(options.burst)) return wrong("want more than 0 s", "burst");
  if (options.return_credit.count() < 0 || options.return_credit > options.burst)
    return wrong("want 0 s up to the burst", "return_credit");
  if (!is_positive(options.aging)) return wrong("want more than 0 s", "aging");
  if (!is_positive(options.epoch)) return wrong("want more than 0 s", "epoch");
  if (options.half_life < options.epoch) return wrong("want at least an epoch", "half_life");
  if (!(options.history_factor_max >= 1 && options.history_factor_max <= 100))
    return wrong("want 1..100", "history_factor_max");
  if (options.bypass_max < 1) return wrong("want at least 1", "bypass_max");
  if (!is_positive(options.recheck)) return wrong("want more than 0 ms", "recheck");
  // Longer than that would only look as if it were on.
  if (!is_positive(options.reclaim_after) || options.reclaim_after > std::chrono::hours(1))
    return wrong("want more than 0 ms, up to an hour", "reclaim_after");
  if (options.borrower_tokens_max < 1 || options.borrower_tokens_max > 1'000'000)
    return wrong("want 1..1000000", "borrower_tokens_max");
  if (options.requests_max < 1 || options.requests_max > 16'000'000)
    return wrong("want 1..16000000", "requests_max");
  if (options.users_max < 1 || options.users_max > 16'000'000)
    return wrong("want 1..16000000", "users_max");
  return {};
}

}  // namespace sovmesh::fairness
