#include "routing/outlier.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace sovmesh::routing {

using std::chrono::milliseconds;

OutlierDetector::Settings OutlierDetector::Settings::ours() {
  using namespace std::chrono_literals;
  Settings s;
  s.errors = {5, 100};
  s.gateway_errors = {5, 100};
  s.local = {3, 100};
  s.split_local = true;
  s.interval = 5s;
  s.jitter = 5s;
  s.small_pools = true;
  s.failure = {.hosts_min = 2, .volume_min = 10, .enforce_percent = 100, .intervals = 6};
  s.failure_percent = 50;
  return s;
}

SuccessThreshold success_threshold(std::span<const double> rates, double factor) {
  if (rates.empty()) return {};
  const auto n = static_cast<double>(rates.size());
  double sum = 0;
  for (const double rate : rates)
    sum += rate;
  const double mean = sum / n;
  double squares = 0;
  for (const double rate : rates)
    squares += (rate - mean) * (rate - mean);
  const double sigma = std::sqrt(squares / n);
  return {.mean = mean, .sigma = sigma, .threshold = mean - factor * sigma};
}

void OutlierDetector::add(EndpointIndex host) {
  if (host >= table_.size()) table_.resize(std::size_t{host} + 1);
  assert(!table_[host].known);
  table_[host] = {.known = true,
                  .external = std::vector<Bucket>(kIntervalsMax + 1),
                  .internal = std::vector<Bucket>(kIntervalsMax + 1)};
  ++hosts_;
}

void OutlierDetector::remove(EndpointIndex host) {
  if (!known(host)) return;
  if (table_[host].out) --ejected_;
  table_[host] = {};
  --hosts_;
}

void OutlierDetector::on_result(EndpointIndex index, Seen seen, Instant now) {
  if (!known(index)) return;
  Host& host = table_[index];
  const bool apart = settings_.split_local;
  Bucket& bucket = (apart && seen == Seen::local ? host.internal : host.external).front();
  ++bucket.all;
  switch (seen) {
    case Seen::ok:
      ++bucket.ok;
      if (apart) {  // an answer is a success of the way to the endpoint, too
        ++host.internal.front().all;
        ++host.internal.front().ok;
      }
      host.errors = host.gateway_errors = host.local = 0;
      return;
    case Seen::error:
      host.gateway_errors = 0;
      if (apart) {
        ++host.internal.front().all;
        ++host.internal.front().ok;
        host.local = 0;
      }
      fail(host, &Host::errors, settings_.errors, now);
      return;
    case Seen::gateway_error:
      if (apart) {
        ++host.internal.front().all;
        ++host.internal.front().ok;
        host.local = 0;
      }
      fail(host, &Host::gateway_errors, settings_.gateway_errors, now);
      fail(host, &Host::errors, settings_.errors, now);
      return;
    case Seen::local:
      if (apart) {
        fail(host, &Host::local, settings_.local, now);
      } else {
        fail(host, &Host::gateway_errors, settings_.gateway_errors, now);
        fail(host, &Host::errors, settings_.errors, now);
      }
      return;
  }
}

void OutlierDetector::fail(Host& host, std::uint32_t Host::* counter, const Consecutive& rule,
                           Instant now) {
  if (++(host.*counter) != rule.failures) return;
  host.*counter = 0;
  try_eject(host, rule.enforce_percent, now);
}

void OutlierDetector::forgive(EndpointIndex index, Seen seen) {
  if (!known(index) || seen == Seen::ok) return;
  Host& host = table_[index];
  const bool local = settings_.split_local && seen == Seen::local;
  for (std::uint32_t Host::* counter : {&Host::errors, &Host::gateway_errors, &Host::local}) {
    const bool counted = counter == &Host::local            ? local
                         : counter == &Host::gateway_errors ? !local && seen != Seen::error
                                                            : !local;
    if (counted && host.*counter > 0) --(host.*counter);
  }
  Bucket& bucket = (local ? host.internal : host.external).front();
  if (bucket.all > bucket.ok) --bucket.all;
}

