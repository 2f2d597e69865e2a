#include "gateway/live_counts.h"

#include <algorithm>
#include <cmath>

namespace sovmesh::gateway {
namespace {

std::int64_t second_of(Instant now) {
  return std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count();
}

// The least value that so many of a hundred do not exceed.
std::optional<double> percentile(std::vector<double>& values, double percent) {
  if (values.empty()) return std::nullopt;
  const auto rank = std::ceil(percent / 100 * static_cast<double>(values.size()));
  const auto place =
      values.begin() + std::max<std::ptrdiff_t>(0, static_cast<std::ptrdiff_t>(rank) - 1);
  std::ranges::nth_element(values, place);
  return *place;
}

}  // namespace

LiveCounts::Second& LiveCounts::Series::at(std::int64_t second) {
  Second& place = seconds[static_cast<std::size_t>(second) % seconds.size()];
  if (place.at != second) place = {.at = second};
  last = second;
  return place;
}

void LiveCounts::Series::add_sample(const Sample& sample, std::size_t max) {
  if (samples.size() < max) {
    samples.push_back(sample);
    return;
  }
  samples[next_sample] = sample;
  next_sample = (next_sample + 1) % max;
}

class LiveCounts::Sum {
 public:
  explicit Sum(Instant now) : until_(second_of(now)) {}

  void add(const Series& series) {
    for (const Second& second : series.seconds) {
      if (!is_inside(second.at)) continue;
      sum_.requests += second.requests;
      sum_.tokens += second.tokens;
      sum_.errors += second.errors;
    }
    for (const Sample& sample : series.samples)
      if (is_inside(sample.at)) first_tokens_.push_back(sample.ms);
  }
  bool is_nothing() const { return sum_.requests == 0 && sum_.tokens == 0; }

  Figures figures() && {
    const auto per_second = [](std::int64_t count) {
      return static_cast<double>(count) / static_cast<double>(kWindow);
    };
    Figures out{.requests_per_s = per_second(sum_.requests),
                .output_tokens_per_s = per_second(sum_.tokens),
                .errors_per_s = per_second(sum_.errors)};
    out.first_token_p50_ms = percentile(first_tokens_, 50);
    out.first_token_p95_ms = percentile(first_tokens_, 95);
    return out;
  }

 private:
  bool is_inside(std::int64_t second) const {
    return second < until_ && second >= until_ - kWindow;
  }

  std::int64_t until_;
  Second sum_;
  std::vector<double> first_tokens_;
};

// Null: there are too many.
LiveCounts::Series* LiveCounts::series_of(State& state, TenantId tenant, std::int64_t second) {
  if (const auto found = state.tenants.find(tenant); found != state.tenants.end())
    return &found->second;
  if (state.tenants.size() >= kTenantsMax)
    std::erase_if(state.tenants,
                  [&](const auto& one) { return one.second.last < second - kWindow; });
  if (state.tenants.size() >= kTenantsMax) return nullptr;
  return &state.tenants[tenant];
}

void LiveCounts::note_tokens(TenantId tenant, std::int64_t tokens, Instant now) {
  if (tokens <= 0) return;
  const std::int64_t second = second_of(now);
  state_.with([&](State& state) {
    state.all.at(second).tokens += tokens;
    if (Series* const own = series_of(state, tenant, second)) own->at(second).tokens += tokens;
  });
}

void LiveCounts::note_end(const Ended& ended, Instant now) {
  const std::int64_t second = second_of(now);
  state_.with([&](State& state) {
    const auto add = [&](Series& series, std::size_t samples_max) {
      Second& place = series.at(second);
      ++place.requests;
      place.errors += ended.failed ? 1 : 0;
      if (!ended.first_token) return;
      const std::chrono::duration<double, std::milli> ms = *ended.first_token;
      series.add_sample({.at = second, .ms = ms.count()}, samples_max);
    };
    add(state.all, kAllSamplesMax);
    if (Series* const own = series_of(state, ended.tenant, second)) add(*own, kSamplesMax);
  });
}

LiveCounts::Figures LiveCounts::read(Instant now, const std::set<TenantId>* whose) {
  Sum sum(now);
  state_.with([&](State& state) {
    if (whose == nullptr) {
      sum.add(state.all);
      return;
    }
    for (const TenantId tenant : *whose)
      if (const auto found = state.tenants.find(tenant); found != state.tenants.end())
        sum.add(found->second);
  });
  return std::move(sum).figures();
}

std::vector<LiveCounts::OfTenant> LiveCounts::busiest(Instant now, std::size_t max,
                                                      const std::set<TenantId>* whose) {
  std::vector<OfTenant> out;
  state_.with([&](State& state) {
    for (const auto& [tenant, series] : state.tenants) {
      if (whose != nullptr && !whose->contains(tenant)) continue;
      if (series.last < second_of(now) - kWindow) continue;
      Sum sum(now);
      sum.add(series);
      if (!sum.is_nothing()) out.push_back({tenant, std::move(sum).figures()});
    }
  });
  std::ranges::sort(out, [](const OfTenant& a, const OfTenant& b) {
    if (a.figures.requests_per_s != b.figures.requests_per_s)
      return a.figures.requests_per_s > b.figures.requests_per_s;
    if (a.figures.output_tokens_per_s != b.figures.output_tokens_per_s)
      return a.figures.output_tokens_per_s > b.figures.output_tokens_per_s;
    return a.tenant < b.tenant;
  });
  if (out.size() > max) out.resize(max);
  return out;
}

}  // namespace sovmesh::gateway