bool OutlierDetector::room() const {
  const std::size_t next = ejected_ + 1;
  if (settings_.small_pools) return next <= (hosts_ < 2 ? 0 : hosts_ < 4 ? 1 : hosts_ / 2);
  return 100 * next <= settings_.ejected_percent_max * hosts_ ||
         (ejected_ == 0 && settings_.always_eject_one);
}

void OutlierDetector::try_eject(Host& host, std::uint32_t enforce_percent, Instant now) {
  if (host.out) return;
  if (!room()) {
    ++overflows_;
    return;
  }
  if (random_.below(100) >= enforce_percent) return;
  host.out = true;
  host.out_since = now;
  ++ejected_;
  if (host.backoff * settings_.base < settings_.max + settings_.base) ++host.backoff;
  const auto jitter = static_cast<std::uint32_t>(settings_.jitter.count());
  host.jitter = milliseconds(jitter == 0 ? 0 : random_.below(jitter + 1));
}

void OutlierDetector::bring_back(Host& host, Instant now) {
  host.out = false;
  host.returned_at = now;
  host.errors = host.gateway_errors = host.local = 0;
  --ejected_;
}

void OutlierDetector::on_interval(Instant now) {
  for (Host& host : table_) {
    if (!host.known) continue;
    if (host.out) {
      const milliseconds out = std::min<milliseconds>(host.backoff * settings_.base, settings_.max);
      if (now - host.out_since >= out + host.jitter) bring_back(host, now);
    } else if (host.backoff > 0 && now - *host.returned_at >= settings_.interval) {
      --host.backoff;
    }
    for (std::vector<Bucket>* buckets : {&host.external, &host.internal}) {
      std::ranges::rotate(*buckets, buckets->end() - 1);
      buckets->front() = {};
    }
  }
  judge(&Host::external, now);
  if (settings_.split_local) judge(&Host::internal, now);
}

// The hosts with enough requests in the intervals that have ended.
std::vector<OutlierDetector::Judged> OutlierDetector::judged(
    const Settings::Rate& rate, const std::vector<Bucket> Host::* buckets) const {
  std::vector<Judged> result;
  for (std::size_t i = 0; i < table_.size(); ++i) {
    const Host& host = table_[i];
    if (!host.known || host.out) continue;
    Bucket sum;
    for (std::size_t past = 1; past <= std::min(rate.intervals, kIntervalsMax); ++past) {
      sum.ok += (host.*buckets)[past].ok;
      sum.all += (host.*buckets)[past].all;
    }
    if (sum.all > 0 && sum.all >= rate.volume_min)
      result.push_back({static_cast<EndpointIndex>(i), 100.0 * sum.ok / sum.all});
  }
  return result;
}

// Both rules look at the same hosts: whom the first one takes out still counts for the second.
void OutlierDetector::judge(const std::vector<Bucket> Host::* buckets, Instant now) {
  const std::vector<Judged> by_success = judged(settings_.success, buckets);
  const std::vector<Judged> by_failure = judged(settings_.failure, buckets);
  if (by_success.size() >= settings_.success.hosts_min) {
    std::vector<double> rates;
    for (const Judged& host : by_success)
      rates.push_back(host.success);
    const double threshold = success_threshold(rates, settings_.success_factor).threshold;
    for (const Judged& host : by_success)
      if (host.success < threshold)
        try_eject(table_[host.host], settings_.success.enforce_percent, now);
  }
  if (by_failure.size() < settings_.failure.hosts_min) return;
  for (const Judged& host : by_failure)
    if (100 - host.success >= settings_.failure_percent)
      try_eject(table_[host.host], settings_.failure.enforce_percent, now);
}

void OutlierDetector::on_probe_ok(EndpointIndex host, Instant now) {
  if (ejected(host)) bring_back(table_[host], now);
}

bool OutlierDetector::known(EndpointIndex host) const {
  return host < table_.size() && table_[host].known;
}

bool OutlierDetector::ejected(EndpointIndex host) const { return known(host) && table_[host].out; }

bool OutlierDetector::panic() const {
  return static_cast<double>(hosts_ - ejected_) < kPanicBelow * static_cast<double>(hosts_);
}

std::optional<Instant> OutlierDetector::returned_at(EndpointIndex host) const {
  return known(host) ? table_[host].returned_at : std::nullopt;
}

}  // namespace sovmesh::routing
